import API
import Core
import Storage
import TestSupport
import Testing

@testable import Governance

@Suite("What an event caused") struct TraceTests {
    private static let id = Identifier(high: 0x1b9d_6bcd_bbfd_4b2d, low: 0x9b5d_ab8d_fbbd_4bed)
    private let event = Subject(.event, id.description)

    /// Puts the event into the journal.
    private func put(_ governance: TestGovernance) async throws {
        let envelope = EventEnvelope(
            id: Self.id, source: "app", detailType: "t", account: Account(), time: governance.clock.now,
            detail: ["n": 1])
        let record = envelope.record(context: OperationContext(principal: Principal("p")))
        var batch = JournalBatch()
        batch.append(topic: Array("event/default/x/".utf8), body: Array("no entry".utf8))
        batch.append(topic: Array(record.topic.utf8), body: record.body)
        _ = try await governance.journal.append(batch)
    }

    private func trace(_ governance: TestGovernance) async throws -> JSON {
        try await governance.call("audit:Trace", ["Subject": .string(Self.id.description)])
    }

    /// The tree as nested lists: the subject, then what it caused.
    private func outline(_ node: JSON?) -> String {
        let children = (node?["Children"]?.array ?? []).map { outline($0) }.joined(separator: " ")
        let subject = node?["Subject"]?.string?.replacing(Self.id.description, with: "ID") ?? "?"
        return children.isEmpty ? subject : "\(subject)(\(children))"
    }

    private func count(_ node: JSON?) -> Int {
        (node?["Children"]?.array ?? []).reduce(1) { $0 + count($1) }
    }

    @Test("An event is found in the journal, also one that caused nothing")
    func alone() async throws {
        let governance = try TestGovernance()
        try await put(governance)
        let answer = try await trace(governance)
        #expect(answer["Truncated"] == false && answer["Root"]?["Children"] == [])
        #expect(answer["Root"]?["Event"]?["Sequence"] == 2)
        #expect(answer["Root"]?["Event"]?["Principal"] == "p")
        #expect(answer["Root"]?["Event"]?["Event"]?["detail"] == ["n": 1])
    }

    @Test("The tree goes from the event over deliveries and commands to the events that follow, each once")
    func tree() async throws {
        let governance = try TestGovernance()
        try await put(governance)
        let first = try await governance.record("Deliver", on: Subject(.delivery, "d1"), because: event)
        let second = try await governance.record(
            "Deliver", on: Subject(.delivery, "d2"), because: event, outcome: .failure("X"))
        try await governance.record("Deliver", on: second, because: event)
        let command = try await governance.record("SendCommand", on: Subject(.command, "c"), because: first)
        let invocation = try await governance.record("Finish", on: Subject(.invocation, "c/n"), because: command)
        try await governance.record("PutEvents", on: Subject(.event, "e2"), because: invocation)
        try await governance.record("Publish", on: Subject(.topic, "t"), because: second)
        try await governance.record("Publish", on: Subject(.topic, "t"), because: Subject(.delivery, "other"))
        let answer = try await trace(governance)
        #expect(
            outline(answer["Root"])
                == "event/ID(delivery/d1(command/c(invocation/c/n(event/e2))) delivery/d2(topic/t))")
        let delivery = answer["Root"]?["Children"]?[1]
        #expect(delivery?["Records"]?.texts("Outcome") == ["failure:X", "success"])
        #expect(delivery?["Children"]?[0]?["Records"]?.array?.count == 1,
            "others' messages to the topic are not its own")
    }

    @Test("Causes in a circle end")
    func circle() async throws {
        let governance = try TestGovernance()
        let delivery = try await governance.record("Deliver", on: Subject(.delivery, "d"), because: event)
        let command = try await governance.record("SendCommand", on: Subject(.command, "c"), because: delivery)
        try await governance.record("PutEvents", on: event, because: command)
        try await governance.record("Deliver", on: delivery, because: command)
        try await governance.record("SendCommand", on: command, because: command)
        #expect(outline(try await trace(governance)["Root"]) == "event/ID(delivery/d(command/c))")
    }

    @Test("A tree that is too wide, or too deep, ends at its limit and says so", arguments: [true, false])
    func bounded(isWide: Bool) async throws {
        let governance = try TestGovernance()
        let root = event
        try await governance.database.write(.system) { transaction in
            for number in 1...3000 {
                let cause = isWide || number == 1 ? root : Subject(.delivery, "\(number - 1)")
                try transaction.audit(
                    "Deliver", on: Subject(.delivery, "\(number)"), outcome: .success,
                    context: OperationContext(principal: .system, cause: cause))
            }
        }
        let answer = try await trace(governance)
        #expect(answer["Truncated"] == true)
        #expect(count(answer["Root"]) <= 2000 && count(answer["Root"]) >= 100)
        // Whoever asked must be able to read the answer.
        #expect(throws: Never.self) { try JSON(parsing: answer.bytes) }
    }

    @Test("An event that nobody knows, and what is no id, are told apart")
    func unknown() async throws {
        let governance = try TestGovernance()
        let unknown = await refusal { try await trace(governance) }
        #expect(unknown?.code == .resourceNotFound)
        #expect(unknown?.message.contains(Self.id.description) == true)
        let text = String(repeating: "x", count: 36)
        let malformed = await refusal { try await governance.call("audit:Trace", ["Subject": .string(text)]) }
        #expect(malformed?.code == .validation && malformed?.message.contains("'\(text)'") == true)
    }

    @Test("From a command or an execution the trace climbs to the event that led to it")
    func climbing() async throws {
        let governance = try TestGovernance()
        let execution = Identifier(high: 0x1111_2222_3333_4444, low: 0x8555_6666_7777_8888).description
        let delivery = try await governance.record("Deliver", on: Subject(.delivery, "d"), because: event)
        let automation = try await governance.record(
            "StartAutomationExecution", on: Subject(.automation, execution), because: delivery)
        try await governance.record("SendCommand", on: Subject(.command, "c"), because: automation)
        for subject in ["command/c", execution, "automation/\(execution)", "delivery/d", "event/\(Self.id)"] {
            let answer = try await governance.call("audit:Trace", ["Subject": .string(subject)])
            #expect(
                outline(answer["Root"]) == "event/ID(delivery/d(automation/\(execution)(command/c)))", "\(subject)")
        }
        let alone = try await governance.record("CreateTopic", on: Subject(.topic, "t"))
        let answer = try await governance.call("audit:Trace", ["Subject": .string(alone.description)])
        #expect(outline(answer["Root"]) == "topic/t")
    }

    @Test("What the journal has forgotten is traced from the audit log alone")
    func forgotten() async throws {
        let governance = try TestGovernance()
        try await governance.record("Deliver", on: Subject(.delivery, "d"), because: event)
        let answer = try await trace(governance)
        #expect(answer["Root"]?["Event"] == nil && outline(answer["Root"]) == "event/ID(delivery/d)")
    }
}
