import API
import Core
import Storage
import TestSupport
import Testing

@testable import Governance

@Suite("Questions to the audit log") struct AuditOperationsTests {
    /// Six records, a second apart.
    private func filled() async throws -> TestGovernance {
        let governance = try TestGovernance()
        let event = Subject(.event, "e")
        for (action, subject, cause, principal, outcome): (String, Subject, Subject?, String, AuditOutcome) in [
            ("PutRule", Subject(.rule, "default/a"), nil, "app", .success),
            ("PutTargets", Subject(.rule, "default/a"), nil, "app", .success),
            ("Deliver", Subject(.delivery, "e/default/a/1"), event, "rule/a", .failure("THROTTLING")),
            ("Deliver", Subject(.delivery, "e/default/a/1"), event, "rule/a", .success),
            ("SendCommand", Subject(.command, "c"), Subject(.delivery, "e/default/a/1"), "rule/a", .started),
            ("PutRule", Subject(.rule, "default/ab"), nil, "local", .failure("ValidationException")),
        ] {
            try await governance.record(
                action, on: subject, because: cause, by: Principal(principal), outcome: outcome)
            governance.clock.advance(by: .seconds(1))
        }
        return governance
    }

    private func sequences(_ answer: JSON) -> [Int] { (answer["Records"]?.array ?? []).compactMap {
        $0["Sequence"]?.int } }

