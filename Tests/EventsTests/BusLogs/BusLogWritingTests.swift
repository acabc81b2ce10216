import API
import Core
import Synchronization
import TestSupport
import Testing

@testable import Events

@Suite("Writing the logs of event buses") struct BusLogWritingTests {
    /// A log by itself, whose writes come to what the test says.
    private struct Bed {
        let clock = ManualClock()
        let caller = CallerDouble()
        let log: BusLog

        init() {
            let buses = BusDirectory(account: Account())
            var bus = EventBus(name: "b", created: Timestamp(seconds: 0), modified: Timestamp(seconds: 0))
            bus.logConfig = ["Level": "TRACE"]
            buses.put(bus)
            log = BusLog(buses: buses, caller: caller, clock: clock, log: quiet)
        }

        func add(_ number: Int) {
            log.add(.noRuleMatched, on: "b") {
                BusLogRecord(step: .noRuleMatched, time: Timestamp(seconds: Int64(number)))
            }
        }

        /// The seconds of all records that have been written, and how many a record says were dropped.
        var written: (seconds: [Int], dropped: Int) {
            var seconds: [Int] = []
            var dropped = 0
            for call in caller.calls {
                for event in call.input["logEvents"]?.array ?? [] {
                    let line = (try? JSON(parsing: event["message"]?.string ?? "")) ?? .null
                    if line["message_type"] == "OPSBUS_RECORDS_DROPPED" {
                        dropped += line["details"]?["count"]?.int ?? 0
                    } else {
                        seconds.append((event["timestamp"]?.int ?? 0) / 1000)
                    }
                }
            }
            return (seconds, dropped)
        }
    }

    @Test("Records that do not fit are dropped, none waits for them, and one record says how many there were")
    func bounded() async throws {
        let bed = Bed()
        let gate = Gate()
        bed.caller.answer { _ throws(ServiceError) in
            await gate.pass()
            return [:]
        }
        bed.add(0)
        try await eventually("the first is being written") { gate.waitingCount == 1 }
        for number in 1...BusLog.recordsMax + 7 { bed.add(number) }
        gate.open()
        try await eventually("the others are written") {
            bed.clock.advance(by: .milliseconds(100))
            return bed.written.seconds.count == BusLog.recordsMax + 1
        }
        #expect(bed.written.seconds == Array(0...BusLog.recordsMax))
        #expect(bed.written.dropped == 7)
        #expect(bed.caller.calls.count >= 11, "a batch is bounded, too")
    }

    @Test("A write that fails is tried again, so that it appends once; one that never can is given up")
    func retried() async throws {
        let bed = Bed()
        bed.caller.fail(.serviceUnavailable)
        bed.add(1)
        try await eventually("it is tried twice more") {
            bed.clock.advance(by: .seconds(1))
            return bed.caller.calls.count >= 3
        }
        bed.caller.succeed()
        try await eventually("it is written, and so is what comes later") {
            bed.clock.advance(by: .seconds(1))
            bed.add(2)
            return bed.written.seconds.contains(2)
        }
        let tokens = bed.caller.calls.prefix(3).map { $0.input["OpsBusToken"] }
        #expect(Set(tokens).count == 1, "the same token appends once")
        bed.caller.fail(.validation)
        let count = bed.caller.calls.count
        bed.add(3)
        bed.clock.advance(by: .seconds(1))
        try await eventually("it is tried once") {
            bed.clock.advance(by: .seconds(1))
            return bed.caller.calls.count > count
        }
        await bed.log.stop()
    }

    @Test("The end writes what waits; a wipe lets go of it, and what comes after is written")
    func ends() async throws {
        let bed = Bed()
        bed.add(1)
        try await eventually("the first is written") { bed.written.seconds == [1] }
        // The pause after a batch is on.
        bed.add(2)
        await bed.log.suspend()
        bed.add(3)
        await bed.log.resume()
        bed.add(4)
        try await eventually("only what came after the wipe is written") { bed.written.seconds == [1, 4] }
        bed.add(5)
        bed.add(6)
        await bed.log.stop()
        #expect(bed.written.seconds == [1, 4, 5, 6])
    }
}
