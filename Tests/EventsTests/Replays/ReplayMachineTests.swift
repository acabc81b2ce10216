import Core
import Testing

@testable import Events

@Suite("How a replay goes on") struct ReplayMachineTests {
    private let start = Timestamp(seconds: 1000)
    private let later = Timestamp(seconds: 1001)

    private func machine(_ rate: Int = 1000) -> ReplayMachine { ReplayMachine(started: start, eventsPerSecond: rate) }

    private func batch(_ count: Int, isLast: Bool = false) -> ReplayMachine.Batch {
        ReplayMachine.Batch(
            count: count, position: ArchivePosition(minute: 1, block: 2, index: count), lastEventTime: start,
            isLast: isLast)
    }

    @Test("It waits a second before its first events, unless it is hurried")
    func pause() {
        var machine = machine()
        #expect(machine.next(now: start) == .wait(until: later))
        #expect(machine.next(now: later) == .take(250))
        machine.hurry()
        #expect(machine.next(now: start) == .take(250))
    }

    @Test("Events are taken no faster than its rate, however late the steps are")
    func rate() {
        var machine = machine()
        machine.hurry()
        machine.took(batch(250), now: start)
        #expect(machine.next(now: start) == .wait(until: start + .milliseconds(250)))
        machine.took(batch(250), now: later)
        #expect(machine.next(now: later) == .wait(until: later + .milliseconds(250)))
        #expect(machine.eventCount == 500 && machine.state == .running)
    }

    @Test("A slow one takes single events", arguments: [(1, 1), (3, 1), (8, 2), (100_000, 1000)])
    func batches(rate: Int, count: Int) {
        #expect(machine(rate).next(now: later) == .take(count))
    }

    @Test("It is complete with its last events, and with none")
    func complete() {
        var machine = machine()
        machine.took(.init(), now: later)
        #expect(machine.state == .completed && machine.ended == later && machine.next(now: later) == .stop)
        #expect(machine.position == nil && machine.lastEventTime == nil)
    }

    @Test("Cancelled before its first events or between others, it ends; ended, it cannot be cancelled")
    func cancel() {
        var fresh = machine()
        let wasCancelled = fresh.cancel()
        #expect(wasCancelled && fresh.state == .cancelling && fresh.next(now: start) == .finish)
        let again = fresh.cancel()
        fresh.finish(now: later)
        let afterwards = fresh.cancel()
        #expect(!again && !afterwards)
        #expect(fresh.state == .cancelled && fresh.ended == later && fresh.eventCount == 0)
        #expect(fresh.next(now: later) == .stop)
        var running = machine()
        running.took(batch(3), now: later)
        _ = running.cancel()
        running.finish(now: later)
        #expect(running.state == .cancelled && running.eventCount == 3)
        var complete = machine()
        complete.took(batch(1, isLast: true), now: later)
        let tooLate = complete.cancel()
        #expect(!tooLate && complete.state == .completed)
    }

    @Test("A failure ends it with a reason, and changes nothing of what has ended")
    func fail() {
        var machine = machine()
        machine.fail("gone", now: later)
        #expect(machine.state == .failed && machine.reason == "gone" && machine.ended == later)
        machine.fail("again", now: later + .seconds(1))
        #expect(machine.reason == "gone" && machine.ended == later)
        machine.finish(now: later)
        #expect(machine.state == .failed)
    }

    @Test("From what is kept of it, it goes on where it was, at once")
    func kept() {
        var machine = machine()
        machine.took(batch(250), now: later)
        let again = ReplayMachine(started: start, eventsPerSecond: 1000, record: machine.record)
        #expect(again.record == machine.record && again.position == machine.position)
        #expect(again.next(now: later) == .take(250))
        let fresh = ReplayMachine(started: start, eventsPerSecond: 1000, record: self.machine().record)
        #expect(fresh.next(now: start) == .wait(until: later))
    }
}
