import Core
import Documents
import Foundation
import Testing

/// Real public documents, each with its source and licence in `Corpus/index.json`.
enum Corpus {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Corpus")

    struct Entry: Sendable, CustomTestStringConvertible {
        var file: String
        var schemaVersion: String
        var actions: [String]
        var steps: Int
        var testDescription: String { file }

        var bytes: [UInt8] {
            get throws { Array(try Data(contentsOf: Corpus.folder.appendingPathComponent(file))) }
        }
    }

    static let entries: [Entry] = {
        guard let data = try? Data(contentsOf: folder.appendingPathComponent("index.json")),
            let index = try? JSON(parsing: Array(data))
        else { return [] }
        return (index["documents"]?.array ?? []).map { document in
            Entry(
                file: document["file"]?.string ?? "", schemaVersion: document["schemaVersion"]?.string ?? "",
                actions: (document["actions"]?.array ?? []).compactMap(\.string), steps: document["steps"]?.int ?? 0)
        }
    }()
}

@Suite struct CorpusTests {
    @Test("The corpus is there")
    func present() {
        #expect(Corpus.entries.count == 91)
    }

    /// One document holds a mistake of its author.
    static let refusals = [
        "amazon-ssm-agent__framework-docparser-testdata-sampleMessageVersion2_2.json":
            "step \"runPowerShellScript1\" needs the input \"runCommand\" at line 10, column 17",
    ]

    @Test("A real document is read with all its steps, or refused for its mistake", arguments: Corpus.entries)
    func accepted(entry: Corpus.Entry) throws {
        let content = try entry.bytes
        var refusal: String?
        do throws(DocumentError) {
            let document = try Document(parsing: content, fileName: entry.file)
            #expect(document.schema.rawValue == entry.schemaVersion)
            let actions = document.commandSteps.map(\.action) + (document.runbook?.steps.map(\.action) ?? [])
            #expect(Set(actions) == Set(entry.actions))
            #expect(actions.count == entry.steps)
        } catch {
            refusal = error.description
        }
        #expect(refusal == Self.refusals[entry.file])
    }

    /// What becomes of each document when it is created: a line `FILE: runs`, or `FILE: refused, REASONS`.
    static let table: [String: String] = {
        let text =
            (try? String(contentsOf: Corpus.folder.appendingPathComponent("outcomes.txt"), encoding: .utf8)) ?? ""
        let lines = text.split(separator: "\n").compactMap { line -> (String, String)? in
            guard let colon = line.firstRange(of: ": ") else { return nil }
            return (String(line[..<colon.lowerBound]), String(line[colon.upperBound...]))
        }
        return Dictionary(lines, uniquingKeysWith: { first, _ in first })
    }()

    @Test("A real document can be created, or is refused for the reasons in the table", arguments: Corpus.entries)
    func outcome(entry: Corpus.Entry) throws {
        let outcome = try Self.outcome(of: entry)
        #expect(Self.table[entry.file] == outcome, "\(entry.file): \(outcome)")
    }

    @Test("The table has a line for each document")
    func tableIsComplete() {
        #expect(Set(Self.table.keys) == Set(Corpus.entries.map(\.file)))
    }

    private static func outcome(of entry: Corpus.Entry) throws -> String {
        let content = try entry.bytes
        do throws(DocumentError) {
            let text = try DocumentText(
                checking: content, format: entry.file.hasSuffix(".json") ? .json : .yaml, type: nil)
            let platforms = text.platformTypes.map(\.rawValue).joined(separator: " ")
            guard let parts = text.document?.unsupportedParts, !parts.isEmpty else { return "runs on \(platforms)" }
            return "refused, " + Set(parts.map(reason)).sorted().joined(separator: ", ")
        } catch {
            return "refused, \(error)"
        }
    }

    /// What a step needs, without the step's own name and place.
    private static func reason(_ part: DocumentError) -> String {
        let words = part.message.split(separator: " ")
        if part.message.contains(" uses an attachment") { return "attachment" }
        if let place = words.firstIndex(of: "uses") { return words[place + 1].trimmingCharacters(in: [","]) }
        return part.message
    }
}
