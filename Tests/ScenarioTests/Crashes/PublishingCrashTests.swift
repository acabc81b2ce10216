import Core
import Foundation
import TestSupport
import Testing

@Suite("The server dies while events are published")
struct PublishingCrashTests {
    private static let rules = """
        Rules:
          - Name: to-log
            EventPattern: {source: [{prefix: burst}]}
            Targets: [{Id: log, Arn: "arn:aws:logs:::log-group:/burst"}]
          - Name: to-topic
            EventPattern: {source: [{prefix: burst}]}
            Targets:
              - Id: topic
                Arn: "arn:aws:sns:::bursts"
                InputPath: $.id
        """

    @Test("What was acknowledged is in the journal and reaches every target once, whenever the server is killed")
    func killed() throws {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        try Scenario.run { scenario in
            try scenario.write(Self.rules, to: "rules/burst.yaml")
            var server = try scenario.startServer("--rules", "rules")
            let burst = try scenario.startPython(
                "burst.py", ["burst", scenario.path("acknowledged"), scenario.path("refused"), "3000"])
            for kill in 1...3 {
                let events = Int.random(in: kill * 600...kill * 600 + 550, using: &generator)
                try eventually("\(events) events acknowledged", within: 30) { scenario.acknowledged.count >= events }
                server.kill()
                server = try scenario.startServer("--rules", "rules")
            }
            // Those of a request that was not answered are sent again under the same ids.
            #expect(try burst.wait(within: 60) == 0, "\(burst.errorOutput)")
            try expectAllDelivered(scenario, "seed \(seed)")
            try expectSoundAudit(scenario, server)
        }
    }

    private func expectAllDelivered(_ scenario: Scenario, _ remark: Comment) throws {
        let acknowledged = Set(scenario.acknowledged)
        #expect(acknowledged.count == 3000, remark)
        let journal = try scenario.python("read_stream.py", "event/default/burst/").jsonLines()
        let inJournal = journal.compactMap { $0["Body"]?["id"]?.string }
        #expect(acknowledged.subtracting(inJournal).isEmpty, remark)
        #expect(inJournal.count == Set(inJournal).count, "an event is twice in the journal; \(remark)")
        expectChain(journal, remark)

        var logged: [String] = []
        try eventually("every event has reached the log", within: 60) {
            logged = try scenario.logged("/burst").compactMap { $0["id"]?.string }
            return Set(logged).isSuperset(of: inJournal)
        }
        #expect(logged.count == Set(logged).count, "a log line is there twice; \(remark)")

        var published: [String] = []
        try eventually("every event has reached the topic", within: 60) {
            published = try scenario.python("read_stream.py", "topic/bursts/").jsonLines()
                .compactMap { $0["Body"]?["Message"]?.string }
            return published.count >= inJournal.count
        }
        let expected = Set(inJournal.map { "\"\($0)\"" })
        #expect(Set(published) == expected, remark)
        #expect(published.count == expected.count, "a message was published twice; \(remark)")
    }

    /// Every message names the one before it on its topic.
    private func expectChain(_ messages: [JSON], _ remark: Comment) {
        var last = 0
        for message in messages {
            #expect(message["PreviousSequence"]?.int == last, remark)
            last = message["Sequence"]?.int ?? 0
        }
    }

    private func expectSoundAudit(_ scenario: Scenario, _ server: ChildProcess) throws {
        let asked = try scenario.opsbus("audit", "verify")
        #expect(asked.exitCode == 0, "\(asked.output)\(asked.errorOutput)")
        server.send(SIGTERM)
        #expect(try server.wait() == 0)
        let read = try scenario.opsbus("audit", "verify", "--data", "data")
        #expect(read.exitCode == 0, "\(read.output)\(read.errorOutput)")
    }

    @Test("An event sent again under its id after a crash is answered alike and not delivered again")
    func sentAgain() throws {
        try Scenario.run { scenario in
            try scenario.write(Self.rules, to: "rules/burst.yaml")
            let server = try scenario.startServer("--rules", "rules")
            let id = "5f0c53ad-1d1f-4c5a-9a55-7f3a4c9d2b11"
            let put = ["events", "put", "--source", "burst", "--detail-type", "t", "--detail", "{}", "--id", id]
            #expect(try scenario.opsbus(put).output == id + "\n")
            server.kill()
            try scenario.startServer("--rules", "rules")
            #expect(try scenario.opsbus(put).output == id + "\n")
            // A later event that has passed every stage shows that the repeated one would have too.
            try scenario.opsbus("events", "put", "--source", "burst", "--detail-type", "u", "--detail", "{}")
            try eventually("the later event is in the log") { try scenario.logged("/burst").count >= 2 }
            #expect(try scenario.logged("/burst").count == 2)
        }
    }
}

extension Scenario {
    /// The ids that `burst.py` has written down. Its last line may be unfinished.
    fileprivate var acknowledged: [String] {
        text("acknowledged").split(separator: "\n").map(String.init).filter { $0.utf8.count == 36 }
    }

    /// The events in a log group, oldest first. A group that no event has reached is empty.
    func logged(_ group: String) throws -> [JSON] {
        let groups = try call("logs:DescribeLogGroups", ["logGroupNamePrefix": .string(group)])
        if groups["logGroups"] == [] { return [] }
        var lines: [JSON] = []
        var input: JSON = ["logGroupName": .string(group)]
        repeat {
            let page = try call("logs:FilterLogEvents", input)
            lines += page["events"]?.array ?? []
            input["nextToken"] = page["nextToken"]
        } while input["nextToken"] != nil
        return try lines.compactMap { event in
            try event["message"]?.string.map { try JSON(parsing: Array($0.utf8)) }
        }
    }
}
