import Core
import Synchronization
import Testing

@testable import Platform

@Suite("The machine's clock") struct SystemClockTests {
    @Test("A wall clock that is set back by an hour does not make a pause an hour longer", .timeLimit(.minutes(1)))
    func setBack() async throws {
        // Each look at the wall clock finds it an hour earlier.
        let hours = Atomic<Int64>(1000)
        let clock: any Platform.Clock = SystemClock {
            hours.subtract(1, ordering: .relaxed).newValue * 3_600_000_000_000
        }
        let start = clock.monotonic
        try await clock.sleep(for: .milliseconds(5))
        #expect(clock.monotonic - start >= .milliseconds(5))
    }

    @Test("Who sleeps until an instant wakes when the wall clock has come to it")
    func untilInstant() async throws {
        let clock = SystemClock()
        let instant = clock.now + .milliseconds(5)
        try await clock.sleep(until: instant)
        #expect(clock.now >= instant)
        try await clock.sleep(until: instant)
    }

    @Test("Who is cancelled is woken", .timeLimit(.minutes(1)))
    func cancelled() async {
        for sleep: @Sendable (SystemClock) async throws -> Void in [
            { try await $0.sleep(for: .seconds(3600)) }, { try await $0.sleep(until: $0.now + .seconds(3600)) },
        ] {
            let sleeper = Task { try await sleep(SystemClock()) }
            sleeper.cancel()
            await #expect(throws: CancellationError.self) { try await sleeper.value }
        }
    }
}
