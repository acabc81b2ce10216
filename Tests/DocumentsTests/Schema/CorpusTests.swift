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

    /// Two documents hold a mistake of their author.
    static let refusals = [
        "amazon-ssm-agent__framework-docparser-testdata-sampleMessageVersion2_2.json":
            "step \"runPowerShellScript1\" needs the input \"runCommand\" at line 10, column 17",
        "aws-digito-artifacts-gameday__sop-restore_to_point_in_time-2020-04-01-AutomationDocument.yaml":
            "the key \"nextStep\" is repeated, it stands at line 97, column 5 already at line 111, column 5",
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

    @Test("What cannot run is said by step and action", arguments: Corpus.entries)
    func unsupported(entry: Corpus.Entry) throws {
        guard Self.refusals[entry.file] == nil else { return }
        let document = try Document(parsing: try entry.bytes, fileName: entry.file)
        // The plugins of command documents are all known to nodes, which skip or refuse those they lack.
        let executable: Set = [
            "aws:runCommand", "aws:executeScript", "aws:executeAwsApi", "aws:branch", "aws:sleep",
            "aws:assertAwsResourceProperty",
        ]
        let named = document.unsupportedParts.map(\.description).joined(separator: "\n")
        for action in entry.actions {
            #expect(named.contains(action + ", which") == (document.runbook != nil && !executable.contains(action)))
        }
        if document.runbook == nil || executable.isSuperset(of: entry.actions) {
            try document.checkExecutable()
        } else {
            #expect(throws: DocumentError.self) { try document.checkExecutable() }
        }
    }
}
