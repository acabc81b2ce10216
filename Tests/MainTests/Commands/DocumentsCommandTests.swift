import API
import Core
import Foundation
import Testing

@testable import Main

struct DocumentsCommandTests {
    private static let runbook = """
        schemaVersion: "0.3"
        mainSteps:
          - name: wait
            action: aws:sleep
            inputs:
              Duration: PT1S
        """

    /// Writes a file that lasts as long as the body runs.
    private func withFile(_ name: String, _ text: String, _ body: (String) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "opsbus-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appending(path: name)
        try text.write(to: file, atomically: true, encoding: .utf8)
        try await body(file.path())
    }

    @Test func `A document is created under its file's name, with its type and format`() async throws {
        let connection = FakeConnection(["ssm:CreateDocument": [["DocumentDescription": ["DocumentVersion": "1"]]]])
        try await withFile("Wait-A-Bit.yaml", Self.runbook) { path in
            let outcome = await opsbus(["documents", "put", path], connection)
            #expect(outcome.output == "Wait-A-Bit has version 1\n", "\(outcome.errors)")
        }
        #expect(
            connection.inputs("ssm:CreateDocument") == [
                [
                    "Name": "Wait-A-Bit", "Content": .string(Self.runbook), "DocumentType": "Automation",
                    "DocumentFormat": "YAML",
                ]
            ])
    }

    @Test func `A malformed document is not sent`() async throws {
        let connection = FakeConnection()
        try await withFile("Bad.yaml", "schemaVersion: '0.3'\nmainSteps: 7\n") { path in
            let outcome = await opsbus(["documents", "put", path], connection)
            #expect(outcome.exitCode == .failure)
            #expect(outcome.errors.contains("line 2"), "\(outcome.errors)")
        }
        #expect(connection.calls.isEmpty)
    }

    @Test func `Files are checked without a server, with line and column`() async throws {
        try await withFile("Wait.yaml", Self.runbook) { path in
            let outcome = await opsbus(["documents", "check", path])
            #expect(outcome.output == "1 document, 0 problems\n")
            #expect(outcome.exitCode == .success)
        }
        try await withFile("Bad.yaml", "schemaVersion: '0.3'\nmainSteps: 7\n") { path in
            let outcome = await opsbus(["documents", "check", path])
            #expect(outcome.lines.first?.contains("Bad.yaml:2:") == true, "\(outcome.output)")
            #expect(outcome.exitCode == .failure)
        }
    }

    @Test func `Documents are listed, shown and deleted`() async {
        let connection = FakeConnection([
            "ssm:ListDocuments": [
                [
                    "DocumentIdentifiers": [
                        [
                            "Name": "Wait", "DocumentType": "Automation", "DocumentVersion": "1",
                            "SchemaVersion": "0.3", "DocumentFormat": "YAML", "Owner": "Self",
                        ]
                    ]
                ]
            ],
            "ssm:DescribeDocument": [["Document": ["DocumentFormat": "YAML"]]],
            "ssm:GetDocument": [["Content": "a: 1\nb: \u{1B}\n"]], "ssm:DeleteDocument": [[:]],
        ])
        let list = await opsbus(["documents", "list", "--type", "Automation"], connection)
        #expect(list.lines.last == "Wait  Automation  1        0.3     YAML    Self")
        #expect(
            connection.inputs("ssm:ListDocuments") == [
                [
                    "Filters": [
                        ["Key": "Owner", "Values": ["Self", "Amazon"]],
                        ["Key": "DocumentType", "Values": ["Automation"]],
                    ]
                ]
            ])
        let show = await opsbus(["documents", "show", "Wait", "--version", "2"], connection)
        #expect(show.output == "a: 1\nb: \u{FFFD}\n")
        #expect(
            connection.inputs("ssm:GetDocument")
                == [["Name": "Wait", "DocumentVersion": "2", "DocumentFormat": "YAML"]])
        #expect(await opsbus(["documents", "delete", "Wait"], connection).output == "Wait deleted\n")
    }
}
