import Platform
import Synchronization
import TestSupport
import Testing

@Suite struct WatchdogTests {
    private let clock = ManualClock()
    private let reports = Reports()

    private func watchdog(_ parts: [Watchdog.Part]) -> Watchdog {
        Watchdog(parts, clock: clock) { [reports] in reports.add($0) }
    }

    /// Lets the watchdog see that five seconds have passed.
    private func pass() async throws {
        try await eventually("the watchdog sleeps") { !clock.alarms.isEmpty }
        clock.advance(by: .seconds(5))
        try await eventually("it sleeps again") { !clock.alarms.isEmpty }
    }

    @Test func `A part that hangs is named once, and again when it answers`() async throws {
        let gate = Gate()
        let watchdog = watchdog([
            Watchdog.Part("well") {}, Watchdog.Part("stuck") { await gate.pass() },
        ])
        watchdog.start()
        for _ in 0..<2 { try await pass() }
        #expect(reports.all.isEmpty, "patience")
        for _ in 0..<3 { try await pass() }
        #expect(reports.all == [.silent(part: "stuck", for: .seconds(15))])
        gate.open()
        try await eventually("it answers") { reports.all.count == 2 }
        #expect(reports.all.last == .answersAgain(part: "stuck", after: .seconds(25)))
        watchdog.stop()
    }

    @Test func `Whoever answers in time is asked again and never told of`() async throws {
        let count = Counter()
        let watchdog = watchdog([Watchdog.Part("well") { count.increase() }])
        watchdog.start()
        for asked in 1...8 {
            try await eventually("it is asked once more") { count.value == asked }
            try await pass()
        }
        #expect(reports.all.isEmpty)
        watchdog.stop()
    }
}

private final class Reports: Sendable {
    private let list = Mutex<[Watchdog.Report]>([])
    var all: [Watchdog.Report] { list.withLock { $0 } }
    func add(_ report: Watchdog.Report) { list.withLock { $0.append(report) } }
}

private final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func increase() { count.withLock { $0 += 1 } }
}
