import API
import Core
import Foundation
import Platform
import Testing

@testable import Agent

@Suite struct RunDocumentTests {
    let scratch = Scratch()

    private static func document(_ steps: String, parameters: String = "{}") -> TestServerContents.Document {
        .init(text: #"{"schemaVersion": "2.2", "parameters": \#(parameters), "mainSteps": [\#(steps)]}"#)
    }

    private static func script(_ name: String, _ text: String, _ more: String = "") -> String {
        #"{"action": "aws:runShellScript", "name": "\#(name)", "inputs": {"runCommand": ["\#(text)"]\#(more)}}"#
    }

    private func run(
        _ documents: [String: TestServerContents.Document], _ inputs: JSON
    ) async throws -> [StepReport] {
        let test = try await TestAgent(scratch)
        TestServerContents(documents).serve(test)
        let command = command(steps: ("aws:runDocument", inputs), ("aws:runShellScript", ["runCommand": "echo after"]))
        await test.run(command)
        let steps = try await test.report(command.id).steps
        await test.agent.stop()
        return steps
    }

    @Test func theStepsOfADocumentAreThoseOfTheStep() async throws {
        let inner = Self.document(
            Self.script("one", "echo {{ who }}") + "," + Self.script("two", "echo two >&2; exit 5") + ","
                + Self.script("three", "echo three"),
            parameters: #"{"who": {"type": "String", "allowedPattern": "^[a-z]+$"}}"#)
        let steps = try await run(
            ["Inner": inner],
            ["documentType": "SSMDocument", "documentPath": "Inner", "documentParameters": #"{"who": "you"}"#])
        #expect(steps[0].standardOutput == "you\nthree\n", "\(steps[0])")
        #expect(steps[0].standardError.hasPrefix("two\n"))
        #expect(steps[0].status == .failed && steps[0].code == 5)
        #expect(steps[1].standardOutput == "after\n")
    }

    @Test(
        arguments: [
            (["documentType": "SSMDocument", "documentPath": "None"], "The specified document does not exist."),
            (["documentType": "SSMDocument", "documentPath": "Strict"], "\"who\" is required"),
            (
                ["documentType": "SSMDocument", "documentPath": "Strict", "documentParameters": ["who": "1"]],
                "does not match its allowedPattern"
            ),
            (["documentType": "SSMDocument", "documentPath": "Runbook"], "only command documents run on nodes"),
            (["documentType": "SSMDocument", "documentPath": "Broken"], "mainSteps must not be empty at line 1"),
            (["documentType": "Other", "documentPath": "x"], "documentType must be"),
            (["documentType": "LocalPath", "documentPath": "none.json"], "none.json"),
            (["documentType": "LocalPath", "documentPath": "../x"], "leads out"),
        ] as [(JSON, String)])
    func whatCannotRunFailsTheStepWithTheReason(_ inputs: JSON, _ message: String) async throws {
        let documents: [String: TestServerContents.Document] = [
            "Strict": Self.document(
                Self.script("a", "echo never"),
                parameters: #"{"who": {"type": "String", "allowedPattern": "^[a-z]+$"}}"#),
            "Runbook": .init(
                text:
                    #"{"schemaVersion": "0.3", "mainSteps": [{"name": "a", "action": "aws:sleep","#
                    + #""inputs": {"Duration": "PT1S"}}]}"#
            ),
            "Broken": Self.document(""),
        ]
        let steps = try await run(documents, inputs)
        #expect(steps[0].status == .failed && steps[0].standardError.contains(message), "\(steps[0])")
        #expect(steps[0].standardOutput == "")
        #expect(steps[1].standardOutput == "after\n")
    }

    @Test func documentsWithinDocumentsGoThreeDeep() async throws {
        let inner = Self.document(
            Self.script("a", "echo deep") + ","
                + #"{"action": "aws:runDocument", "name": "b","#
                + #""inputs": {"documentType": "SSMDocument", "documentPath": "Self"}}"#
        )
        let steps = try await run(["Self": inner], ["documentType": "SSMDocument", "documentPath": "Self"])
        #expect(steps[0].standardOutput == "deep\ndeep\ndeep\n")
        #expect(steps[0].standardError.contains("3 deep") && steps[0].status == .failed)
    }

    @Test func exitCodesSpeakToTheInnerDocumentOnly() async throws {
        for (code, status) in [(168, StepReport.Status.success), (169, .failed), (194, .failed)] {
            let inner = Self.document(Self.script("a", "exit \(code)") + "," + Self.script("b", "echo never"))
            let steps = try await run(["Inner": inner], ["documentType": "SSMDocument", "documentPath": "Inner"])
            #expect(steps[0].status == status && !steps[0].standardOutput.contains("never\n"), "\(steps[0])")
            #expect(steps[1].standardOutput == "after\n")
        }
    }

    @Test func theOnlyDocumentOfADirectoryIsRun() async throws {
        let directory = scratch.directory + "/documents"
        try Files.createDirectory(directory)
        let text =
            "schemaVersion: '2.2'\nmainSteps: [{action: 'aws:runShellScript', name: a, inputs: {runCommand: pwd}}]\n"
        try Files.write(Array(text.utf8), to: directory + "/one.yaml")
        let inputs: JSON = ["documentType": "LocalPath", "documentPath": .string(directory)]
        #expect(try await run([:], inputs)[0].status == .success)
        try Files.write(Array(text.utf8), to: directory + "/two.yml")
        let steps = try await run([:], inputs)
        #expect(steps[0].standardError.contains("it holds: one.yaml, two.yml"), "\(steps[0])")
    }

    @Test func aCancelReachesTheInnerStep() async throws {
        let test = try await TestAgent(scratch)
        let started = scratch.directory + "/started"
        let inner = Self.document(
            Self.script("a", "touch \(started); sleep 1000") + "," + Self.script("b", "echo never"))
        TestServerContents(["Inner": inner]).serve(test)
        let command = command(steps: ("aws:runDocument", ["documentType": "SSMDocument", "documentPath": "Inner"]))
        await test.run(command)
        while !Files.exists(started) { try await Task.sleep(for: .milliseconds(2)) }
        await test.agent.receive(NodeMessage(.cancel, command: command.id))
        let report = try await test.report(command.id)
        #expect(report.outcome == .cancelled)
        #expect(report.steps[0].status == .cancelled && !report.steps[0].standardOutput.contains("never\n"))
    }

    @Test func referencesToDocumentsMayNameAVersion() {
        #expect(DocumentReference("A").name == "A" && DocumentReference("A").version == nil)
        #expect(DocumentReference("A:$LATEST").version == "$LATEST")
        let arn = "arn:aws:ssm:us-east-1:123456789012:document/A"
        #expect(DocumentReference(arn).name == arn && DocumentReference(arn).version == nil)
        #expect(DocumentReference(arn + ":3").name == arn && DocumentReference(arn + ":3").version == "3")
    }
}
