import API
import Core
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Dead letters") struct DeadLetterTests {
    /// An engine with dead letters of the rules `a` and `b`.
    private func run(_ count: Int = 3, _ body: (TestEvents) async throws -> Void) async throws {
        try await TestEvents.run { engine in
            engine.targets.fail(.validation, "broken")
            try await engine.rule("a", pattern: ["detail-type": ["a"]])
            try await engine.rule("b", pattern: ["detail-type": ["b"]])
            for number in 1...count {
                try await engine.put(TestEvents.entry(["n": .integer(number)], type: number == 2 ? "b" : "a"))
                try await eventually("dead letter \(number)") { try await engine.deadLetters().count == number }
            }
            try await body(engine)
        }
    }

    private func identifiers(_ answer: JSON) -> [String] {
        (answer["DeadLetters"]?.array ?? []).compactMap { $0["DeliveryId"]?.string }
    }

    @Test("They are listed oldest first, in pages, by rule and by delivery")
    func list() async throws {
        try await run { engine in
            let all = identifiers(try await engine.call("events:ListDeadLetters"))
            #expect(all.count == 3 && all.map { $0.split(separator: "/")[2] } == ["a", "b", "a"])
            let first = try await engine.call("events:ListDeadLetters", ["Limit": 2])
            let rest = try await engine.call(
                "events:ListDeadLetters", ["Limit": 2, "NextToken": first["NextToken"] ?? .null])
            #expect(identifiers(first) + identifiers(rest) == all && rest["NextToken"] == nil)
            #expect(identifiers(try await engine.call("events:ListDeadLetters", ["RuleName": "b"])) == [all[1]])
            #expect(
                identifiers(try await engine.call("events:ListDeadLetters", ["DeliveryId": .string(all[2])]))
                    == [all[2]])
            #expect(identifiers(try await engine.call("events:ListDeadLetters", ["EventBusName": "other"])).isEmpty)
            let error = await refusal { try await engine.call("events:ListDeadLetters", ["NextToken": "x"]) }
            #expect(error?.code == .invalidNextToken)
        }
    }

    @Test("Redriven, they are delivered like new ones, with the event as it was")
    func redrive() async throws {
        try await run { engine in
            let first = engine.targets.calls
            engine.targets.succeed()
            #expect(try await engine.call("events:RedriveDeadLetters", ["RuleName": "a"]) == ["RedrivenCount": 2])
            try await eventually("they are delivered") { try await engine.pendingCount() == 0 }
            let again = engine.targets.calls.dropFirst(first.count)
            #expect(Set(again.map { $0.input }) == Set([first[0].input, first[2].input]))
            #expect(try await engine.deadLetters().map { $0["RuleName"] } == ["b"])
            #expect(try await engine.call("events:RedriveDeadLetters", ["All": true]) == ["RedrivenCount": 1])
            try await eventually("all are delivered") {
                let pending = try await engine.pendingCount()
                let letters = try await engine.deadLetters()
                return pending == 0 && letters.isEmpty
            }
            #expect(try await engine.call("events:RedriveDeadLetters", ["All": true]) == ["RedrivenCount": 0])
        }
    }

    @Test("What fails again is a dead letter again, with retries of its own")
    func failsAgain() async throws {
        try await run(1) { engine in
            let id = identifiers(try await engine.call("events:ListDeadLetters"))[0]
            engine.targets.fail(.validation, "still broken")
            try await engine.call("events:RedriveDeadLetters", ["DeliveryIds": [.string(id), .string(id)]])
            try await eventually("it failed again") {
                try await engine.deadLetters().first?["ErrorMessage"] == "ValidationException: still broken"
            }
            #expect(try await engine.deadLetters()[0]["RetryAttempts"] == 0)
            #expect(engine.targets.calls.count == 2)
        }
    }

    @Test("An unknown delivery, or none named, is refused and nothing is redriven")
    func refused() async throws {
        try await run { engine in
            let id = identifiers(try await engine.call("events:ListDeadLetters"))[0]
            let unknown = await refusal {
                try await engine.call("events:RedriveDeadLetters", ["DeliveryIds": [.string(id), "x/default/a/1"]])
            }
            #expect(unknown?.code == .resourceNotFound)
            #expect(unknown?.message == "There is no dead letter x/default/a/1.")
            for input: JSON in [[:], ["All": false]] {
                let error = await refusal { try await engine.call("events:RedriveDeadLetters", input) }
                #expect(error?.code == .validation)
            }
            #expect(try await engine.deadLetters().count == 3 && engine.targets.calls.count == 3)
        }
    }

    @Test("Redriving does not need the journal, which may have forgotten the event")
    func trimmed() async throws {
        try await run(1) { engine in
            let dropped = try engine.journal.trim(
                olderThan: engine.clock.now + .seconds(1), keepingBytes: 0, keepingAfter: .max)
            #expect(dropped.records == 1)
            engine.targets.succeed()
            try await engine.call("events:RedriveDeadLetters", ["All": true])
            try await eventually("it is delivered") { try await engine.pendingCount() == 0 }
            #expect(engine.targets.calls.count == 2 && engine.targets.calls[0].input == engine.targets.calls[1].input)
        }
    }
}
