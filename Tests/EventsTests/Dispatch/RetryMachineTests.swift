import Core
import TestSupport
import Testing

@testable import Events

@Suite("What follows a failed attempt") struct RetryMachineTests {
    private static let created = Timestamp(seconds: 1_800_000_000)

    private func decide(
        _ attempts: Int, policy: RetryPolicy = RetryPolicy(), after elapsed: Duration = .zero,
        isRetryable: Bool = true, _ random: inout SeededGenerator
    ) -> RetryMachine.Decision {
        RetryMachine(policy: policy, created: Self.created).decide(
            attempts: attempts, isRetryable: isRetryable, now: Self.created + elapsed, using: &random)
    }

    @Test(
        "Waits double from a second to a quarter of an hour, and each is drawn from the upper half",
        arguments: [(1, 1), (2, 2), (3, 4), (4, 8), (9, 256), (10, 512), (11, 900), (12, 900), (185, 900)])
    func waits(attempt: Int, longest: Int) throws {
        var random = SeededGenerator(seed: UInt64(attempt))
        var waits: [Duration] = []
        for _ in 0..<500 {
            guard case .retry(let due) = decide(attempt, &random) else {
                Issue.record("no retry")
                return
            }
            waits.append(due - Self.created)
        }
        let shortest = try #require(waits.min())
        let widest = try #require(waits.max())
        #expect(shortest >= .milliseconds(500 * longest) && shortest < .milliseconds(520 * longest), "\(shortest)")
        #expect(widest <= .seconds(longest) && widest > .milliseconds(980 * longest), "\(widest)")
    }

    @Test("As many retries are made as the policy says, the first attempt not counted")
    func attempts() {
        var random = SeededGenerator(seed: 1)
        for retries in [0, 1, 185] {
            let policy = RetryPolicy(attemptsMax: retries)
            if retries > 0 { #expect(decide(retries, policy: policy, &random) != .giveUp(.maximumRetryAttempts)) }
            #expect(decide(retries + 1, policy: policy, &random) == .giveUp(.maximumRetryAttempts))
        }
    }

    @Test("No retry is planned for a time at which the event would be too old")
    func age() {
        var random = SeededGenerator(seed: 1)
        let policy = RetryPolicy(ageSecondsMax: 60)
        // The next wait is at most a second, and at least half of one.
        #expect(decide(1, policy: policy, after: .seconds(60), &random) == .giveUp(.maximumEventAge))
        #expect(decide(1, policy: policy, after: .milliseconds(59_501), &random) == .giveUp(.maximumEventAge))
        #expect(decide(1, policy: policy, after: .seconds(59), &random) != .giveUp(.maximumEventAge))
    }

    @Test("What no retry can mend is given up at once, whatever the policy")
    func final() {
        var random = SeededGenerator(seed: 1)
        #expect(decide(1, isRetryable: false, &random) == .giveUp(nil))
    }
}
