import Core
import Testing

@testable import Main

struct SubscribeCommandTests {
    private func message(_ sequence: Int, _ topic: String = "event/default/app/Started/") -> Message {
        Message(
            topic: topic, sequence: sequence, previousSequence: sequence - 1, body: ["n": .integer(sequence)],
            checkpoint: sequence - 1)
    }

    @Test func `In a pipe each message is one line of JSON`() async {
        let connection = FakeConnection(messages: [message(3), message(4)], streamEnds: true)
        let outcome = await opsbus(["subscribe", "event/default/"], connection)
        #expect(
            outcome.lines == [
                #"{"Topic":"event/default/app/Started/","Sequence":3,"PreviousSequence":2,"Body":{"n":3}}"#,
                #"{"Topic":"event/default/app/Started/","Sequence":4,"PreviousSequence":3,"Body":{"n":4}}"#,
            ])
        #expect(connection.subscriptions.map(\.prefixes) == [["event/default/"]])
        #expect(connection.subscriptions.map(\.start) == [.now])
        #expect(outcome.exitCode == .success)
    }

    @Test func `On a terminal each message is one line that fits`() async throws {
        let connection = FakeConnection(
            messages: [
                Message(
                    topic: "topic/a\u{1B}b/", sequence: 7, previousSequence: 0,
                    body: ["text": .string(String(repeating: "x", count: 200))], checkpoint: 0)
            ], streamEnds: true)
        let outcome = await opsbus(
            ["subscribe", "--color", "never"], connection, terminal: RecordingTerminal(isInteractive: true, width: 60))
        let line = try #require(outcome.lines.first)
        #expect(outcome.lines.count == 1)
        #expect(line.contains("#7 topic/a\u{FFFD}b/ {\"text\":\"xxx"))
        #expect(displayWidth(line) == 60)
        #expect(line.hasSuffix("…"))
    }

    @Test func `A count ends it, and the stream may begin anywhere`() async {
        let connection = FakeConnection(messages: [message(6), message(7), message(8)])
        let outcome = await opsbus(["subscribe", "event/", "--from", "5", "-n", "2"], connection)
        #expect(outcome.lines.count == 2)
        #expect(connection.subscriptions.map(\.start) == [.after(5)])
        #expect(outcome.exitCode == .success)
    }

    @Test func `A timeout before the count is reached is a failure, without a count it is not`() async {
        let counted = await opsbus(
            ["subscribe", "event/", "-n", "2", "--timeout", "50ms"], FakeConnection(messages: [message(1)]))
        #expect(counted.lines.count == 1)
        #expect(counted.exitCode == .failure)
        let uncounted = await opsbus(
            ["subscribe", "event/", "--timeout", "50ms"], FakeConnection(messages: [message(1)]))
        #expect(uncounted.lines.count == 1)
        #expect(uncounted.exitCode == .success)
    }

    @Test func `A named subscriber acknowledges what was printed`() async {
        let connection = FakeConnection(
            ["bus:Acknowledge": [[:]]], messages: (1...150).map { message($0) }, streamEnds: true)
        let outcome = await opsbus(["subscribe", "event/", "--named", "billing"], connection)
        #expect(outcome.lines.count == 150)
        #expect(connection.subscriptions.map(\.start) == [.named("billing")])
        let acknowledged = connection.inputs("bus:Acknowledge")
        #expect(acknowledged.first == ["Subscriber": "billing", "Sequence": 99])
        #expect(acknowledged.last == ["Subscriber": "billing", "Sequence": 149])
    }

    @Test func `^C ends it in good order, with what was printed acknowledged`() async {
        let connection = FakeConnection(["bus:Acknowledge": [[:]]], messages: [message(1)])
        let outcome = await opsbus(["subscribe", "--named", "billing"], connection, interrupted: true)
        #expect(outcome.exitCode == .success)
        #expect(outcome.errors.isEmpty)
        #expect(connection.inputs("bus:Acknowledge").count == outcome.lines.count)
    }

    @Test func `The heartbeat is only printed where it is asked for`() async {
        let messages = [message(1, "system/heartbeat/"), message(2)]
        let all = await opsbus(["subscribe"], FakeConnection(messages: messages, streamEnds: true))
        #expect(all.lines.count == 1)
        let system = await opsbus(["subscribe", "system/"], FakeConnection(messages: messages, streamEnds: true))
        #expect(system.lines.count == 2)
    }

    @Test func `Two beginnings are refused`() async {
        let outcome = await opsbus(["subscribe", "--from", "1", "--named", "x"], FakeConnection())
        #expect(outcome.exitCode == .usage)
    }
}
