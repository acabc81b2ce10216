/// The six fields between the parentheses of `cron(Minutes Hours Day-of-month Month Day-of-week Year)`, in UTC.
///
/// Due at second 0 of every minute that all fields allow. `W` moves within the month only; a month that lacks the day
/// asked for (`31W`, `3#5`, `L-30`) is skipped. A range may wrap (`20-2`, `FRI-MON`), except in the year.
/// - Source: EventBridge user guide, "Cron expressions".
public struct CronExpression: Sendable, Hashable {
    /// The fields as they were written.
    public let text: String
    /// Ascending, as are hours, months and years.
    let minutes: [Int]
    let hours: [Int]
    let days: CronDays
    let months: [Int]
    let years: [Int]

    /// No expression is due at or after this instant: the year field ends with 2199.
    static let end = Timestamp(seconds: Int64(CivilTime(year: 2200, month: 1, day: 1).daysSince1970) * 86_400)

    /// - Parameter text: Six fields with spaces between them.
    /// - Throws: `ScheduleError` with `.fieldCount`, `.fieldSyntax`, `.fieldValue` or `.dayFields`.
    public init(parsing text: String) throws(ScheduleError) {
        let fields = text.split(separator: " ")
        guard fields.count == 6, text.first != " ", text.last != " " else {
            throw ScheduleError(
                .fieldCount,
                "cron(\(text)): write six fields with a space between them, not \(fields.count):"
                    + " minutes hours day-of-month month day-of-week year")
        }
        self.text = text
        minutes = try CronField.minutes.values(fields[0], of: text)
        hours = try CronField.hours.values(fields[1], of: text)
        days = try CronDays(ofMonth: fields[2], ofWeek: fields[4], in: text)
        months = try CronField.months.values(fields[3], of: text)
        years = try CronField.years.values(fields[5], of: text)
    }

    /// The first due time after `instant`; nil where there is none before the year 2200.
    ///
    /// Walks years, months and days rather than minutes: an expression that is never due again costs one look at each
    /// of the remaining months.
    public func next(after instant: Timestamp) -> Timestamp? {
        guard instant < CronExpression.end else { return nil }
        let nextMinute = instant.seconds.flooredQuotient(60) + 1
        let start = CivilTime(Timestamp(seconds: nextMinute * 60))
        for year in years where year >= start.year {
            for month in months where (year, month) >= (start.year, start.month) {
                let first = (year, month) == (start.year, start.month) ? start.day : 1
                for day in days.matching(month: month, of: year) where day >= first {
                    let isFirstDay = (year, month, day) == (start.year, start.month, start.day)
                    guard let time = firstTime(from: isFirstDay ? (start.hour, start.minute) : (0, 0)) else { continue }
                    return CivilTime(year: year, month: month, day: day, hour: time.hour, minute: time.minute).timestamp
                }
            }
        }
        return nil
    }

    /// The first due time of a day at or after the given one.
    private func firstTime(from start: (hour: Int, minute: Int)) -> (hour: Int, minute: Int)? {
        for hour in hours where hour >= start.hour {
            if let minute = minutes.first(where: { hour > start.hour || $0 >= start.minute }) { return (hour, minute) }
        }
        return nil
    }
}
