import Core
import Foundation
import Testing

@Suite("A subscriber of the stream")
struct SubscriberTests {
    @Test("One that was away, and one whose server was killed, loses nothing and gets nothing twice")
    func away() throws {
        try Scenario.run { scenario in
            var server = try scenario.startServer()
            try put(20, scenario)
            // It begins with what is retained, goes on live, and leaves.
            var subscriber = try startSubscriber(scenario)
            try put(20, scenario)
            try eventually("40 events handled") { scenario.handled.count == 40 }
            try stop(subscriber)
            // What comes while nobody listens, over a crash of the server, is read when it is back.
            try put(20, scenario)
            server.kill()
            server = try scenario.startServer()
            try put(20, scenario)
            subscriber = try startSubscriber(scenario)
            try eventually("80 events handled") { scenario.handled.count == 80 }
            // And one that listens goes on after a crash, by itself.
            server.kill()
            server = try scenario.startServer()
            try put(20, scenario)
            try eventually("100 events handled") { scenario.handled.count == 100 }
            try stop(subscriber)

            let handled = scenario.handled
            let journal = try scenario.python("read_stream.py", "event/default/").jsonLines().map { message in
                "\(message["Sequence"]?.int ?? 0) \(message["Body"]?["id"]?.string ?? "")"
            }
            #expect(handled == journal)
            #expect(server.isRunning)
        }
    }

    @Test("A named subscriber of the command line goes on where it stopped, over a restart of the server")
    func named() throws {
        try Scenario.run { scenario in
            let server = try scenario.startServer()
            try put(10, scenario)
            let first = try subscribe(scenario, count: 4)
            server.kill()
            try scenario.startServer()
            let second = try subscribe(scenario, count: 6)
            try put(5, scenario)
            let third = try subscribe(scenario, count: 5)
            let journal = try scenario.python("read_stream.py", "event/default/").jsonLines()
            #expect(first + second + third == journal.compactMap { $0["Sequence"]?.int })
            let place = try scenario.call("bus:DescribeSubscriber", ["Subscriber": "billing"])
            #expect(place["Sequence"]?.int == third.last && place["Lag"] == 0, "\(place.text)")
        }
    }

    @Test("A reader of another epoch, or from before what is retained, is told so")
    func lostPlace() throws {
        try Scenario.run { scenario in
            try scenario.startServer()
            try put(1, scenario)
            let other = try scenario.opsbus(
                "call", "bus:ReadStream", #"{"Epoch": "00000000-0000-4000-8000-000000000000", "AfterSequence": 1}"#)
            #expect(other.exitCode == 1 && other.errorOutput.contains("EpochChanged"), "\(other.errorOutput)")
            let later = try scenario.call("bus:ReadStream", ["AfterSequence": 1_000_000])
            #expect(later["Messages"] == [] && later["NextSequence"] == 1_000_000)
        }
    }

    private func put(_ count: Int, _ scenario: Scenario) throws {
        // On three topics, so that predecessors differ.
        let lines = (0..<count).map { #"{"Source": "app.\#($0 % 3)", "DetailType": "a/b %", "Detail": {"n": \#($0)}}"# }
        let put = try scenario.opsbus("events", "put", "-", input: lines.joined(separator: "\n"))
        guard put.exitCode == 0 else { throw ScenarioError(put.errorOutput) }
    }

    private func startSubscriber(_ scenario: Scenario) throws -> ChildProcess {
        let subscriber = try scenario.startPython(
            "subscriber.py", ["event/default/", scenario.path("place"), scenario.path("handled")])
        try eventually("the subscriber has caught up") { subscriber.output.contains("caught up") }
        return subscriber
    }

    private func stop(_ subscriber: ChildProcess) throws {
        subscriber.send(SIGTERM)
        #expect(try subscriber.wait() == 0, "\(subscriber.errorOutput)")
    }

    private func subscribe(_ scenario: Scenario, count: Int) throws -> [Int] {
        let outcome = try scenario.opsbus(
            "subscribe", "event/default/", "--named", "billing", "--count", String(count), "--timeout", "20s")
        #expect(outcome.exitCode == 0, "\(outcome.errorOutput)")
        return try outcome.jsonLines().compactMap { $0["Sequence"]?.int }
    }
}

extension Scenario {
    /// What `subscriber.py` has handled, in order.
    fileprivate var handled: [String] { text("handled").split(separator: "\n").map(String.init) }
}
