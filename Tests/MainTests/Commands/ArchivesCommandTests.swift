import API
import Core
import Testing

@testable import Main

struct ArchivesCommandTests {
    private static let bus: JSON = "arn:aws:events:us-east-1:123456789012:event-bus/default"

    @Test func `An archive is created for a bus by its name`() async {
        let connection = FakeConnection([
            "events:DescribeEventBus": [["Name": "default", "Arn": Self.bus]],
            "events:CreateArchive": [["ArchiveArn": "arn:aws:events:us-east-1:123456789012:archive/orders"]],
        ])
        let outcome = await opsbus(
            ["archives", "create", "orders", "--pattern", #"{"source":["shop"]}"#, "--retention-days", "30"],
            connection)
        #expect(outcome.exitCode == .success)
        #expect(outcome.output == "arn:aws:events:us-east-1:123456789012:archive/orders\n")
        #expect(
            connection.inputs("events:CreateArchive") == [
                [
                    "ArchiveName": "orders", "EventSourceArn": Self.bus, "EventPattern": #"{"source":["shop"]}"#,
                    "RetentionDays": 30,
                ]
            ])
    }

    @Test func `Archives are listed with what they hold`() async {
        let outcome = await opsbus(
            ["archives", "list"],
            FakeConnection([
                "events:ListArchives": [
                    [
                        "Archives": [
                            [
                                "ArchiveName": "all", "State": "ENABLED", "EventSourceArn": Self.bus,
                                "CreationTime": "2026-03-01T10:00:00.000Z", "RetentionDays": 0, "EventCount": 12,
                                "SizeBytes": 3456,
                            ],
                            [
                                "ArchiveName": "day", "State": "ENABLED", "EventSourceArn": Self.bus,
                                "CreationTime": "2026-03-02T10:00:00.000Z", "RetentionDays": 1, "EventCount": 0,
                                "SizeBytes": 0,
                            ],
                        ]
                    ]
                ]
            ]))
        #expect(
            outcome.output == """
                ARCHIVE  STATE    BUS      CREATED               RETENTION  EVENTS  BYTES
                all      ENABLED  default  2026-03-01T10:00:00Z   for ever      12   3456
                day      ENABLED  default  2026-03-02T10:00:00Z      1 day       0      0

                """)
    }

    @Test func `An archive is shown, and deleted`() async {
        let connection = FakeConnection([
            "events:DescribeArchive": [
                ["ArchiveName": "all", "EventSourceArn": Self.bus, "State": "ENABLED", "RetentionDays": 2]
            ],
            "events:DeleteArchive": [[:]],
        ])
        let shown = await opsbus(["archives", "show", "all"], connection)
        #expect(shown.lines.contains("Retention  2 days") && shown.lines.contains("Bus        default"))
        let deleted = await opsbus(["archives", "delete", "all"], connection)
        #expect(deleted.output == "all deleted\n")
        #expect(connection.inputs("events:DeleteArchive") == [["ArchiveName": "all"]])
    }
}

struct ReplaysCommandTests {
    private static let archive: JSON = [
        "ArchiveName": "all", "ArchiveArn": "arn:aws:events:us-east-1:123456789012:archive/all",
        "EventSourceArn": "arn:aws:events:us-east-1:123456789012:event-bus/default",
    ]
    private static let replay: JSON = [
        "ReplayName": "r", "State": "COMPLETED", "EventSourceArn": "arn:aws:events:us-east-1:123456789012:archive/all",
        "EventStartTime": "2026-03-01T08:00:00.000Z", "EventEndTime": "2026-03-01T09:00:00.000Z",
        "OpsBus": [
            "DryRun": true, "EventCount": 3,
            "Matches": [
                ["RuleArn": "arn:aws:events:us-east-1:123456789012:rule/bill", "EventCount": 2],
                ["RuleArn": "arn:aws:events:us-east-1:123456789012:rule/other/ship", "EventCount": 1],
            ],
        ],
    ]
    private static let window = ["--from", "2026-03-01T08:00:00Z", "--to", "2026-03-01T09:00:00Z"]

