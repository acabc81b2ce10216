import Core
import Foundation
import TestSupport
import Testing

@Suite("Archives and replays, from outside")
struct ReplayScenarioTests {
    @Test("boto3's replay reaches the chosen rule's target with its name, and the trace tells it from the original")
    func boto3() throws {
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer()
            let event = try scenario.python("replays.py", endpoint).output
                .trimmingCharacters(in: .whitespacesAndNewlines)
            let trace = try scenario.opsbus("audit", "trace", event)
            #expect(trace.exitCode == 0, "\(trace.errorOutput)")
            #expect(trace.output.contains("replay/again/\(event)"), "\(trace.output)")
            #expect(trace.output.contains("delivery/\(event)/default/chosen/log/again"), "\(trace.output)")
            #expect(trace.output.contains("delivery/\(event)/default/other/log\n"), "\(trace.output)")
            #expect(!trace.output.contains("default/other/log/again"), "\(trace.output)")
        }
    }

    private static let rules = """
        Rules:
          - Name: to-log
            EventPattern: {source: [shop]}
            Targets: [{Id: log, Arn: "arn:aws:logs:::log-group:/shop"}]
        """

    @Test("Whenever the server is killed, everything acknowledged is archived once, and a replay goes on to its end")
    func killed() throws {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        try Scenario.run { scenario in
            try scenario.write(Self.rules, to: "rules/shop.yaml")
            var server = try scenario.startServer("--rules", "rules")
            #expect(try scenario.opsbus("archives", "create", "all").exitCode == 0)
            let count = 400
            for part in 0..<4 {
                let lines = (0..<count / 4).map { number in
                    #"{"Source":"shop","DetailType":"Order","Detail":"{\"n\":\#(part * count / 4 + number)}"}"#
                }
                let put = try scenario.opsbus("events", "put", "-", input: lines.joined(separator: "\n"))
                #expect(put.exitCode == 0, "\(put.errorOutput)")
                server.kill()
                server = try scenario.startServer("--rules", "rules")
            }
            let archive = try scenario.call("events:DescribeArchive", ["ArchiveName": "all"])
            #expect(archive["EventCount"]?.int == count, "seed \(seed)")

            let started = try scenario.opsbus(
                "replays", "start", "again", "--archive", "all", "--from", "1h", "--rate", "200")
            #expect(started.exitCode == 0, "\(started.errorOutput)")
            for _ in 0..<3 {
                usleep(UInt32.random(in: 300_000...900_000, using: &generator))
                server.kill()
                server = try scenario.startServer("--rules", "rules")
            }
            try eventually("the replay is complete", within: 60) {
                try scenario.call("events:DescribeReplay", ["ReplayName": "again"])["State"] == "COMPLETED"
            }
            var numbers: [Int] = []
            try eventually("every event is logged again", within: 60) {
                numbers = try scenario.logged("/shop").filter { $0["replay-name"] != nil }
                    .compactMap { $0["detail"]?["n"]?.int }
                return Set(numbers).count == count
            }
            #expect(numbers.count == count, "an event was replayed twice; seed \(seed)")
            let audit = try scenario.opsbus("audit", "verify")
            #expect(audit.exitCode == 0, "\(audit.output)\(audit.errorOutput)")
        }
    }

    @Test("A template is loaded with the rules, its bus and its archive, and loaded again when it changes")
    func template() throws {
        let template = """
            AWSTemplateFormatVersion: "2010-09-09"
            Resources:
              Bus: {Type: "AWS::Events::EventBus", Properties: {Name: shop}}
              Kept:
                Type: AWS::Events::Archive
                Properties: {ArchiveName: kept, SourceArn: !GetAtt Bus.Arn, RetentionDays: 3}
              Orders:
                Type: AWS::Events::Rule
                Properties:
                  Name: orders
                  EventBusName: !Ref Bus
                  EventPattern: {source: [shop], detail: {total: [{numeric: [">", 100]}]}}
                  Targets:
                    - {Id: log, Arn: !Sub "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:/orders"}
                    - {Id: flow, Arn: !GetAtt Flow.Arn}
              Flow: {Type: "AWS::StepFunctions::StateMachine", Properties: {RoleArn: r, DefinitionString: "{}"}}

            """
        try Scenario.run { scenario in
            try scenario.write(template, to: "rules/shop.template")
            let check = try scenario.opsbus("rules", "check", "rules")
            #expect(check.exitCode == 0, "\(check.output)")
            #expect(check.output.contains("rules/shop.template:15:11: warning: target flow of orders is left out"))
            let server = try scenario.startServer("--rules", "rules")
            #expect(server.errorOutput.contains("target flow of orders is left out"))
            let archive = try scenario.call("events:DescribeArchive", ["ArchiveName": "kept"])
            #expect(archive["RetentionDays"] == 3)
            func put(_ total: Int) throws {
                let put = try scenario.opsbus(
                    "events", "put", "--bus", "shop", "--source", "shop", "--detail-type", "Order", "--detail",
                    "{\"total\": \(total)}")
                #expect(put.exitCode == 0, "\(put.errorOutput)")
            }
            func totals() throws -> [Int] {
                try scenario.logged("/orders").compactMap { $0["detail"]?["total"]?.int }
            }
            try put(50)
            try put(150)
            try eventually("the rule has fired") { try totals() == [150] }
            try scenario.write(template.replacingOccurrences(of: "100]", with: "20]"), to: "rules/shop.template")
            try eventually("the template is loaded again") {
                try scenario.call("events:DescribeRule", ["Name": "orders", "EventBusName": "shop"])["EventPattern"]?
                    .string?.contains("20") == true
            }
            // Before the change went in, this would have told what it does.
            try scenario.write(template.replacingOccurrences(of: "100]", with: "140]"), to: "edited.yaml")
            let backtest = try scenario.opsbus("rules", "backtest", "edited.yaml", "--archive", "kept")
            #expect(backtest.exitCode == 0, "\(backtest.errorOutput)")
            #expect(backtest.output.contains("no longer matched by orders:"), "\(backtest.output)")
            try put(30)
            try eventually("the changed rule has fired") { try totals() == [150, 30] }
        }
    }
}
