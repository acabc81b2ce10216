import API
import Core
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Reading the stream") struct StreamOperationsTests {
    private func sequences(_ answer: JSON) -> [Int] {
        (answer["Messages"]?.array ?? []).compactMap { $0["Sequence"]?.int }
    }

    private func put(_ engine: TestEvents, _ types: [String]) async throws {
        for type in types { try await engine.put(TestEvents.entry(type: type)) }
    }

    @Test("Messages come in order with their predecessors on the topic, from the prefixes asked for")
    func messages() async throws {
        try await TestEvents.run { engine in
            try await put(engine, ["a", "b", "a", "ab", "a"])
            let all = try await engine.call("bus:ReadStream")
            #expect(sequences(all) == [1, 2, 3, 4, 5] && all["NextSequence"] == 5)
            #expect(all["Messages"]?.array?.map { $0["PreviousSequence"]?.int } == [0, 0, 1, 0, 3])
            #expect(all["Epoch"]?.string == engine.journal.epoch.description)
            let events = try engine.events()
            #expect(all["Messages"]?[3]?["Body"] == events[3])
            let some = try await engine.call("bus:ReadStream", ["TopicPrefixes": ["event/default/app/a/", "topic/"]])
            #expect(sequences(some) == [1, 3, 5])
            #expect(some["Messages"]?[0]?["Topic"] == "event/default/app/a/")
            let both = try await engine.call(
                "bus:ReadStream", ["TopicPrefixes": ["event/default/app/b", "event/default/app/ab"]])
            #expect(sequences(both) == [2, 4])
        }
    }

    @Test("Pages hold everything once, and NextSequence passes over what is of no interest")
    func pages() async throws {
        try await TestEvents.run { engine in
            try await put(engine, ["a", "b", "a", "b", "a", "b"])
            var seen: [Int] = []
            var after = 0
            for _ in 1...3 {
                let page = try await engine.call(
                    "bus:ReadStream",
                    ["TopicPrefixes": ["event/default/app/a/"], "AfterSequence": .integer(after), "Limit": 1])
                #expect(sequences(page).count == 1)
                seen += sequences(page)
                after = try #require(page["NextSequence"]?.int)
            }
            #expect(seen == [1, 3, 5])
            let last = try await engine.call(
                "bus:ReadStream", ["TopicPrefixes": ["event/default/app/a/"], "AfterSequence": .integer(after)])
            #expect(sequences(last).isEmpty && last["NextSequence"] == 6)
            let none = try await engine.call("bus:ReadStream", ["AfterSequence": 6])
            #expect(sequences(none).isEmpty && none["NextSequence"] == 6)
            let beyond = try await engine.call("bus:ReadStream", ["AfterSequence": 99])
            #expect(sequences(beyond).isEmpty && beyond["NextSequence"] == 99)
        }
    }

    @Test("Large messages end a page before its limit, and none is lost")
    func large() async throws {
        try await TestEvents.run { engine in
            let text = String(repeating: "x", count: 1_000_000)
            for _ in 1...7 { try await engine.put(TestEvents.entry(["text": .string(text)])) }
            var seen: [Int] = []
            var next = 0
            var pages = 0
            while next < 7, pages < 10 {
                let page = try await engine.call("bus:ReadStream", ["AfterSequence": .integer(next)])
                #expect(page.bytes.count < 3 << 20)
                seen += sequences(page)
                next = try #require(page["NextSequence"]?.int)
                pages += 1
            }
            #expect(seen == Array(1...7) && pages == 4)
        }
    }

    @Test("Another epoch, and what is no longer retained, are told by name")
    func gone() async throws {
        try await TestEvents.run { engine in
            try await put(engine, ["a", "b", "c"])
            let other = await refusal {
                try await engine.call("bus:ReadStream", ["Epoch": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"])
            }
            #expect(other?.code == .epochChanged)
            #expect(other?.json["Epoch"]?.string == engine.journal.epoch.description)
            try engine.journal.trim(olderThan: engine.clock.now + .seconds(1), keepingBytes: 0, keepingAfter: 2)
            let expired = await refusal { try await engine.call("bus:ReadStream", ["AfterSequence": 1]) }
            #expect(expired?.code == .sequenceExpired)
            #expect(expired?.json["OldestSequence"] == 3)
            #expect(sequences(try await engine.call("bus:ReadStream", ["AfterSequence": 2])) == [3])
            #expect(sequences(try await engine.call("bus:ReadStream")) == [3], "zero is the beginning of what there is")
            #expect(
                try await engine.call("bus:DescribeStream") == [
                    "Epoch": .string(engine.journal.epoch.description), "OldestSequence": 3, "LastSequence": 3,
                ])
        }
    }

    @Test("Limits are kept", arguments: [("Limit", 0), ("Limit", 1001), ("AfterSequence", -1)])
    func limits(member: String, value: Int) async throws {
        let engine = try TestEvents()
        let error = await refusal { try await engine.call("bus:ReadStream", [member: .integer(value)]) }
        #expect(error?.code == .validation)
    }

    @Test("Each prefix needs leave of its own, and no prefix is all of them")
    func leave() async throws {
        final class Topics: Authorizer {
            func authorize(_ principal: Principal, _ action: String, on resource: String) throws(ServiceError) {
                if action == "bus:Subscribe", !resource.hasPrefix("event/default/app/") {
                    throw ServiceError(.accessDenied, resource)
                }
            }
        }
        let engine = try TestEvents(authorizer: Topics())
        for (prefixes, refused): ([JSON], String?) in [
            (["event/default/app/a/"], nil), (["event/default/app/"], nil), (["event/default/app"],
                "event/default/app*"),
            (["event/default/app/", "event/"], "event/*"), ([], "*"), ([""], "*"),
        ] {
            let error = await refusal { try await engine.call("bus:ReadStream", ["TopicPrefixes": .array(prefixes)]) }
            #expect(error?.message == refused, "\(prefixes)")
        }
    }

    @Test("A named subscriber goes on where it acknowledged, never back, and its lag is known")
    func subscribers() async throws {
        try await TestEvents.run { engine in
            try await put(engine, ["a", "b", "c", "d"])
            let read: JSON = ["Subscriber": "s"]
            #expect(sequences(try await engine.call("bus:ReadStream", read)) == [1, 2, 3, 4], "unknown: all of it")
            let first = try await engine.call("bus:Acknowledge", ["Subscriber": "s", "Sequence": 3], as: Principal("p"))
            #expect(first == ["Subscriber": "s", "Lag": 1])
            try await engine.call("bus:Acknowledge", ["Subscriber": "s", "Sequence": 2], as: Principal("p"))
            #expect(sequences(try await engine.call("bus:ReadStream", read)) == [4])
            #expect(
                sequences(try await engine.call("bus:ReadStream", ["Subscriber": "s", "AfterSequence": 1])) == [2, 3,
                    4])
            let described = try await engine.call("bus:DescribeSubscriber", read)
            #expect(
                described == [
                    "Subscriber": "s", "Principal": "p", "Sequence": 3, "Lag": 1, "Time": "2027-01-15T08:00:00.000Z",
                ])
            #expect(try await engine.call("bus:ListSubscribers") == ["Subscribers": [described]])
            let ahead = await refusal {
                try await engine.call("bus:Acknowledge", ["Subscriber": "s", "Sequence": 5])
            }
            #expect(ahead?.message == "Sequence 5 has not been sent; the last one is 4.")
            let unknown = await refusal { try await engine.call("bus:DescribeSubscriber", ["Subscriber": "t"]) }
            #expect(unknown?.code == .resourceNotFound)
        }
    }

    @Test("A place is moved only by whom its name is allowed to")
    func place() async throws {
        final class Names: Authorizer {
            func authorize(_ principal: Principal, _ action: String, on resource: String) throws(ServiceError) {
                if action == "bus:Acknowledge", resource != "mine" { throw ServiceError(.accessDenied, resource) }
            }
        }
        let engine = try TestEvents(authorizer: Names())
        for (name, refused) in [("mine", nil), ("other", "other"), ("mine2", "mine2")] as [(JSON, String?)] {
            let error = await refusal {
                try await engine.call("bus:Acknowledge", ["Subscriber": name, "Sequence": 0], as: Principal("p"))
            }
            #expect(error?.message == refused)
        }
        let nameless = await refusal {
            try await engine.call("bus:Acknowledge", ["Sequence": 0], as: Principal("p"))
        }
        #expect(nameless?.message == "*")
    }

    @Test("A subscriber that falls behind the limit is an event, once until it has caught up")
    func lagging() async throws {
        try await TestEvents.run { engine in
            for _ in 1...101 { try await engine.put(Array(repeating: TestEvents.entry(), count: 1000)) }
            for sequence in [1, 2, 3] {
                try await engine.call("bus:Acknowledge", ["Subscriber": "s", "Sequence": .integer(sequence)])
            }
            try await eventually("the event is there") { engine.journal.lastSequence == 101_001 }
            var event: JSON?
            try engine.journal.read(after: 101_000, bytesMax: 1).forEach { record in
                event = StreamEntry(record.body).flatMap { try? JSON(parsing: $0.payload) }
            }
            #expect(event?["detail-type"] == "Subscriber Lagging")
            #expect(
                event?["detail"] == ["Subscriber": "s", "Sequence": 1, "LastSequence": 101_000, "Lag": 100_999])
            try await engine.call("bus:Acknowledge", ["Subscriber": "s", "Sequence": 101_000])
            try await engine.call("bus:Acknowledge", ["Subscriber": "t", "Sequence": 5])
            try await eventually("the other's is there") { engine.journal.lastSequence == 101_002 }
        }
    }
}
