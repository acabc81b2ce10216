import Foundation
import Testing

@testable import Main

/// Set `OPSBUS_UPDATE_SNAPSHOTS=1` to write the snapshots anew.
struct HelpTests {
    /// Every command by its path from the root.
    static let paths: [[Command]] = descend([.opsbus])

    private static func descend(_ path: [Command]) -> [[Command]] {
        [path] + (path.last?.subcommands ?? []).flatMap { descend(path + [$0]) }
    }

    static let names = paths.map { $0.map(\.name).joined(separator: " ") }

    private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Snapshots").standardized

    @Test(arguments: names)
    func `Help is as recorded`(name: String) async throws {
        let outcome = await opsbus(name.split(separator: " ").dropFirst().map(String.init) + ["--help"])
        #expect(outcome.exitCode == .success)
        #expect(outcome.errors.isEmpty)
        let file = Self.directory.appending(path: name.replacing(" ", with: "-") + ".txt")
        if ProcessInfo.processInfo.environment["OPSBUS_UPDATE_SNAPSHOTS"] == "1" {
            try outcome.output.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(outcome.output == (try String(contentsOf: file, encoding: .utf8)))
    }

    @Test(arguments: names)
    func `Help has an example that can be typed`(name: String) async throws {
        let path = try #require(Self.paths.first { $0.map(\.name).joined(separator: " ") == name })
        let command = try #require(path.last)
        #expect(command.run == nil || !command.examples.isEmpty)
        for example in command.examples where example.line.hasPrefix("opsbus ") {
            let words = shellWords(example.line.components(separatedBy: " | ")[0])
            #expect(throws: Never.self, "\(example.line)") {
                try ArgumentParser(root: .opsbus, globals: GlobalOptions.all).parse(words)
            }
        }
    }

    @Test func `No snapshot is left of a command that is gone`() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path())
        let expected = Set(Self.names.map { $0.replacing(" ", with: "-") + ".txt" })
        #expect(Set(files) == expected)
    }

    @Test func `Options of a command do not hide each other or the global ones`() {
        for path in Self.paths {
            let options = ArgumentParser(root: .opsbus, globals: GlobalOptions.all).options(of: path)
            let name = path.map(\.name).joined(separator: " ")
            #expect(Set(options.map(\.name)).count == options.count, "\(name)")
            let shorts = options.compactMap(\.short)
            #expect(Set(shorts).count == shorts.count, "\(name)")
        }
    }

    /// The words after the program's name, with quotes removed.
    private func shellWords(_ line: String) -> [String] {
        var words: [String] = []
        var word = ""
        var isQuoted = false
        for character in line {
            if character == "'" {
                isQuoted.toggle()
            } else if character == " " && !isQuoted {
                words.append(word)
                word = ""
            } else {
                word.append(character)
            }
        }
        return (words + [word]).dropFirst().filter { !$0.isEmpty }
    }
}
