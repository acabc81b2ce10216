import Core
import Testing

@testable import Events

@Suite("Circuit breakers") struct CircuitBreakerTests {
    private let start = Timestamp(seconds: 1_800_000_000)

    /// A breaker that has opened at `start`.
    private func opened() -> CircuitBreaker {
        var breaker = CircuitBreaker()
        for _ in 1..<CircuitBreaker.failuresMax {
            #expect(breaker.record(isFailure: true, now: start) == nil)
        }
        #expect(breaker.record(isFailure: true, now: start) == .opened(until: start + .seconds(30)))
        return breaker
    }

    @Test("A closed breaker lets all pass, and a success makes it forget the failures")
    func closed() {
        var breaker = CircuitBreaker()
        for _ in 0..<100 {
            for _ in 1..<CircuitBreaker.failuresMax { #expect(breaker.record(isFailure: true, now: start) == nil) }
            #expect(breaker.admit(now: start) == .go)
            #expect(breaker.record(isFailure: false, now: start) == nil)
        }
        #expect(breaker == CircuitBreaker())
    }

    @Test("After so many failures in a row it opens, and all wait until it tries again")
    func opens() {
        var breaker = opened()
        let until = start + .seconds(30)
        #expect(breaker.admit(now: start) == .wait(until: until))
        #expect(breaker.admit(now: until - .milliseconds(1)) == .wait(until: until))
        #expect(breaker.admit(now: until) == .go)
        #expect(breaker.admit(now: until) == .wait(until: until + CircuitBreaker.trialWait), "one tries at a time")
    }

    @Test("A trial that succeeds closes it, and one that fails opens it for twice as long, up to ten minutes")
    func trials() {
        var breaker = opened()
        var now = start + .seconds(30)
        for pause in [60, 120, 240, 480, 600, 600] {
            #expect(breaker.admit(now: now) == .go)
            #expect(breaker.record(isFailure: true, now: now) == .opened(until: now + .seconds(pause)))
            now = now + .seconds(pause)
        }
        #expect(breaker.admit(now: now) == .go)
        #expect(breaker.record(isFailure: false, now: now) == .closed)
        #expect(breaker == CircuitBreaker())
    }

    @Test("A trial of which nothing is heard lets another try")
    func lostTrial() {
        var breaker = opened()
        let until = start + .seconds(30)
        #expect(breaker.admit(now: until) == .go)
        #expect(breaker.admit(now: until + CircuitBreaker.trialWait) == .go)
    }

    @Test("Attempts that began before it opened may close it, but do not open it further")
    func stragglers() {
        var breaker = opened()
        let state = breaker.state
        #expect(breaker.record(isFailure: true, now: start + .seconds(1)) == nil)
        #expect(breaker.state == state)
        #expect(breaker.record(isFailure: false, now: start + .seconds(2)) == .closed)
    }
}
