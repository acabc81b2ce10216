import CSQLite
import Core
import Foundation
import Platform

@testable import Storage

/// A directory that goes away with the test.
final class Scratch: Sendable {
    let directory: String

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/opsbus-\(UUID().uuidString)"
        try Files.createDirectory(directory)
    }

    deinit { try? Files.remove(directory) }

    func path(_ name: String) -> String { directory + "/" + name }

    var database: String { path("state.db") }
}

let quiet = Log(component: "test", minimum: .error)

/// One table, as a module would bring it.
let notesMigration = Migration(
    module: "notes", number: 1, name: "notes",
    sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, body BLOB) STRICT;")

func openNotes(_ path: String, vfs: String? = nil) throws -> Database {
    try Database(path: path, migrations: [notesMigration], clock: SystemClock(), log: quiet, vfs: vfs)
}

/// A failure of a test's own closure.
struct Refusal: Error, Equatable {}

extension Transaction {
    /// Inserts a note and says so.
    func note(_ text: String, body: [UInt8]? = nil) throws {
        try execute("INSERT INTO notes (text, body) VALUES (?, ?)", text, body)
        try audit("PutNote", on: Subject(.document, text), outcome: .success, detail: ["Length": .integer(text.count)])
    }
}

extension Queryable where Self: ~Copyable {
    func notes() throws -> [String] {
        try query("SELECT text FROM notes ORDER BY text") { row in try row[0] }
    }
}

/// Changes a closed database behind its back.
func tamper(_ path: String, _ sql: String) throws {
    try Connection(path: path, access: .readWrite).run(script: sql)
}

/// Holds the writer's thread until a test lets it go.
final class Gate: Sendable {
    private let arrived = DispatchSemaphore(value: 0)
    private let opened = DispatchSemaphore(value: 0)

    /// Called in a write: says that it runs, and blocks.
    func wait() {
        arrived.signal()
        opened.wait()
    }

    /// Returns once a write waits.
    func reached() async {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [arrived] in
                arrived.wait()
                continuation.resume()
            }
        }
    }

    func open() { opened.signal() }
}

extension Database {
    /// Returns once that many writes wait behind the one that runs.
    func waitForQueue(of count: Int) async throws {
        while queuedWrites < count { await Task.yield() }
    }
}
