import Core
import Foundation
import Testing

@testable import Main

struct AuditCommandTests {
    private func record(_ sequence: Int, _ outcome: String = "success", cause: JSON? = nil) -> JSON {
        var record: JSON = [
            "Sequence": .integer(sequence), "Time": .string("2026-01-31T08:00:0\(sequence).000Z"), "Principal": "local",
            "Action": "PutRule", "Subject": .string("rule/r\(sequence)"), "Outcome": .string(outcome),
        ]
        record["Cause"] = cause
        return record
    }

    @Test func `The latest records are listed, the newest last`() async {
        let connection = FakeConnection([
            "audit:ListRecords": [
                [
                    "Records": [record(2, "failure:ValidationException", cause: "event/e"), record(1)],
                    "NextSequence": 2,
                ]
            ]
        ])
        let outcome = await opsbus(
            [
                "audit", "list", "--subject", "rule/x", "--kind", "rule", "--principal", "local", "--action", "PutRule",
                "--outcome", "failure", "--since", "2026-01-31T00:00:00Z", "--until", "2026-02-01T00:00:00Z", "-n", "7",
            ], connection)
        #expect(
            connection.inputs("audit:ListRecords") == [
                [
                    "Subject": "rule/x", "Kind": "rule", "Principal": "local", "Action": "PutRule",
                    "Outcome": "failure", "Since": "2026-01-31T00:00:00.000Z", "Until": "2026-02-01T00:00:00.000Z",
                    "Limit": 7, "NewestFirst": true,
                ]
            ])
        #expect(
            outcome.output == """
                SEQUENCE  TIME                      PRINCIPAL  ACTION   SUBJECT  OUTCOME                      CAUSE
                1         2026-01-31T08:00:01.000Z  local      PutRule  rule/r1  success                      
                2         2026-01-31T08:00:02.000Z  local      PutRule  rule/r2  failure:ValidationException  event/e

                """)
    }

    @Test func `Following goes on after the last record until ^C`() async {
        let connection = FakeConnection([
            "audit:ListRecords": [
                ["Records": [record(1)], "NextSequence": 1], ["Records": [record(2), record(3)], "NextSequence": 3],
                ["Records": []],
            ]
        ])
        let terminal = RecordingTerminal()
        let run = Task { await opsbus(["audit", "list", "--follow"], connection, terminal: terminal) }
        // Before the third call everything has been printed.
        while connection.calls.count < 3 { await Task.yield() }
        #expect(terminal.output.split(separator: "\n").count == 3)
        let inputs = connection.inputs("audit:ListRecords")
        #expect(inputs[1...2].map { $0["AfterSequence"] } == [1, 3])
        // The server holds the question until there is something new.
        #expect(inputs[1...2].map { $0["WaitTimeSeconds"] } == [20, 20])
        run.cancel()
    }

    @Test func `An interrupted follow is no failure`() async {
        let connection = FakeConnection([
            "audit:ListRecords": [["Records": [record(1)], "NextSequence": 1], ["Records": [], "NextSequence": 1]]
        ])
        let outcome = await opsbus(["audit", "list", "-f", "-o", "json"], connection, interrupted: true)
        #expect(outcome.exitCode == .success)
        #expect(outcome.lines == [record(1).text])
    }

    @Test func `A broken chain is named, and the exit code is 1`() async {
        let report: JSON = [
            "Intact": false, "FirstBroken": "audit log: record 7 is missing", "Journal": ["Records": 3],
            "Audit": ["Records": 9],
        ]
        let broken = await opsbus(["audit", "verify"], FakeConnection(["audit:Verify": [report]]))
        #expect(broken.exitCode == .failure)
        #expect(broken.output == "Journal.Records  3\nAudit.Records    9\nbroken: audit log: record 7 is missing\n")
        let whole = await opsbus(["audit", "verify"], FakeConnection(["audit:Verify": [["Intact": true]]]))
        #expect(whole.exitCode == .success)
        #expect(whole.output == "intact: no record was changed, removed or added\n")
    }
}