    @Test func `A replay for chosen rules names them by their ARNs`() async {
        let connection = FakeConnection([
            "events:DescribeArchive": [Self.archive],
            "events:DescribeRule": [["Arn": "arn:1"], ["Arn": "arn:2"]],
            "events:StartReplay": [["State": "STARTING"]],
        ])
        let outcome = await opsbus(
            ["replays", "start", "r", "--archive", "all", "--rules", "bill,ship", "--rate", "50"] + Self.window,
            connection)
        #expect(outcome.output == "r STARTING\n" && outcome.exitCode == .success)
        #expect(
            connection.inputs("events:StartReplay") == [
                [
                    "ReplayName": "r", "EventSourceArn": "arn:aws:events:us-east-1:123456789012:archive/all",
                    "EventStartTime": "2026-03-01T08:00:00.000Z", "EventEndTime": "2026-03-01T09:00:00.000Z",
                    "Destination": [
                        "Arn": "arn:aws:events:us-east-1:123456789012:event-bus/default",
                        "FilterArns": ["arn:1", "arn:2"],
                    ], "OpsBus": ["EventsPerSecond": 50],
                ]
            ])
        #expect(
            connection.inputs("events:DescribeRule") == [
                ["Name": "bill", "EventBusName": "default"], ["Name": "ship", "EventBusName": "default"],
            ])
    }

    @Test func `A dry run waits for its end and lists the rules that would match`() async {
        let connection = FakeConnection([
            "events:DescribeArchive": [Self.archive], "events:StartReplay": [["State": "STARTING"]],
            "events:DescribeReplay": [["State": "RUNNING"], Self.replay],
        ])
        let outcome = await opsbus(
            ["replays", "start", "r", "--archive", "all", "--dry-run"] + Self.window, connection)
        #expect(outcome.exitCode == .success)
        #expect(connection.inputs("events:StartReplay").first?["OpsBus"] == ["DryRun": true])
        #expect(connection.inputs("events:DescribeReplay").count == 2)
        #expect(outcome.lines.contains("Dry run  yes: nothing was fired"))
        #expect(outcome.lines.suffix(3) == ["RULE  WOULD MATCH", "bill            2", "ship            1"])
    }

    @Test func `A replay that fails is a failure for who waits`() async {
        let connection = FakeConnection([
            "events:DescribeArchive": [Self.archive], "events:StartReplay": [["State": "STARTING"]],
            "events:DescribeReplay": [["ReplayName": "r", "State": "FAILED", "StateReason": "It is gone."]],
        ])
        let outcome = await opsbus(["replays", "start", "r", "--archive", "all", "--wait"] + Self.window, connection)
        #expect(outcome.exitCode == .failure && outcome.lines.contains("Reason  It is gone."))
    }

    @Test func `Who stops waiting is told that the replay goes on`() async {
        let connection = FakeConnection([
            "events:DescribeArchive": [Self.archive], "events:StartReplay": [["State": "STARTING"]],
            "events:DescribeReplay": [["State": "RUNNING"]],
        ])
        let outcome = await opsbus(
            ["replays", "start", "r", "--archive", "all", "--wait"] + Self.window, connection, interrupted: true)
        #expect(outcome.exitCode == .interrupted)
        #expect(outcome.errors == "opsbus: the replay goes on; to end it: opsbus replays cancel r\n")
    }

    @Test func `Replays are listed and cancelled`() async {
        let connection = FakeConnection([
            "events:ListReplays": [["Replays": [Self.replay]]], "events:CancelReplay": [["State": "CANCELLING"]],
        ])
        let listed = await opsbus(["replays", "list"], connection)
        #expect(listed.lines.last?.hasPrefix("r       COMPLETED  all      2026-03-01T08:00:00Z") == true)
        let cancelled = await opsbus(["replays", "cancel", "r"], connection)
        #expect(cancelled.output == "r CANCELLING\n")
    }
}
