import Core
import Platform
import Synchronization
import TestSupport
import Testing

@Suite("Due work") struct DueWorkTests {
    @Test("What is held, or was settled while the table was read, is not taken from what was read")
    func news() {
        var work = DueWork<Int>()
        #expect(work.mustLoad && work.isNews(1))
        work.hold(1)
        work.hold(2)
        work.beginLoading()
        #expect(!work.mustLoad && work.isLoading)
        work.settle(2)
        #expect(!work.isNews(1) && !work.isNews(2) && work.isNews(3))
        work.endLoading()
        #expect(!work.isLoading && !work.isNews(1) && work.isNews(2))
        work.settle(1)
        #expect(work.isNews(1), "nothing is being read that could show it as it was")
    }

    @Test("The timer goes off at the earliest of the times it was set to, once")
    func timer() async throws {
        let clock = ManualClock()
        let due = Numbers()
        var work = DueWork<Int>()
        let start = clock.now
        for seconds in [30, 10, 20] {
            work.setTimer(start + .seconds(seconds), clock) { due.add(seconds) }
        }
        try await eventually("the timer is set") { clock.alarms.contains(start + .seconds(10)) }
        clock.advance(by: .seconds(60))
        try await eventually("it has gone off") { due.all == [10] }
        work.timeHasCome()
        #expect(work.mustLoad)
        work.setTimer(clock.now + .seconds(5), clock) { due.add(5) }
        work.cancelTimer()
        work.setTimer(clock.now + .seconds(50), clock) { due.add(50) }
        try await eventually("the timer is set anew") { clock.alarms.contains(clock.now + .seconds(50)) }
        clock.advance(by: .seconds(60))
        try await eventually("it has gone off again") { due.all == [10, 50] }
    }

    @Test("Insisting ends with the first success, or when it is over with the error")
    func insisting() async throws {
        let clock = ManualClock()
        let failures = Numbers()
        let task = Task {
            try await insist("it fails", clock, quiet, unless: { false }) {
                if failures.all.count < 2 {
                    failures.add(1)
                    throw WaitedFor("not yet")
                }
                return "done"
            }
        }
        for _ in 1..<3 {
            try await eventually("it waits") { !clock.alarms.isEmpty }
            clock.advance(by: .seconds(1))
        }
        #expect(try await task.value == "done")
        await #expect(throws: WaitedFor.self) {
            try await insist("it fails", clock, quiet, unless: { true }) { throw WaitedFor("never") }
        }
    }
}

private final class Numbers: Sendable {
    private let list = Mutex<[Int]>([])

    var all: [Int] { list.withLock { $0 } }

    func add(_ number: Int) { list.withLock { $0.append(number) } }
}

private let quiet = Log(component: "test", minimum: .error)

private struct WaitedFor: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
