import Core
import Testing

@Suite("Times of schedules in time zones") struct ScheduleTimesTests {
    private static let zones = [
        "Europe/Berlin": "CET-1CEST,M3.5.0,M10.5.0/3", "America/New_York": "EST5EDT,M3.2.0,M11.1.0",
        "Australia/Lord_Howe": "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "Asia/Kolkata": "IST-5:30", "UTC": "UTC0",
    ]

    private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text)) }

    private func times(
        _ expression: String, in zone: String = "UTC", start: String? = nil, end: String? = nil,
        anchor: String = "2026-01-01T00:00:00Z"
    ) throws -> ScheduleTimes {
        let rule = try #require(ScheduleTimesTests.zones[zone])
        return ScheduleTimes(
            try ScheduleExpression(parsing: expression),
            in: try TimeZoneRules(parsing: TimeZoneRulesTests.file(rule)), start: try start.map(time),
            end: try end.map(time), anchor: try time(anchor))
    }

    private func list(_ times: ScheduleTimes, from start: String, count: Int) throws -> [String] {
        var list: [String] = []
        var next = times.first(from: try time(start))
        while let due = next, list.count < count {
            list.append(due.description)
            next = times.next(after: due)
        }
        return list
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let zone: String
        let expression: String
        let from: String
        let due: [String]
        var testDescription: String { "\(expression) in \(zone) from \(from)" }
    }

    static let changes = [
        // Berlin skips 02:00 to 03:00 on 29 March 2026 and repeats it on 25 October.
        Case(
            zone: "Europe/Berlin", expression: "cron(30 2 * * ? *)", from: "2026-03-27T12:00:00Z",
            due: ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"]),
        Case(
            zone: "Europe/Berlin", expression: "cron(30 2 * * ? *)", from: "2026-10-24T12:00:00Z",
            due: ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"]),
        // Asked for in the middle of the hour that is repeated.
        Case(
            zone: "Europe/Berlin", expression: "cron(30 2 * * ? *)", from: "2026-10-25T01:10:00Z",
            due: ["2026-10-26T01:30:00Z"]),
        Case(
            zone: "Europe/Berlin", expression: "cron(0 * * * ? *)", from: "2026-03-29T00:00:00Z",
            due: ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]),
        Case(
            zone: "Europe/Berlin", expression: "cron(0 * * * ? *)", from: "2026-10-24T23:30:00Z",
            due: ["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"]),
        Case(
            zone: "Europe/Berlin", expression: "cron(0 9 ? * MON-FRI *)", from: "2026-03-27T00:00:00Z",
            due: ["2026-03-27T08:00:00Z", "2026-03-30T07:00:00Z"]),
        Case(
            zone: "Europe/Berlin", expression: "cron(30 2 L 3 ? *)", from: "2024-01-01T00:00:00Z",
            due: ["2025-03-31T00:30:00Z", "2026-03-31T00:30:00Z"]),
        // New York: 8 March and 1 November 2026.
        Case(
            zone: "America/New_York", expression: "cron(15 2 * * ? *)", from: "2026-03-07T00:00:00Z",
            due: ["2026-03-07T07:15:00Z", "2026-03-09T06:15:00Z"]),
        Case(
            zone: "America/New_York", expression: "cron(15 1 * * ? *)", from: "2026-10-31T12:00:00Z",
            due: ["2026-11-01T05:15:00Z", "2026-11-02T06:15:00Z"]),
        Case(
            zone: "America/New_York", expression: "cron(59 23 31 12 ? *)", from: "2026-06-01T00:00:00Z",
            due: ["2027-01-01T04:59:00Z", "2028-01-01T04:59:00Z"]),
        // Lord Howe moves by half an hour: 02:00 to 02:30 on 4 October, 02:00 to 01:30 on 5 April 2026.
        Case(
            zone: "Australia/Lord_Howe", expression: "cron(15 2 * * ? *)", from: "2026-10-02T20:00:00Z",
            due: ["2026-10-04T15:15:00Z", "2026-10-05T15:15:00Z"]),
        Case(
            zone: "Australia/Lord_Howe", expression: "cron(45 1 * * ? *)", from: "2026-04-04T00:00:00Z",
            due: ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]),
        Case(
            zone: "Australia/Lord_Howe", expression: "cron(15 1 * * ? *)", from: "2026-04-04T00:00:00Z",
            due: ["2026-04-04T14:15:00Z", "2026-04-05T14:45:00Z"]),
        Case(
            zone: "Asia/Kolkata", expression: "cron(0 0 1 * ? *)", from: "2026-01-01T00:00:00Z",
            due: ["2026-01-31T18:30:00Z", "2026-02-28T18:30:00Z"]),
    ]

    @Test("cron() skips times that clocks skip, and takes those that they repeat once", arguments: changes)
    func daylightSaving(_ change: Case) throws {
        let times = try times(change.expression, in: change.zone)
        #expect(try list(times, from: change.from, count: change.due.count) == change.due)
    }

    @Test("rate() counts hours and days of 24 hours, whatever the clocks show, from the start on")
    func rate() throws {
        let daily = try times("rate(1 day)", in: "Europe/Berlin", start: "2026-03-28T01:30:00Z")
        #expect(
            try list(daily, from: "2026-01-01T00:00:00Z", count: 3)
                == ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T01:30:00Z"])
        let now = try times("rate(5 minutes)", anchor: "2026-01-01T00:00:10Z")
        #expect(
            try list(now, from: "2026-01-01T00:00:10Z", count: 2) == ["2026-01-01T00:00:10Z", "2026-01-01T00:05:10Z"])
        let bounded = try times("rate(1 hour)", end: "2026-01-01T02:00:00Z")
        #expect(try list(bounded, from: "2026-01-01T00:30:00Z", count: 9).count == 2, "01:00 and 02:00")
    }

    @Test("at() is a time of its zone, and knows neither start nor end")
    func at() throws {
        let once = try times(
            "at(2026-07-01T09:00:00)", in: "America/New_York", start: "2026-08-01T00:00:00Z",
            end: "2026-08-02T00:00:00Z")
        #expect(try list(once, from: "2026-01-01T00:00:00Z", count: 2) == ["2026-07-01T13:00:00Z"])
        #expect(try once.next(after: time("2026-07-01T13:00:00Z")) == nil)
        let skipped = try times("at(2026-03-29T02:30:00)", in: "Europe/Berlin")
        #expect(try skipped.first(from: time("2026-01-01T00:00:00Z")) == nil)
    }

    @Test("cron() begins with its start and ends with its end, both included")
    func bounds() throws {
        let times = try times("cron(0 12 * * ? *)", start: "2026-05-01T12:00:00Z", end: "2026-05-03T12:00:00Z")
        #expect(
            try list(times, from: "2026-01-01T00:00:00Z", count: 9)
                == ["2026-05-01T12:00:00Z", "2026-05-02T12:00:00Z", "2026-05-03T12:00:00Z"])
        #expect(try list(times, from: "2026-05-03T12:00:01Z", count: 9) == [])
    }

    @Test("The latest time passed is found, with how many lie before it, and a rate needs no counting for that")
    func latest() throws {
        let hourly = try times("cron(0 * * * ? *)", in: "Europe/Berlin")
        let found = try hourly.latest(from: time("2026-10-25T00:00:00Z"), through: time("2026-10-25T03:59:59Z"))
        #expect(try found.time == time("2026-10-25T03:00:00Z") && found.passedOver == 2)
        let rate = try times("rate(1 minute)", end: "2026-01-01T01:00:30Z")
        let first = try time("2026-01-01T00:00:00Z")
        let (last, count) = try rate.latest(from: first, through: time("2199-01-01T00:00:00Z"))
        #expect(try last == time("2026-01-01T01:00:00Z") && count == 60)
        let huge = try times("rate(9000000000000000000 days)")
        #expect(huge.latest(from: first, through: first).passedOver == 0)
        #expect(huge.next(after: first) == nil)
    }
}
