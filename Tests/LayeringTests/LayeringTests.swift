import Foundation
import Testing

@Suite("The structure of the sources")
struct LayeringTests {
    private static let systemModules: Set<String> = ["Glibc", "Synchronization", "Dispatch"]

    @Test("Each module imports only what the map in Sources/README.md allows")
    func imports() {
        let allowed = SourceTree.allowedImports
        #expect(allowed.count >= 10, "the table of Sources/README.md could not be read")
        for file in SourceTree.sources {
            guard let mayImport = allowed[file.module] else {
                Issue.record("\(file.path): module \(file.module) is not in the table of Sources/README.md")
                continue
            }
            for line in file.lines {
                guard let module = imported(line), !Self.systemModules.contains(module) else { continue }
                #expect(mayImport.contains(module), "\(file.path) imports \(module)")
            }
        }
    }

    @Test("The package declares the same dependencies as the map")
    func manifest() {
        let manifest = SourceTree.text("Package.swift")
        for (module, imports) in SourceTree.allowedImports where manifest.contains("library(\"\(module)\", [") {
            let start = manifest.range(of: "library(\"\(module)\", [")!.upperBound
            let end = manifest[start...].firstIndex(of: "]")!
            let declared = Set(
                manifest[start..<end].split(separator: ",")
                    .map { $0.trimmingCharacters(in: .whitespacesAndNewlines.union(["\""])) })
            #expect(declared == imports, "library \(module)")
        }
    }

    @Test("Pure modules read no clock, start no thread and hold no lock")
    func purity() {
        let banned = [
            "Mutex(", "pthread_", "Task {", "Task.detached", "ContinuousClock", "clock_gettime", "import Glibc",
        ]
        for file in SourceTree.sources where ["Core", "Patterns", "Documents"].contains(file.module) {
            // Publishing an immutable snapshot of a pattern set is what a lock is for, and conversions need libm.
            if file.path.hasSuffix("Patterns/Engine/PatternSet.swift") { continue }
            for (number, line) in file.lines.enumerated() where !isComment(line) {
                for word in banned where line.contains(word) {
                    if word == "import Glibc" && file.module == "Patterns" { continue }
                    Issue.record("\(file.path):\(number + 1): \(word)")
                }
            }
        }
    }

    @Test("Files and lines keep to their sizes")
    func sizes() {
        for file in SourceTree.sources { #expect(file.lines.count <= 500, "\(file.path): \(file.lines.count) lines") }
        for file in SourceTree.tests { #expect(file.lines.count <= 700, "\(file.path): \(file.lines.count) lines") }
        for file in SourceTree.sources + SourceTree.tests {
            for (number, line) in file.lines.enumerated() where line.unicodeScalars.count > 120 {
                // Data may need long lines; tables in doc comments too.
                if line.contains("\"\"\"") || line.contains("/// |") || isData(line) { continue }
                Issue.record("\(file.path):\(number + 1): \(line.unicodeScalars.count) columns")
            }
        }
    }

    @Test("No source uses what the style rules out")
    func bannedWords() {
        let banned = ["TODO", "FIXME", "import Foundation", "try!", "fatalError(", "Task.detached"]
        for file in SourceTree.sources {
            for (number, line) in file.lines.enumerated() {
                for word in banned where line.contains(word) {
                    Issue.record("\(file.path):\(number + 1): \(word)")
                }
            }
        }
    }

    @Test("Everything public has a doc comment")
    func docComments() {
        // Requirements of a protocol, a type's cases and its self-explaining conformances are documented at the type.
        let exempt = [
            "public import", "public init", "public static func <", "public static func +", "public static func -",
            "public static func ==", "public var description", "public var sqlValue", "public func hash",
            "public subscript",
        ]
        var missing: [String] = []
        for file in SourceTree.sources {
            for (number, line) in file.lines.enumerated() {
                let text = line.trimmingCharacters(in: .whitespaces)
                guard text.hasPrefix("public "),
                    ["func ", "struct ", "class ", "enum ", "actor ", "protocol "]
                        .contains(where: { text.contains($0) }), !exempt.contains(where: text.hasPrefix)
                else { continue }
                var above = number - 1
                while above >= 0, file.lines[above].trimmingCharacters(in: .whitespaces).hasPrefix("@") { above -= 1 }
                guard above >= 0, file.lines[above].trimmingCharacters(in: .whitespaces).hasPrefix("///") else {
                    missing.append("\(file.path):\(number + 1): \(text.prefix(70))")
                    continue
                }
            }
        }
        // Nested value types whose name says all, and implementations of documented protocol requirements.
        #expect(
            missing.count <= 120, "\(missing.count) public declarations have none:\n\(missing.joined(separator: "\n"))")
    }

    @Test("The top level holds only what it should")
    func topLevel() throws {
        let allowed: Set<String> = ["Package.swift", "Sources", "Tests", "Rules", "Examples", "README.md", "LICENSE"]
        let names = try FileManager.default.contentsOfDirectory(atPath: SourceTree.root.path)
        for name in names where !name.hasPrefix(".") { #expect(allowed.contains(name), "\(name)") }
    }

    private func imported(_ line: String) -> String? {
        // Imports are never indented; what is, stands in a text.
        guard !line.hasPrefix(" ") else { return nil }
        let words = line.split(separator: " ")
        guard let index = words.firstIndex(of: "import"), index <= 1, words.count == index + 2 else { return nil }
        return String(words[index + 1])
    }

    private func isComment(_ line: String) -> Bool { line.trimmingCharacters(in: .whitespaces).hasPrefix("//") }

    /// A line that is one string literal.
    private func isData(_ line: String) -> Bool {
        let text = line.trimmingCharacters(in: .whitespaces)
        return text.hasPrefix("\"") || text.hasPrefix("#\"") || text.hasPrefix("(\"") || text.hasPrefix("|")
    }
}
