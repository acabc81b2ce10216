import Foundation
import Testing

/// Runs every numbered example as a reader would, and compares what it prints.
@Suite("Examples", .serialized)
struct ExamplesTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static let examples: [String] = {
        let names =
            (try? FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent("Examples").path)) ?? []
        return names.filter { $0.first?.isNumber == true }.sorted()
    }()

    @Test("There are examples to run")
    func found() { #expect(Self.examples.count >= 4) }

    @Test("An example prints what its folder says", .timeLimit(.minutes(10)), arguments: examples)
    func run(_ example: String) throws {
        let folder = Self.root.appendingPathComponent("Examples/\(example)")
        let output = try Self.run(folder.appendingPathComponent("run.sh"))
        let expected = try String(contentsOf: folder.appendingPathComponent("expected.txt"), encoding: .utf8)
        #expect(output.text == expected, "exit status \(output.status); \(output.errors)")
        #expect(output.status == 0)
    }

    private static func run(_ script: URL) throws -> (status: Int32, text: String, errors: String) {
        let errors = FileManager.default.temporaryDirectory.appendingPathComponent("opsbus-\(UUID().uuidString).err")
        try Data().write(to: errors)
        defer { try? FileManager.default.removeItem(at: errors) }
        let process = Process()
        process.executableURL = script
        process.standardInput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: errors)
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text, (try? String(contentsOf: errors, encoding: .utf8)) ?? "")
    }
}
