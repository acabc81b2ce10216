import API
import Core
import Foundation
import Testing

@testable import Main

struct EventsCommandTests {
    private func accepted(_ count: Int) -> JSON {
        ["FailedEntryCount": 0, "Entries": .array((0..<count).map { ["EventId": .string("id-\($0)")] })]
    }

    @Test func `One event is sent as its options say, and its id is printed`() async {
        let connection = FakeConnection(["events:PutEvents": [accepted(1)]])
        let outcome = await opsbus(
            [
                "events", "put", "--bus", "orders", "-s", "my.app", "-t", "Order Paid", "-d", #"{"total": 1.0}"#,
                "--resource", "arn:aws:x:::a", "--resource", "arn:aws:x:::b",
                "--id", "6F0C53AD-1d1f-4c5a-9a55-7f3a4c9d2b11",
            ], connection)
        #expect(
            connection.inputs("events:PutEvents") == [
                [
                    "Entries": [
                        [
                            "Source": "my.app", "DetailType": "Order Paid", "Detail": #"{"total":1.0}"#,
                            "EventBusName": "orders", "Resources": ["arn:aws:x:::a", "arn:aws:x:::b"],
                            "OpsBusEventId": "6f0c53ad-1d1f-4c5a-9a55-7f3a4c9d2b11",
                        ]
                    ]
                ]
            ])
        #expect(outcome.output == "id-0\n")
        #expect(outcome.exitCode == .success)
    }

    @Test func `The detail may come from standard input`() async {
        let connection = FakeConnection(["events:PutEvents": [accepted(1)]])
        let outcome = await opsbus(
            ["events", "put", "-s", "a", "-t", "b", "-d", "-", "-o", "json"], connection, input: #"{"x": [1]}"#)
        #expect(connection.inputs("events:PutEvents")[0]["Entries"]?[0]?["Detail"] == #"{"x":[1]}"#)
        #expect(outcome.output == accepted(1).text + "\n")
    }

    @Test func `A refused event is an error with its code`() async {
        let answer: JSON = [
            "FailedEntryCount": 1,
            "Entries": [["ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."]],
        ]
        let outcome = await opsbus(
            ["events", "put", "-s", "a", "-t", "b", "-d", "1"], FakeConnection(["events:PutEvents": [answer]]))
        #expect(outcome.exitCode == .failure)
        #expect(outcome.errors == "opsbus: MalformedDetail: Detail is malformed.\n")
        #expect(outcome.output.isEmpty)
    }

    @Test func `What is missing or malformed is named before anything is sent`() async {
        let missing = await opsbus(["events", "put", "-s", "a", "-d", "{}"], FakeConnection())
        #expect(missing.exitCode == .usage)
        #expect(missing.errors == "opsbus: --detail-type TEXT is missing: What kind of event it is.\n")
        let malformed = await opsbus(["events", "put", "-s", "a", "-t", "b", "-d", "{x}"], FakeConnection())
        #expect(malformed.exitCode == .usage)
        #expect(
            malformed.errors == "opsbus: --detail: expected a key in double quotes, found 'x' at line 1, column 2: "
                + "give JSON, @FILE or - for standard input\n")
    }

    @Test func `A line for which the request is refused does not take the others along`() async {
        let connection = FakeConnection([
            "events:PutEvents": [accepted(1), accepted(1)]
        ])
        connection.failOnce("events:PutEvents", ServiceError(.validation, "One is too large."))
        let line = #"{"Source": "a", "DetailType": "T", "Detail": "{}"}"#
        let both = await opsbus(["events", "put", "-"], connection, input: "\(line)\n\(line)\n")
        #expect(both.output == "2 put, 0 failed\n")
        #expect(connection.inputs("events:PutEvents").map { $0["Entries"]?.array?.count } == [2, 1, 1])
        let refusing = FakeConnection(failing: "events:PutEvents", ServiceError(.requestTooLarge, "It is too large."))
        let neither = await opsbus(["events", "put", "-"], refusing, input: "\(line)\n\(line)\n")
        #expect(neither.exitCode == .failure && neither.output == "0 put, 2 failed\n")
        #expect(neither.errors.contains("opsbus: -:2: RequestEntityTooLarge: It is too large.\n"))
    }

    @Test func `A file may mix entries and whole events; every bad line is named, the others are put`() async {
        let lines = """
            {"Source": "a", "DetailType": "T", "Detail": "{}"}

            {"source": "b", "detail-type": "U", "detail": {"n": 1e2}, "id": "6f0c53ad-1d1f-4c5a-9a55-7f3a4c9d2b11", \
            "time": "2026-01-31T08:00:00Z", "resources": ["r"], "region": "x"}
            {"Source": "c",
            {"foo": 1}
            {"Source": "d", "DetailType": "V", "Detail": {"x": true}, "EventBusName": "other"}

            """
        let answer: JSON = [
            "FailedEntryCount": 1,
            "Entries": [
                ["EventId": "1"], ["ErrorCode": "InvalidArgument", "ErrorMessage": "Too old."], ["EventId": "3"],
            ],
        ]
        let connection = FakeConnection(["events:PutEvents": [answer]])
        let outcome = await opsbus(["events", "put", "--bus", "orders", "-"], connection, input: lines)
        #expect(
            connection.inputs("events:PutEvents") == [
                [
                    "Entries": [
                        ["Source": "a", "DetailType": "T", "Detail": "{}", "EventBusName": "orders"],
                        [
                            "Source": "b", "DetailType": "U", "Detail": #"{"n":1e2}"#, "Time": "2026-01-31T08:00:00Z",
                            "Resources": ["r"], "OpsBusEventId": "6f0c53ad-1d1f-4c5a-9a55-7f3a4c9d2b11",
                            "EventBusName": "orders",
                        ],
                        ["Source": "d", "DetailType": "V", "Detail": #"{"x":true}"#, "EventBusName": "other"],
                    ]
                ]
            ])
        #expect(
            outcome.errors == """
                opsbus: -:4: expected a key in double quotes, found the end of the text at column 16
                opsbus: -:5: neither an entry (Source, DetailType, Detail) nor an event (source, detail-type, detail)
                opsbus: -:3: InvalidArgument: Too old.

                """)
        #expect(outcome.output == "2 put, 3 failed\n")
        #expect(outcome.exitCode == .failure)
    }

    @Test func `A long file is put in batches`() async {
        let line = #"{"Source": "a", "DetailType": "T", "Detail": "{}"}"# + "\n"
        let connection = FakeConnection(["events:PutEvents": [accepted(100), accepted(100), accepted(50)]])
        let outcome = await opsbus(
            ["events", "put", "-"], connection, input: String(repeating: line, count: 250))
        #expect(connection.inputs("events:PutEvents").map { $0["Entries"]?.array?.count } == [100, 100, 50])
        #expect(outcome.output == "250 put, 0 failed\n")
        #expect(outcome.exitCode == .success)
    }

    @Test func `A file that is not there is an error that names it`() async {
        let outcome = await opsbus(["events", "put", "/nonexistent.jsonl"], FakeConnection())
        #expect(outcome.exitCode == .failure)
        #expect(outcome.errors == "opsbus: cannot open /nonexistent.jsonl: No such file or directory\n")
    }
}
