import Core
import TestSupport
import Testing

@Suite struct CronExpressionTests {
    static let samples: [(fields: String, after: String, due: [String])] = [
        ("0 0 15W * ? *", "2026-01-01T00:00:00Z", ["01-15", "02-16", "03-16", "04-15", "05-15"]),
        ("0 0 31W * ? *", "2026-01-01T00:00:00Z", ["01-30", "03-31", "05-29", "07-31", "08-31"]),
        ("0 0 1W * ? *", "2025-12-31T00:00:00Z", ["01-01", "02-02", "03-02", "04-01", "05-01"]),
        ("0 0 ? * 6#5 *", "2026-01-01T00:00:00Z", ["01-30", "05-29", "07-31", "10-30"]),
        ("0 0 ? * 6L *", "2026-01-01T00:00:00Z", ["01-30", "02-27", "03-27", "04-24", "05-29"]),
    ]

    @Test("Days in 2026 on which expressions are due", arguments: samples)
    func dueDays(fields: String, after: String, due: [String]) throws {
        let expected = try due.map { try #require(Timestamp(rfc3339: "2026-\($0)T00:00:00Z")) }
        #expect(try dueTimes(fields, after: after, count: due.count) == expected)
    }

    @Test func aStepInsideARangeEndsWithTheRange() throws {
        let due = try dueTimes("10-20/5 0 * * ? *", after: "2026-05-01T00:00:00Z", count: 4).map(\.description)
        #expect(due == [
            "2026-05-01T00:10:00Z", "2026-05-01T00:15:00Z", "2026-05-01T00:20:00Z", "2026-05-02T00:10:00Z",
        ])
    }

    static let single: [(fields: String, after: String, due: String?)] = [
        // Strictly after, to the microsecond.
        ("* * * * ? *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"),
        ("* * * * ? *", "2025-12-31T23:59:59.999999Z", "2026-01-01T00:00:00Z"),
        ("30 4 * * ? *", "2026-01-01T04:30:00Z", "2026-01-02T04:30:00Z"),
        ("30 4 * * ? *", "2026-01-01T04:29:59.5Z", "2026-01-01T04:30:00Z"),
        // A step larger than the field leaves its start.
        ("50/20 * * * ? *", "2026-01-01T00:00:00Z", "2026-01-01T00:50:00Z"),
        ("50/20 * * * ? *", "2026-01-01T00:50:00Z", "2026-01-01T01:50:00Z"),
        ("0 5/100 * * ? *", "2026-01-01T05:00:00Z", "2026-01-02T05:00:00Z"),
        // Wrapping ranges belong to the calendar day.
        ("0 20-2 * * ? *", "2026-01-01T02:00:00Z", "2026-01-01T20:00:00Z"),
        ("0 20-2 * * ? *", "2026-01-01T23:00:00Z", "2026-01-02T00:00:00Z"),
        ("0 0 ? * FRI-MON *", "2026-01-05T00:00:00Z", "2026-01-09T00:00:00Z"),
        ("0 0 1 NOV-FEB ? *", "2026-02-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        // Names in any case, weekdays from Sunday = 1.
        ("0 0 ? jan sun *", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"),
        ("0 0 ? * 1 *", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"),
        ("0 0 ? * SAT#3 *", "2026-01-01T00:00:00Z", "2026-01-17T00:00:00Z"),
        ("0 0 ? * 3#2 *", "2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z"),
        ("0 0 ? * L *", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"),
        ("0 0 ? * FRIL *", "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z"),
        // Ends of months.
        ("0 0 L * ? *", "2024-02-01T00:00:00Z", "2024-02-29T00:00:00Z"),
        ("0 0 L-1 * ? *", "2023-02-01T00:00:00Z", "2023-02-27T00:00:00Z"),
        ("0 0 L-30 * ? *", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("0 0 LW * ? *", "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z"),
        ("0 0 1W * ? *", "2026-07-31T00:00:00Z", "2026-08-03T00:00:00Z"),
        ("0 0 10,L,20W * ? *", "2026-01-11T00:00:00Z", "2026-01-20T00:00:00Z"),
        // Leap days; 2100 is no leap year.
        ("0 0 29 2 ? *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 29 2 ? *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"),
        // Before and past the years of the field.
        ("0 0 1 1 ? *", "1950-06-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("59 23 31 12 ? *", "2199-12-31T23:58:59Z", "2199-12-31T23:59:00Z"),
        ("* * * * ? *", "2199-12-31T23:59:00Z", nil),
        ("* * * * ? *", "9999-12-31T23:59:59Z", nil),
        ("0 0 1 1 ? 2020", "2026-01-01T00:00:00Z", nil),
        ("0 0 30 2 ? *", "1970-01-01T00:00:00Z", nil),
        ("0 0 30W FEB ? *", "1970-01-01T00:00:00Z", nil),
        ("0 0 L-29 FEB ? *", "1970-01-01T00:00:00Z", nil),
    ]

    @Test("The next due time", arguments: single)
    func nextDueTime(fields: String, after: String, due: String?) throws {
        let instant = try #require(Timestamp(rfc3339: after))
        #expect(try CronExpression(parsing: fields).next(after: instant)?.description == due)
    }

    @Test func theEndsOfTimeDoNotCrash() throws {
        let everyMinute = try CronExpression(parsing: "* * * * ? *")
        #expect(everyMinute.next(after: Timestamp(microseconds: .max)) == nil)
        #expect(everyMinute.next(after: Timestamp(microseconds: .min)) == Timestamp(seconds: 0))
    }

    private static let oneDay = "exactly one of day-of-month and day-of-week must be '?'"

    static let refusals: [(fields: String, code: ScheduleError.Code, message: String)] = [
        ("0 1 * * * *", .dayFields, "\(oneDay), and they are '*' and '*'"),
        ("0 1 ? * ? *", .dayFields, "\(oneDay), and they are '?' and '?'"),
        ("0 1 1 * 2 *", .dayFields, "\(oneDay), and they are '1' and '2'"),
        ("71 * * * ? *", .fieldValue, "minutes: '71' must be a number from 0 to 59"),
        ("0 24 * * ? *", .fieldValue, "hours: '24' must be a number from 0 to 23"),
        ("0 0 0 * ? *", .fieldValue, "day-of-month: '0' must be a number from 1 to 31"),
        ("0 0 32W * ? *", .fieldValue, "day-of-month: '32' must be a number from 1 to 31"),
        ("0 0 1-5W * ? *", .fieldValue, "day-of-month: '1-5' must be a number from 1 to 31"),
        ("0 0 L-31 * ? *", .fieldValue, "day-of-month: 'L-31' must be L- and a number of days from 1 to 30"),
        ("0 0 L/2 * ? *", .fieldValue, "day-of-month: 'L' must be a number from 1 to 31"),
        ("0 0 1 NOT ? *", .fieldValue, "month: 'NOT' must be a number from 1 to 12, or JAN-DEC"),
        ("0 0 1 L ? *", .fieldValue, "month: 'L' must be a number from 1 to 12, or JAN-DEC"),
        ("0 0 ? * 0 *", .fieldValue, "day-of-week: '0' must be a number from 1 to 7, or SUN-SAT"),
        ("0 0 ? * 2W *", .fieldValue, "day-of-week: '2W' must be a number from 1 to 7, or SUN-SAT"),
        ("0 0 ? * ſat *", .fieldValue, "day-of-week: 'ſat' must be a number from 1 to 7, or SUN-SAT"),
        ("0 0 ? * 3#6 *", .fieldValue, "day-of-week: '3#6' must end with a number from 1 to 5 after '#'"),
        ("0 0 ? * 3# *", .fieldValue, "day-of-week: '3#' must end with a number from 1 to 5 after '#'"),
        ("0 0 ? * 2,3#1 *", .fieldSyntax, "day-of-week: '3#1' must be the only item where '#' is used"),
        ("0 0 1 * ? 1969", .fieldValue, "year: '1969' must be a number from 1970 to 2199"),
        ("0 0 1 * ? 2200", .fieldValue, "year: '2200' must be a number from 1970 to 2199"),
        ("0 0 1 * ? 2030-2020", .fieldValue, "year: the range '2030-2020' runs backwards; write 2020-2030"),
        ("*/0 * * * ? *", .fieldSyntax, "minutes: the step '0' must be a whole number from 1"),
        ("5/ * * * ? *", .fieldSyntax, "minutes: the step '' must be a whole number from 1"),
        ("1,,2 * * * ? *", .fieldValue, "minutes: '' must be a number from 0 to 59"),
        ("+5 * * * ? *", .fieldValue, "minutes: '+5' must be a number from 0 to 59"),
        ("1-2-3 * * * ? *", .fieldValue, "minutes: '2-3' must be a number from 0 to 59"),
        ("? * * * ? *", .fieldValue, "minutes: '?' must be a number from 0 to 59"),
        ("99999999999999999999 * * * ? *", .fieldValue,
         "minutes: '99999999999999999999' must be a number from 0 to 59"),
        ("* * * ? *", .fieldCount, "write six fields with a space between them, not 5:"
            + " minutes hours day-of-month month day-of-week year"),
        ("0 0 0 * * ? *", .fieldCount, "write six fields with a space between them, not 7:"
            + " minutes hours day-of-month month day-of-week year"),
        (" 0 0 * * ? *", .fieldCount, "write six fields with a space between them, not 6:"
            + " minutes hours day-of-month month day-of-week year"),
        ("", .fieldCount, "write six fields with a space between them, not 0:"
            + " minutes hours day-of-month month day-of-week year"),
    ]

    @Test("Refused, with the field and the fix", arguments: refusals)
    func refuses(fields: String, code: ScheduleError.Code, message: String) {
        let expected = ScheduleError(code, "cron(\(fields)): \(message)")
        #expect(throws: expected) { try CronExpression(parsing: fields) }
    }

    @Test("Random expressions agree with the oracle that tries every minute", arguments: [1, 2, 3, 4] as [UInt64])
    func agreesWithTheOracle(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let dayCount = 800
        var firings = 0
        for _ in 0..<60 {
            let fields = RandomCron.expression(using: &generator)
            let expression = try CronExpression(parsing: fields)
            var date = NaiveCalendar()
            // Begins in the years around 2096 to 2104 as well, where a leap day is missing.
            let startYear = [1971, 1999, 2023, 2026, 2098].randomElement(using: &generator)!
            while date.year < startYear { date.advance() }
            for _ in 0..<Int.random(in: 0..<365, using: &generator) { date.advance() }

            let expected = NaiveCron(fields).dueTimes(from: date, dayCount: dayCount, limit: 20)
            firings += expected.count
            var instant = Timestamp(seconds: Int64(date.days) * 86_400 - 1)
            for due in expected {
                let next = expression.next(after: instant)
                try #require(next == due, "cron(\(fields)) after \(instant), seed \(seed)")
                // Any instant between two due times must lead to the later one.
                instant = due + .seconds(Int.random(in: 0..<60, using: &generator))
            }
            if expected.count < 20 {
                let end = Timestamp(seconds: Int64(date.days + dayCount) * 86_400)
                #expect(expression.next(after: instant) ?? end >= end, "cron(\(fields)) after \(instant), seed \(seed)")
            }
        }
        #expect(firings > 400, "the random expressions were hardly ever due")
    }

    @Test func anExpressionThatIsNeverDueAgainAnswersQuickly() throws {
        let expression = try CronExpression(parsing: "* * 31 2,4,6,9,11 ? *")
        let elapsed = ContinuousClock().measure { #expect(expression.next(after: Timestamp(seconds: 0)) == nil) }
        // About 0.1 s in a debug build; 230 years have 121 million minutes, and a look at each would take far longer.
        #expect(elapsed < .seconds(4))
    }

    private func dueTimes(_ fields: String, after: String, count: Int) throws -> [Timestamp] {
        let expression = try CronExpression(parsing: fields)
        var instant = try #require(Timestamp(rfc3339: after))
        var due: [Timestamp] = []
        while due.count < count, let next = expression.next(after: instant) {
            due.append(next)
            instant = next
        }
        return due
    }
}

/// Valid expressions that use all of the grammar.
enum RandomCron {
    static func expression(using generator: inout SeededGenerator) -> String {
        let minutes = list(0...59, [], using: &generator)
        let hours = list(0...23, [], using: &generator)
        let months = Bool.random(using: &generator) ? "*" : list(1...12, monthNames, using: &generator)
        let years = Int.random(in: 0..<5, using: &generator) > 0 ? "*" : years(using: &generator)
        return Bool.random(using: &generator)
            ? "\(minutes) \(hours) \(daysOfMonth(using: &generator)) \(months) ? \(years)"
            : "\(minutes) \(hours) ? \(months) \(daysOfWeek(using: &generator)) \(years)"
    }

    private static let monthNames = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
    private static let dayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]

    private static func value(
        _ range: ClosedRange<Int>, _ names: [String], using generator: inout SeededGenerator
    ) -> String {
        let number = Int.random(in: range, using: &generator)
        return names.isEmpty || Bool.random(using: &generator) ? String(number) : names[number - range.lowerBound]
    }

    private static func item(
        _ range: ClosedRange<Int>, _ names: [String], using generator: inout SeededGenerator
    ) -> String {
        let first = value(range, names, using: &generator)
        let last = value(range, names, using: &generator)
        let step = Int.random(in: 1...range.count + 2, using: &generator)
        return switch Int.random(in: 0..<7, using: &generator) {
        case 0: "*"
        case 1: "*/\(step)"
        case 2: "\(first)/\(step)"
        case 3: "\(first)-\(last)"
        case 4: "\(first)-\(last)/\(step)"
        default: first
        }
    }

    private static func list(
        _ range: ClosedRange<Int>, _ names: [String], using generator: inout SeededGenerator
    ) -> String {
        (0..<Int.random(in: 1...3, using: &generator))
            .map { _ in item(range, names, using: &generator) }.joined(separator: ",")
    }

    private static func years(using generator: inout SeededGenerator) -> String {
        let first = Int.random(in: 1970...2110, using: &generator)
        return ["\(first)", "\(first)-\(first + 3)", "\(first)/3", "*/7"].randomElement(using: &generator)!
    }

    private static func daysOfMonth(using generator: inout SeededGenerator) -> String {
        (0..<Int.random(in: 1...2, using: &generator)).map { _ in
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: "L"
            case 1: "LW"
            case 2: "L-\(Int.random(in: 1...30, using: &generator))"
            case 3, 4: "\(Int.random(in: 1...31, using: &generator))W"
            default: item(1...31, [], using: &generator)
            }
        }.joined(separator: ",")
    }

    private static func daysOfWeek(using generator: inout SeededGenerator) -> String {
        let day = value(1...7, dayNames, using: &generator)
        if Int.random(in: 0..<4, using: &generator) == 0 { return "\(day)#\(Int.random(in: 1...5, using: &generator))" }
        return (0..<Int.random(in: 1...2, using: &generator)).map { _ in
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: "L"
            case 1: "\(value(1...7, dayNames, using: &generator))L"
            default: item(1...7, dayNames, using: &generator)
            }
        }.joined(separator: ",")
    }
}
