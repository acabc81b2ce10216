internal import Core
internal import Glibc
internal import Platform
internal import Storage

/// Where a server keeps what; all of it beneath one directory.
struct DataDirectory: Sendable {
    let path: String

    /// The journal's segments.
    var journal: String { path + "/journal" }
    /// The database, which holds the audit log too.
    var database: String { path + "/opsbus.db" }
    /// The server's CURVE key pair.
    var serverKey: String { path + "/server.key" }
}

/// One result of an examination.
struct Finding: Hashable {
    enum Verdict: String { case good, warning, bad }

    let verdict: Verdict
    /// What was examined.
    let part: String
    let text: String
    /// What to do; empty where nothing is needed.
    let advice: String

    init(_ verdict: Verdict, _ part: String, _ text: String, advice: String = "") {
        self.verdict = verdict
        self.part = part
        self.text = text
        self.advice = advice
    }

    var json: JSON {
        [
            "Verdict": .string(verdict.rawValue), "Part": .string(part), "Text": .string(text),
            "Advice": .string(advice),
        ]
    }
}

extension DataDirectory {
    func verify() throws -> JSON { [:] }
    func examine() -> [Finding] { [] }
}
