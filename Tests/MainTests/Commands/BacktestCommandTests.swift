import API
import Core
import Foundation
import Testing

@testable import Main

/// `rules backtest` with an archive of a server, and on files without one.
struct BacktestCommandTests {
    private func withFiles(
        _ files: [String: String], _ body: (_ path: (String) -> String) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "opsbus-\(UUID())")
        defer { try? FileManager.default.removeItem(at: directory) }
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for (name, text) in files {
            try text.write(to: directory.appending(path: name), atomically: true, encoding: .utf8)
        }
        try await body { directory.appending(path: $0).path() }
    }

    private func rule(_ condition: String) -> String {
        "Name: big\nEventPattern: {source: [shop], detail: {total: [{numeric: [\(condition)]}]}}\nTargets: []\n"
    }

    private static let events = [4, 20, 300, 4000].enumerated().map { index, total in
        #"{"id":"\#(index)","time":"2026-03-01T10:0\#(index):00Z","source":"shop","detail-type":"Order","#
            + #""detail":{"total":\#(total)}}"#
    }.joined(separator: "\n") + "\n"

    @Test func `An edited file is compared with an old one, event by event, without a server`() async throws {
        try await withFiles(["new.yaml": rule("'>', 10, '<', 1000"), "old.yaml": rule("'>', 100")]) { path in
            let outcome = await opsbus(
                ["rules", "backtest", path("new.yaml"), "--events", "-", "--against", path("old.yaml")],
                input: Self.events)
            #expect(outcome.exitCode == .success, "\(outcome.errors)")
            let lines = outcome.lines.map { $0.replacing(path("old.yaml"), with: "old.yaml") }
            #expect(
                lines == [
                    "RULE  EVENTS  CURRENT  EDITED  NEWLY MATCHED  NO LONGER  COMPARED WITH",
                    "big        4        2       2              1          1  old.yaml", "",
                    "newly matched by big:", "+ 1 2026-03-01T10:01:00Z shop Order", "", "no longer matched by big:",
                    "- 3 2026-03-01T10:03:00Z shop Order",
                ], "\(lines)")
        }
    }

    @Test func `Only events of the window count, and lines of subscribe are read as well`() async throws {
        try await withFiles(["new.yaml": rule("'>', 0")]) { path in
            let wrapped = #"{"Topic":"event/default/shop/Order/","Sequence":1,"Body":{"source":"shop","#
                + #""time":"2026-03-01T10:02:00Z","detail":{"total":1}}}"#
            let outcome = await opsbus(
                [
                    "rules", "backtest", path("new.yaml"), "--events", "-", "--from", "2026-03-01T10:02:00Z", "--to",
                    "2026-03-01T10:02:30Z", "-o", "json",
                ], input: Self.events + wrapped + "\n\n")
            #expect(
                outcome.output
                    == #"{"Rules":[{"Rule":"big","EventBusName":"default","EventCount":2,"EditedCount":2}]}"# + "\n")
        }
    }

    @Test func `A line that is no event is named`() async throws {
        try await withFiles(["new.yaml": rule("'>', 0")]) { path in
            for (text, reason) in [("[1]\n", "-:5: expected a JSON object, found array"), ("{\n", "-:5: ")] {
                let outcome = await opsbus(
                    ["rules", "backtest", path("new.yaml"), "--events", "-"], input: Self.events + text)
                #expect(outcome.exitCode == .failure && outcome.errors.contains(reason), "\(outcome.errors)")
            }
        }
    }

    @Test func `With an archive the server compares with the rule it has, page by page`() async throws {
        let connection = FakeConnection([
            "events:DescribeArchive": [
                ["ArchiveName": "all", "EventSourceArn": "arn:aws:events:us-east-1:123456789012:event-bus/default"]
            ],
            "events:DescribeRule": [["Name": "big", "EventBusName": "default"]],
            "events:BacktestPattern": [
                [
                    "EventCount": 3, "EditedCount": 2, "CurrentCount": 1, "OnlyEditedCount": 1, "OnlyCurrentCount": 0,
                    "OnlyEdited": [["id": "7", "time": "t", "source": "s", "detail-type": "d"]], "NextToken": "more",
                ],
                ["EventCount": 4, "EditedCount": 1, "CurrentCount": 1, "OnlyEditedCount": 0, "OnlyCurrentCount": 0],
            ],
        ])
        try await withFiles(["new.yaml": rule("'>', 0")]) { path in
            let outcome = await opsbus(
                ["rules", "backtest", path("new.yaml"), "--archive", "all", "--from", "2026-03-01T00:00:00Z"],
                connection)
            #expect(outcome.lines[1] == "big        7        2       3              1          0  server")
            #expect(outcome.lines.last == "+ 7 t s d")
            let inputs = connection.inputs("events:BacktestPattern")
            #expect(inputs.count == 2 && inputs[1]["NextToken"] == "more")
            #expect(inputs[0]["Rule"] == "big" && inputs[0]["EventStartTime"] == "2026-03-01T00:00:00.000Z")
        }
    }

    @Test func `A rule that the server does not have is compared with nothing; one of another bus is not tried`()
        async throws
    {
        let connection = FakeConnection([
            "events:DescribeArchive": [
                ["ArchiveName": "all", "EventSourceArn": "arn:aws:events:us-east-1:123456789012:event-bus/shop"]
            ]
        ])
        try await withFiles(["new.yaml": rule("'>', 0")]) { path in
            let outcome = await opsbus(["rules", "backtest", path("new.yaml"), "--archive", "all"], connection)
            #expect(
                outcome.output == """
                    No rule was tried.
                    big was not tried: it is on the bus default, the archive is of shop

                    """)
        }
    }

    @Test func `Either an archive or a file has the events`() async throws {
        try await withFiles(["new.yaml": rule("'>', 0")]) { path in
            let outcome = await opsbus(["rules", "backtest", path("new.yaml")])
            #expect(outcome.exitCode == .usage)
            #expect(outcome.errors.contains("give either --archive NAME or --events FILE"))
        }
    }

    @Test func `A file that cannot be used is named with its place`() async throws {
        try await withFiles(["new.yaml": "Name: big\nEventPattern: {source: shop}\nTargets: []\n"]) { path in
            let outcome = await opsbus(["rules", "backtest", path("new.yaml"), "--events", "-"], input: Self.events)
            #expect(outcome.exitCode == .failure)
            #expect(outcome.errors.contains("new.yaml:2:"), "\(outcome.errors)")
        }
    }
}
