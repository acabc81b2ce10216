import Foundation

/// The Swift sources of this repository, read once.
enum SourceTree {
    struct File: Sendable {
        /// Relative to the repository's root.
        let path: String
        let lines: [String]

        /// `Core` for `Sources/Core/JSON/JSON.swift`.
        var module: String { String(path.split(separator: "/")[1]) }
    }

    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let sources = files(in: "Sources")
    static let tests = files(in: "Tests")

    private static func files(in folder: String) -> [File] {
        let base = root.appendingPathComponent(folder)
        let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix(".swift") && !$0.contains(".build/") }.sorted().map { path in
            let text = (try? String(contentsOf: base.appendingPathComponent(path), encoding: .utf8)) ?? ""
            return File(path: "\(folder)/\(path)", lines: text.components(separatedBy: "\n"))
        }
    }

    static func text(_ path: String) -> String {
        (try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)) ?? ""
    }

    /// What each module may import, from the table in `Sources/README.md`.
    static var allowedImports: [String: Set<String>] {
        var allowed: [String: Set<String>] = [:]
        for line in text("Sources/README.md").components(separatedBy: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 3 else { continue }
            let module = cells[0].trimmingCharacters(in: ["`"])
            let imports = cells[2].split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            allowed[module] = Set(imports)
        }
        return allowed
    }
}
