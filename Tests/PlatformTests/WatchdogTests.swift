import Platform
import Synchronization
import TestSupport
import Testing

/// What a watchdog saw and said.
private final class Notes: Sendable {
    let reports = Mutex<[Watchdog.Report]>([])
    let answers = Mutex(0)
}

@Suite struct WatchdogTests {
    @Test func `A part that hangs is named once, and again when it answers; no other is`() async throws {
        let (clock, notes) = (ManualClock(), Notes())
        let gate = Gate()
        let parts = [
            Watchdog.Part("well") { notes.answers.withLock { $0 += 1 } },
            Watchdog.Part("stuck") { await gate.pass() },
        ]
        let watchdog = Watchdog(parts, clock: clock) { report in notes.reports.withLock { $0.append(report) } }
        watchdog.start()
        for turn in 1...6 {
            try await eventually("the one that is well has answered") { notes.answers.withLock { $0 } == turn }
            try await eventually("the watchdog sleeps") { !clock.alarms.isEmpty }
            clock.advance(by: .seconds(5))
        }
        try await eventually("it complains") { !notes.reports.withLock { $0.isEmpty } }
        try await eventually("the watchdog sleeps") { !clock.alarms.isEmpty }
        #expect(notes.reports.withLock { $0 } == [.silent(part: "stuck", for: .seconds(15))])
        gate.open()
        try await eventually("it answers") { notes.reports.withLock { $0.count } == 2 }
        #expect(notes.reports.withLock { $0.last } == .answersAgain(part: "stuck", after: .seconds(30)))
        watchdog.stop()
    }
}
