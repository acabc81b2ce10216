import Core
import Testing

@testable import Events

@Suite("Schedule machine") struct ScheduleMachineTests {
    private static let start = Timestamp(seconds: 1_800_000_000)

    private func machine(
        _ expression: String, window: Duration = .zero, seed: String = "arn", end: Timestamp? = nil
    ) throws -> ScheduleMachine {
        ScheduleMachine(
            times: ScheduleTimes(
                try ScheduleExpression(parsing: expression), in: .utc, end: end, anchor: ScheduleMachineTests.start),
            window: window, seed: seed)
    }

    private func after(_ seconds: Int64) -> Timestamp { ScheduleMachineTests.start + .seconds(seconds) }

    @Test("A plan fires for its own time, and the next one follows")
    func onTime() throws {
        let machine = try machine("rate(5 minutes)")
        let plan = try #require(machine.first(from: after(1)))
        #expect(plan == Schedule.Plan(scheduled: after(300), due: after(300)))
        let firing = machine.fire(plan, now: after(359))
        #expect(firing.scheduled == after(300) && firing.passedOver == 0 && !firing.isMissed)
        #expect(firing.next?.due == after(600))
    }

    @Test("After a pause it fires once, for the latest time missed, and tells how many were passed over")
    func missed() throws {
        let machine = try machine("rate(5 minutes)")
        let plan = try #require(machine.first(from: after(1)))
        let firing = machine.fire(plan, now: after(3700))
        #expect(firing.scheduled == after(3600) && firing.passedOver == 11 && firing.isMissed)
        #expect(firing.next?.scheduled == after(3900))
        let late = machine.fire(plan, now: after(361))
        #expect(late.scheduled == after(300) && late.passedOver == 0 && late.isMissed)
    }

    @Test("A schedule that ended during the pause fires for its last time, and never again")
    func missedEnd() throws {
        let machine = try machine("rate(5 minutes)", end: after(700))
        let plan = try #require(machine.first(from: after(1)))
        let firing = machine.fire(plan, now: after(10_000))
        #expect(firing.scheduled == after(600) && firing.next == nil && firing.isMissed)
        let once = try self.machine("at(2027-01-15T09:00:00)")
        let due = try #require(once.first(from: after(0)))
        #expect(once.fire(due, now: after(1_000_000)).scheduled == after(3600))
        #expect(once.fire(due, now: due.due).next == nil)
    }

    @Test("A window spreads calls over all of it, differently for each schedule, and the same way each time")
    func window() throws {
        var delays: [Int64] = []
        for number in 0..<2000 {
            let machine = try machine("rate(1 hour)", window: .seconds(900), seed: "schedule \(number)")
            let plan = try #require(machine.first(from: after(1)))
            #expect(plan.scheduled == after(3600))
            #expect(machine.first(from: after(1)) == plan)
            delays.append((plan.due - plan.scheduled).components.seconds)
        }
        #expect(delays.allSatisfy { (0..<900).contains($0) })
        for quarter in 0..<4 {
            let count = delays.count { $0 / 225 == Int64(quarter) }
            #expect((400...600).contains(count), "\(count) of 2000 in quarter \(quarter)")
        }
    }

    @Test("A window longer than what is between two times holds up no call until the next is due")
    func longWindow() throws {
        let machine = try machine("rate(1 minute)", window: .seconds(86_400))
        var plan = try #require(machine.first(from: after(1)))
        for minute in 1..<200 {
            #expect(plan.scheduled == after(Int64(60 * minute)) && plan.due < after(Int64(60 * minute + 60)))
            let firing = machine.fire(plan, now: plan.due)
            #expect(firing.scheduled == plan.scheduled && firing.passedOver == 0 && !firing.isMissed)
            plan = try #require(firing.next)
        }
    }
}
