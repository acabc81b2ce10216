import Core
import Testing

@Suite struct ScheduleExpressionTests {
    @Test("Accepted, and written back as it was", arguments: [
        "rate(1 minute)", "rate(2 minutes)", "rate(1 hour)", "rate(12 hours)", "rate(1 day)", "rate(30 days)",
        "cron(0 10 * * ? *)", "cron(0/15 * ? * MON-FRI 2026-2030)",
        "at(2026-11-20T13:00:00)", "at(2024-02-29T23:59:59)",
    ])
    func accepts(text: String) throws {
        #expect(try ScheduleExpression(parsing: text).text == text)
    }

    static let refusals: [(text: String, code: ScheduleError.Code, message: String)] = [
        ("rate(1 minutes)", .rateUnit, "the unit for 1 is singular: minute"),
        ("rate(1 days)", .rateUnit, "the unit for 1 is singular: day"),
        ("rate(10 minute)", .rateUnit, "the unit for 10 is plural: minutes"),
        ("rate(10 seconds)", .rateUnit, "the unit 'seconds' must be minutes, hours or days"),
        ("rate(10 years)", .rateUnit, "the unit 'years' must be minutes, hours or days"),
        ("rate(10 MINUTES)", .rateUnit, "the unit 'MINUTES' must be minutes, hours or days"),
        ("rate(10 minutess)", .rateUnit, "the unit 'minutess' must be minutes, hours or days"),
        ("rate(0 minutes)", .rateValue, "'0' must be a whole number from 1"),
        ("rate(-10 minutes)", .rateValue, "'-10' must be a whole number from 1"),
        ("rate(+10 minutes)", .rateValue, "'+10' must be a whole number from 1"),
        ("rate(1.5 hours)", .rateValue, "'1.5' must be a whole number from 1"),
        ("rate(99999999999999999999 days)", .rateValue, "'99999999999999999999' must be a whole number from 1"),
        ("rate()", .form, "write a number, one space and a unit, such as rate(5 minutes)"),
        ("rate(10)", .form, "write a number, one space and a unit, such as rate(5 minutes)"),
        ("rate(10  minutes)", .form, "write a number, one space and a unit, such as rate(5 minutes)"),
        ("rate( 10 minutes)", .form, "write a number, one space and a unit, such as rate(5 minutes)"),
        ("rate(10 minutes )", .form, "write a number, one space and a unit, such as rate(5 minutes)"),
        ("rate(minutes)", .form, "write a number, one space and a unit, such as rate(5 minutes)"),
        ("RATE(10 minutes)", .form, "the form 'RATE' is unknown; write rate(...), cron(...) or at(...)"),
        (" rate(10 minutes)", .form, "the form ' rate' is unknown; write rate(...), cron(...) or at(...)"),
        ("rate (10 minutes)", .form, "the form 'rate ' is unknown; write rate(...), cron(...) or at(...)"),
        ("rate(10 minutes) ", .form, "write rate(5 minutes), cron(0 10 * * ? *) or at(2026-11-20T13:00:00)"),
        ("rate", .form, "write rate(5 minutes), cron(0 10 * * ? *) or at(2026-11-20T13:00:00)"),
        ("", .form, "write rate(5 minutes), cron(0 10 * * ? *) or at(2026-11-20T13:00:00)"),
    ]

    @Test("Refused, with the part and the fix", arguments: refusals)
    func refuses(text: String, code: ScheduleError.Code, message: String) {
        #expect(throws: ScheduleError(code, "\(text): \(message)")) { try ScheduleExpression(parsing: text) }
    }

    @Test("No time of at(...)", arguments: [
        "2026-11-20", "2026-11-20T13:00", "2026-11-20 13:00:00", "2026-11-20t13:00:00", "2026-11-20T13:00:00Z",
        "2026-02-29T00:00:00", "2026-13-01T00:00:00", "2026-11-20T24:00:00", "2026-11-20T13:00:60", "",
        "2026-11-20T13:00:00+01:00", "2026-11-20T13:00:0é",
    ])
    func noTime(text: String) {
        let message = "at(\(text)): '\(text)' must be an existing time of the form yyyy-mm-ddThh:mm:ss, in UTC"
        #expect(throws: ScheduleError(.date, message)) { try ScheduleExpression(parsing: "at(\(text))") }
    }

    @Test func errorsOfCronNameTheWholeExpression() {
        #expect(throws: ScheduleError(.fieldValue, "cron(71 * * * ? *): minutes: '71' must be a number from 0 to 59")) {
            try ScheduleExpression(parsing: "cron(71 * * * ? *)")
        }
    }

    @Test("A rate counts from its anchor", arguments: [
        ("rate(5 minutes)", "2026-01-01T00:00:30Z", "2026-01-01T00:05:30Z"),
        ("rate(5 minutes)", "2026-01-01T00:05:30Z", "2026-01-01T00:10:30Z"),
        ("rate(5 minutes)", "2026-01-01T00:05:29Z", "2026-01-01T00:05:30Z"),
        ("rate(5 minutes)", "2025-06-01T00:00:00Z", "2026-01-01T00:05:30Z"),
        ("rate(1 hour)", "2026-01-01T10:00:00Z", "2026-01-01T10:00:30Z"),
        ("rate(7 days)", "2026-01-08T00:00:30Z", "2026-01-15T00:00:30Z"),
        ("rate(1 day)", "2199-12-31T00:00:29Z", "2199-12-31T00:00:30Z"),
    ])
    func rate(text: String, after: String, due: String) throws {
        let anchor = try #require(Timestamp(rfc3339: "2026-01-01T00:00:30Z"))
        let instant = try #require(Timestamp(rfc3339: after))
        #expect(try ScheduleExpression(parsing: text).next(after: instant, anchor: anchor)?.description == due)
    }

    @Test func aRateKeepsItsPhaseToTheMicrosecond() throws {
        let anchor = Timestamp(microseconds: 1_700_000_000_123_456)
        let schedule = try ScheduleExpression(parsing: "rate(1 minute)")
        let first = try #require(schedule.next(after: anchor, anchor: anchor))
        #expect(first.microseconds == 1_700_000_060_123_456)
        #expect(schedule.next(after: first - .microseconds(1), anchor: anchor) == first)
    }

    @Test("Rates whose next time lies past 2199 are not due again", arguments: [
        "rate(9223372036854775807 days)", "rate(9223372036854775807 minutes)", "rate(99999999999 minutes)",
        "rate(70000 days)",
    ])
    func beyondTheEnd(text: String) throws {
        let anchor = try #require(Timestamp(rfc3339: "2026-01-01T00:00:00Z"))
        #expect(try ScheduleExpression(parsing: text).next(after: anchor, anchor: anchor) == nil)
    }

    @Test func instantsAtTheEndsOfTimeDoNotCrash() throws {
        let schedule = try ScheduleExpression(parsing: "rate(1 minute)")
        let ends = [Timestamp(microseconds: .min), Timestamp(microseconds: .max)]
        for instant in ends {
            for anchor in ends {
                let due = schedule.next(after: instant, anchor: anchor)
                #expect(due == nil || due! > instant)
            }
        }
        #expect(schedule.next(after: ends[1], anchor: Timestamp(seconds: 0)) == nil)
    }

    @Test func atIsDueOnce() throws {
        let schedule = try ScheduleExpression(parsing: "at(2026-11-20T13:00:00)")
        let due = try #require(Timestamp(rfc3339: "2026-11-20T13:00:00Z"))
        #expect(schedule.next(after: due - .microseconds(1), anchor: due) == due)
        #expect(schedule.next(after: due, anchor: due) == nil)
    }
}
