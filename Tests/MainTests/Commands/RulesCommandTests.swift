import API
import Core
import Testing

@testable import Main

struct RulesCommandTests {
    @Test func `Rules are listed over all pages`() async {
        let connection = FakeConnection([
            "events:ListRules": [
                [
                    "Rules": [
                        ["Name": "disk-full", "State": "ENABLED", "EventBusName": "default", "EventPattern": "{}"]
                    ], "NextToken": "more",
                ],
                [
                    "Rules": [
                        [
                            "Name": "nightly", "State": "DISABLED", "EventBusName": "default",
                            "ScheduleExpression": "rate(1 day)", "Description": "Checks at night",
                        ]
                    ]
                ],
            ]
        ])
        let outcome = await opsbus(["rules", "list", "--prefix", "d"], connection)
        #expect(
            outcome.output == """
                NAME       STATE     BUS      TRIGGER      DESCRIPTION
                disk-full  ENABLED   default  pattern      
                nightly    DISABLED  default  rate(1 day)  Checks at night

                """)
        #expect(
            connection.inputs("events:ListRules") == [
                ["NamePrefix": "d"], ["NamePrefix": "d", "NextToken": "more"],
            ])
    }

    @Test func `JSON output is the operation's output unchanged`() async {
        let answer: JSON = ["Rules": [["Name": "b", "Extra": 1.50], ["Name": "a"]]]
        let outcome = await opsbus(["rules", "list", "-o", "json"], FakeConnection(["events:ListRules": [answer]]))
        #expect(outcome.output == answer.text + "\n")
    }

    @Test func `JSON output is indented on a terminal`() async {
        let answer: JSON = ["Rules": [["Name": "a"]]]
        let outcome = await opsbus(
            ["rules", "list", "-o", "json"], FakeConnection(["events:ListRules": [answer]]),
            terminal: RecordingTerminal(isInteractive: true))
        #expect(outcome.output == answer.prettyText + "\n")
    }

    @Test func `No rules is a sentence`() async {
        let outcome = await opsbus(["rules", "list"], FakeConnection(["events:ListRules": [["Rules": []]]]))
        #expect(outcome.output == "There are no rules.\n")
        #expect(outcome.exitCode == .success)
    }

    @Test func `A rule is described with its targets`() async {
        let connection = FakeConnection([
            "events:DescribeRule": [
                [
                    "Name": "disk-full", "EventBusName": "default", "State": "ENABLED",
                    "EventPattern": #"{"source":["disk"]}"#,
                    "Arn": "arn:aws:events:us-east-1:123456789012:rule/disk-full",
                ]
            ],
            "events:ListTargetsByRule": [
                ["Targets": [["Id": "page", "Arn": "arn:aws:sns:::on-call", "InputPath": "$.detail"]]]
            ],
        ])
        let outcome = await opsbus(["rules", "describe", "disk-full", "-b", "default"], connection)
        #expect(
            outcome.output == """
                Name     disk-full
                Bus      default
                State    ENABLED
                Pattern  {
                           "source": [
                             "disk"
                           ]
                         }
                Arn      arn:aws:events:us-east-1:123456789012:rule/disk-full

                Target     page
                Arn        arn:aws:sns:::on-call
                InputPath  $.detail

                """)
        #expect(connection.inputs("events:ListTargetsByRule") == [["Rule": "disk-full", "EventBusName": "default"]])
    }

    @Test(arguments: [("enable", "events:EnableRule"), ("disable", "events:DisableRule")])
    func `Rules are switched on and off`(verb: String, operation: String) async {
        let connection = FakeConnection([operation: [[:]]])
        let outcome = await opsbus(["rules", verb, "nightly"], connection)
        #expect(connection.inputs(operation) == [["Name": "nightly"]])
        #expect(outcome.output == "nightly \(verb)d\n")
    }

    @Test func `A rule is deleted after its targets`() async {
        let connection = FakeConnection([
            "events:ListTargetsByRule": [["Targets": [["Id": "a"], ["Id": "b"]]]],
            "events:RemoveTargets": [[:]], "events:DeleteRule": [[:]],
        ])
        let outcome = await opsbus(["rules", "delete", "old"], connection)
        #expect(
            connection.calls.map(\.operation)
                == ["events:ListTargetsByRule", "events:RemoveTargets", "events:DeleteRule"])
        #expect(connection.inputs("events:RemoveTargets") == [["Rule": "old", "Ids": ["a", "b"]]])
        #expect(outcome.exitCode == .success)
    }

    @Test(arguments: [
        (ErrorCode.resourceNotFound, ExitCode.failure), (.accessDenied, .accessDenied), (.internalFailure, .internal),
        (.throttling, .failure),
    ])
    func `What the server refuses decides the exit code`(code: ErrorCode, exitCode: ExitCode) async {
        let connection = FakeConnection(failing: "events:DescribeRule", ServiceError(code, "It did not work."))
        let outcome = await opsbus(["rules", "describe", "x"], connection)
        #expect(outcome.exitCode == exitCode)
        #expect(outcome.errors.hasPrefix("opsbus: \(code.rawValue): It did not work"))
        #expect(!outcome.errors.contains(".:"), "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
    }

    @Test func `Without a server the exit code says so`() async {
        let outcome = await opsbus(["rules", "list"])
        #expect(outcome.exitCode == .unavailable)
        #expect(outcome.errors == "opsbus: this test has no server\n")
    }
}