    @Test(
        "Each filter lets through what it names, and several what all of them name",
        arguments: [
            ("{}", [1, 2, 3, 4, 5, 6]), (#"{"Subject":"rule/default/a"}"#, [1, 2]),
            (#"{"Subject":"delivery/e/default/a/1"}"#, [3, 4]), (#"{"Kind":"rule"}"#, [1, 2, 6]),
            (#"{"Cause":"event/e"}"#, [3, 4]), (#"{"Principal":"rule/a"}"#, [3, 4, 5]),
            (#"{"Action":"PutRule"}"#, [1, 6]), (#"{"Action":"Put*"}"#, [1, 2, 6]), (#"{"Action":"*"}"#, [1, 2, 3, 4,
                5, 6]),
            (#"{"Action":"Put"}"#, []), (#"{"Action":"put*"}"#, []),
            (#"{"Outcome":"failure"}"#, [3, 6]), (#"{"Outcome":"started"}"#, [5]), (#"{"Outcome":"success"}"#, [1, 2,
                4]),
            (#"{"Since":1800000002}"#, [3, 4, 5, 6]), (#"{"Until":"2027-01-15T08:00:02Z"}"#, [1, 2]),
            (#"{"Since":1800000001,"Until":1800000003}"#, [2, 3]),
            (#"{"AfterSequence":4}"#, [5, 6]), (#"{"Limit":2}"#, [1, 2]), (#"{"Limit":2,"NewestFirst":true}"#, [6, 5]),
            (#"{"Kind":"rule","Outcome":"failure","Principal":"local"}"#, [6]),
            (#"{"Principal":"app' OR '1'='1"}"#, []), (#"{"Subject":"rule/default/a%"}"#, []),
        ])
    func filters(input: String, expected: [Int]) async throws {
        let governance = try await filled()
        #expect(sequences(try await governance.call("audit:ListRecords", JSON(parsing: input))) == expected)
    }

    @Test("A record tells who, what, when, why and how it went")
    func record() async throws {
        let governance = try await filled()
        let answer = try await governance.call("audit:ListRecords", ["AfterSequence": 2, "Limit": 1])
        var record = try #require(answer["Records"]?[0])
        #expect(record["Hash"]?.string?.count == 64)
        record["Hash"] = nil
        #expect(
            record == [
                "Sequence": 3, "Time": "2027-01-15T08:00:02.000Z", "Principal": "rule/a", "Action": "Deliver",
                "Subject": "delivery/e/default/a/1", "Cause": "event/e", "Outcome": "failure:THROTTLING",
                "Detail": [:],
            ])
    }

    @Test("Pages follow each other without a gap, and go on where the log goes on")
    func pages() async throws {
        let governance = try await filled()
        var seen: [Int] = []
        var after = 0
        for _ in 1...2 {
            let page = try await governance.call(
                "audit:ListRecords", ["AfterSequence": .integer(after), "Limit": 3, "Principal": "rule/a"])
            seen += sequences(page)
            after = try #require(page["NextSequence"]?.int)
        }
        #expect(seen == [3, 4, 5], "and nothing twice")
        try await governance.record("Deliver", on: Subject(.delivery, "f"), by: Principal("rule/a"))
        let more = try await governance.call(
            "audit:ListRecords", ["AfterSequence": .integer(after), "Principal": "rule/a"])
        #expect(more["Records"]?.texts("Subject") == ["delivery/f"])
    }

    @Test(
        "What is no filter is refused by name",
        arguments: [
            (#"{"Subject":"nonsense"}"#, "Subject must be KIND/IDENTIFIER, where KIND is one of: event, delivery"),
            (#"{"Cause":"nonsense/1"}"#, "Cause must be KIND/IDENTIFIER"), (#"{"Kind":"nonsense"}"#,
                "1 validation error"),
            (#"{"Outcome":"failed"}"#, "1 validation error"), (#"{"Limit":1001}"#, "1 validation error"),
            (#"{"Sbject":"rule/a"}"#, "Unknown member 'Sbject'. Did you mean 'Subject'?"),
        ])
    func malformed(input: String, message: String) async throws {
        let governance = try TestGovernance()
        let error = await refusal { try await governance.call("audit:ListRecords", JSON(parsing: input)) }
        #expect(error?.code == .validation && error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
        let noTime = await refusal { try await governance.call("audit:ListRecords", ["Since": "yesterday"]) }
        #expect(noTime?.code == .serialization && noTime?.message.contains("'since' must be a timestamp") == true)
    }

    @Test("Reads and refusals are on record themselves, long texts cut")
    func recorder() async throws {
        let governance = try TestGovernance()
        let context = OperationContext(principal: Principal("app"), cause: Subject(.step, "x/y"))
        let input: JSON = [
            "Content": .string(String(repeating: "é", count: 5000)), "List": .array(Array(repeating: 1, count: 100)),
            "Deep": ["Text": .string(String(repeating: "x", count: 600))],
        ]
        await governance.service.recorder.record(
            "ssm:CreateDocument", input, context, failure: ServiceError(.invalidDocumentContent, "no good"))
        let record = try await AuditLog(governance.database).list()[0]
        #expect(record.action == "CreateDocument" && record.subject == Subject(.operation, "ssm:CreateDocument"))
        #expect(record.outcome == .failure("InvalidDocumentContent") && record.cause == Subject(.step, "x/y"))
        #expect(record.detail["ErrorMessage"] == "no good")
        #expect(record.detail["Input"]?["Content"]?.string?.count == 257)
        #expect(record.detail["Input"]?["List"]?.array?.count == 20)
        #expect(record.detail["Input"]?["Deep"]?["Text"]?.string?.count == 257)
    }

    @Test("However much is asked for, its record stays small")
    func smallRecord() async throws {
        func times(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }
        let inputs = [
            "{\"\(times("k", 1_000_000))\":1}",
            "{\"number\":1.\(times("0", 1_000_000))}",
            "{\"marks\":\"e\(times("\u{301}", 500_000))\"}",
            "{\(times("\"member\":\"value\",", 50_000))\"last\":1}",
            "{\"lists\":[\(times("[[[],[],[],[],[],[]],[[],[],[],[],[],[]]],", 20_000))1]}",
            "{\"deep\":\(times("[[1,2,3,4,5,6,7,8,9],", 500))1\(times("]", 500))}",
        ]
        let governance = try TestGovernance()
        for input in inputs {
            await governance.service.recorder.record(
                "events:PutRule", try JSON(parsing: input), OperationContext(principal: Principal("app")),
                failure: ServiceError(.validation, input))
        }
        let records = try await AuditLog(governance.database).list()
        #expect(records.count == inputs.count)
        for record in records {
            #expect(record.detail.bytes.count < 16_000, "\(record.detail.bytes.count)")
            #expect(record.detail["Input"]?.object?.isEmpty == false)
        }
    }

    @Test("Verification is handed on as it is")
    func verify() async throws {
        let governance = try TestGovernance()
        #expect(try await governance.call("audit:Verify") == ["Intact": true, "FirstFault": "record 7"])
    }
}
