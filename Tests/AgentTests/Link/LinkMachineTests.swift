import Testing

@testable import Agent

@Suite struct LinkMachineTests {
    private func registered(at now: Duration = .zero) -> LinkMachine {
        var machine = LinkMachine(now: now)
        _ = machine.registered(heartbeat: .seconds(30), now: now)
        return machine
    }

    private func waiting() -> LinkMachine {
        var machine = LinkMachine(now: .zero)
        _ = machine.timePassed(to: .seconds(10), jitter: 0)
        return machine
    }

    @Test func anAnswerRegistersAndSendsAgainWhatIsOwed() {
        var machine = LinkMachine(now: .zero)
        #expect(!machine.isRegistered)
        #expect(machine.deadline == .seconds(10))
        #expect(machine.registered(heartbeat: .seconds(30), now: .seconds(1)) == [.resend])
        #expect(machine.isRegistered)
        #expect(machine.deadline == .seconds(31))
    }

    @Test func withoutAnAnswerAttemptsGrowRarer() {
        var machine = LinkMachine(now: .zero)
        var now = Duration.zero
        var pauses: [Duration] = []
        for _ in 0..<9 {
            now = machine.deadline
            #expect(machine.timePassed(to: now, jitter: 0) == [])
            pauses.append(machine.deadline - now)
            now = machine.deadline
            #expect(machine.timePassed(to: now, jitter: 0) == [.reconnect, .sendRegister])
            #expect(machine.deadline == now + .seconds(10))
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) })
        // A success begins anew.
        _ = machine.registered(heartbeat: .seconds(30), now: now)
        _ = machine.timePassed(to: now + .seconds(120), jitter: 0)
        #expect(machine.deadline == now + .seconds(121))
    }

    @Test(arguments: [(0.0, 1.0), (1.0, 0.5), (0.5, 0.75), (7, 0.5), (-1, 1.0)])
    func jitterTakesUpToHalfOfAPause(_ jitter: Double, _ seconds: Double) {
        var machine = LinkMachine(now: .zero)
        _ = machine.timePassed(to: .seconds(10), jitter: jitter)
        #expect(machine.deadline == .seconds(10) + .seconds(seconds))
    }

    @Test func heartbeatsAreSentAndSilenceEndsTheConnection() {
        var machine = registered()
        #expect(machine.timePassed(to: .seconds(29), jitter: 0) == [])
        #expect(machine.timePassed(to: .seconds(30), jitter: 0) == [.sendHeartbeat])
        machine.heard(now: .seconds(40))
        for time in [60, 90, 120, 150] {
            #expect(machine.timePassed(to: .seconds(time), jitter: 0) == [.sendHeartbeat])
        }
        #expect(machine.timePassed(to: .seconds(160), jitter: 0) == [.disconnected])
        #expect(machine.state == .waiting(until: .seconds(161)))
        #expect(machine.timePassed(to: .seconds(161), jitter: 0) == [.reconnect, .sendRegister])
    }

    @Test func aServerThatForgotTheNodeIsToldAgainAtOnce() {
        var machine = registered()
        #expect(
            machine.refused(mayRegister: true, now: .seconds(5), jitter: 0) == [.disconnected, .sendRegister])
        #expect(machine.state == .registering(until: .seconds(15)))
        // Answers to what was sent before are on their way still.
        #expect(machine.refused(mayRegister: true, now: .seconds(6), jitter: 0) == [])
        #expect(machine.state == .registering(until: .seconds(15)))
        var other = waiting()
        let before = other
        #expect(other.refused(mayRegister: true, now: .seconds(10), jitter: 0) == [])
        #expect(other == before)
    }

    @Test func aRefusalIsTriedAgainAfterAPause() {
        var machine = LinkMachine(now: .zero)
        #expect(machine.refused(mayRegister: false, now: .seconds(1), jitter: 0) == [])
        #expect(machine.state == .waiting(until: .seconds(2)))
        var expelled = registered()
        #expect(expelled.refused(mayRegister: false, now: .seconds(1), jitter: 0) == [.disconnected])
        #expect(expelled.state == .waiting(until: .seconds(2)))
        var again = waiting()
        #expect(again.refused(mayRegister: false, now: .seconds(10), jitter: 0) == [])
        #expect(again.state == .waiting(until: .seconds(12)))
    }

    @Test func aLateAnswerCountsAndStrayMessagesDoNot() {
        var machine = waiting()
        machine.heard(now: .seconds(10))
        #expect(machine.state == .waiting(until: .seconds(11)))
        #expect(machine.registered(heartbeat: .seconds(30), now: .seconds(10)) == [.resend])
        var registering = LinkMachine(now: .zero)
        registering.heard(now: .seconds(9))
        #expect(registering.deadline == .seconds(10))
        var twice = registered()
        #expect(twice.registered(heartbeat: .seconds(5), now: .seconds(1)) == [.resend])
        #expect(twice.deadline == .seconds(6))
    }
}
