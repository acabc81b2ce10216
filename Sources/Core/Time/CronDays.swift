/// Which days of a month the day-of-month or the day-of-week field of a cron expression selects.
struct CronDays: Sendable, Hashable {
    /// One selector of a day field; a field may list several.
    private enum Selector: Sendable, Hashable {
        /// Days of the month by number.
        case numbers([Int])
        /// `L` is 0 days before the end of the month, `L-3` is 3.
        case beforeLast(Int)
        /// `15W`: the weekday nearest to day 15, in the same month.
        case nearestWeekday(Int)
        /// `LW`.
        case lastWeekday
        /// Days of the week by number, 1 for Sunday.
        case weekdays([Int])
        /// `6L`: the last Friday.
        case lastOf(weekday: Int)
        /// `3#2`: the second Tuesday.
        case nth(Int, weekday: Int)
    }

    private let selectors: [Selector]

    init(ofMonth: Substring, ofWeek: Substring, in expression: String) throws(ScheduleError) {
        guard (ofMonth == "?") != (ofWeek == "?") else {
            throw ScheduleError(
                .dayFields,
                "cron(\(expression)): exactly one of day-of-month and day-of-week must be '?', and they are"
                    + " '\(ofMonth)' and '\(ofWeek)'")
        }
        if ofWeek == "?" {
            selectors = try CronDays.selectors(ofMonth: ofMonth, in: expression)
        } else {
            selectors = try CronDays.selectors(ofWeek: ofWeek, in: expression)
        }
    }

    private static func selectors(ofMonth text: Substring, in expression: String) throws(ScheduleError) -> [Selector] {
        let field = CronField.dayOfMonth
        var selectors: [Selector] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            if item == "L" {
                selectors.append(.beforeLast(0))
            } else if item == "LW" {
                selectors.append(.lastWeekday)
            } else if item.hasPrefix("L-") {
                guard let days = wholeNumber(item.dropFirst(2)), (1...30).contains(days) else {
                    throw field.error(
                        .fieldValue, "'\(item)' must be L- and a number of days from 1 to 30", expression)
                }
                selectors.append(.beforeLast(days))
            } else if item.last == "W" {
                selectors.append(.nearestWeekday(try field.value(item.dropLast(), of: expression)))
            } else {
                selectors.append(.numbers(try field.item(item, of: expression)))
            }
        }
        return selectors
    }

    private static func selectors(ofWeek text: Substring, in expression: String) throws(ScheduleError) -> [Selector] {
        let field = CronField.dayOfWeek
        let items = text.split(separator: ",", omittingEmptySubsequences: false)
        var selectors: [Selector] = []
        for item in items {
            if let hash = item.firstIndex(of: "#") {
                guard items.count == 1 else {
                    throw field.error(.fieldSyntax, "'\(item)' must be the only item where '#' is used", expression)
                }
                guard let count = wholeNumber(item[item.index(after: hash)...]), (1...5).contains(count) else {
                    throw field.error(.fieldValue, "'\(item)' must end with a number from 1 to 5 after '#'", expression)
                }
                selectors.append(.nth(count, weekday: try field.value(item[..<hash], of: expression)))
            } else if item == "L" {
                selectors.append(.weekdays([7]))
            } else if item.last == "L" {
                selectors.append(.lastOf(weekday: try field.value(item.dropLast(), of: expression)))
            } else {
                selectors.append(.weekdays(try field.item(item, of: expression)))
            }
        }
        return selectors
    }

    /// The selected days of a month, ascending.
    func matching(month: Int, of year: Int) -> [Int] {
        let dayCount = CivilTime.daysIn(month: month, of: year)
        let weekdayOfFirst = CivilTime(year: year, month: month, day: 1).weekday
        func weekday(_ day: Int) -> Int { (weekdayOfFirst + day - 2) % 7 + 1 }

        func isSelected(_ day: Int, by selector: Selector) -> Bool {
            switch selector {
            case .numbers(let numbers): numbers.contains(day)
            case .beforeLast(let days): day == dayCount - days
            case .nearestWeekday(let target):
                target <= dayCount
                    && day == CronDays.nearestWeekday(to: target, on: weekday(target), dayCount: dayCount)
            case .lastWeekday:
                day == CronDays.nearestWeekday(to: dayCount, on: weekday(dayCount), dayCount: dayCount)
            case .weekdays(let weekdays): weekdays.contains(weekday(day))
            case .lastOf(let wanted): day > dayCount - 7 && weekday(day) == wanted
            case .nth(let count, let wanted): (day + 6) / 7 == count && weekday(day) == wanted
            }
        }
        return (1...dayCount).filter { day in selectors.contains { isSelected(day, by: $0) } }
    }

    /// Saturday moves to the Friday before and Sunday to the Monday after, unless that leaves the month.
    private static func nearestWeekday(to day: Int, on weekday: Int, dayCount: Int) -> Int {
        switch weekday {
        case 7: day > 1 ? day - 1 : day + 2
        case 1: day < dayCount ? day + 1 : day - 2
        default: day
        }
    }
}
