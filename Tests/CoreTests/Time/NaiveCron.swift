import Core

/// Cron as its specification reads, asked about one minute at a time: the oracle for `CronExpression`.
struct NaiveCron {
    private let fields: [String]
    /// Answers of the fields that do not depend on the date, by value.
    private let minutes: [Bool]
    private let hours: [Bool]
    private let months: [Bool]

    private static let monthNames = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
    private static let dayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]

    init(_ text: String) {
        let fields = text.split(separator: " ").map(String.init)
        self.fields = fields
        minutes = (0...59).map { NaiveCron.allows(fields[0], $0, 0, 59, []) }
        hours = (0...23).map { NaiveCron.allows(fields[1], $0, 0, 23, []) }
        months = (0...12).map { NaiveCron.allows(fields[3], $0, 1, 12, NaiveCron.monthNames) }
    }

    /// All due minutes from midnight of `date` on, found by trying every minute of `dayCount` days.
    func dueTimes(from date: NaiveCalendar, dayCount: Int, limit: Int) -> [Timestamp] {
        var due: [Timestamp] = []
        var date = date
        for _ in 0..<dayCount {
            if allowsDate(date) {
                for minuteOfDay in 0..<1440 where hours[minuteOfDay / 60] && minutes[minuteOfDay % 60] {
                    due.append(Timestamp(seconds: Int64(date.days) * 86_400 + Int64(minuteOfDay) * 60))
                    if due.count == limit { return due }
                }
            }
            date.advance()
        }
        return due
    }

    private func allowsDate(_ date: NaiveCalendar) -> Bool {
        months[date.month] && NaiveCron.allows(fields[5], date.year, 1970, 2199, [])
            && (fields[4] == "?" ? allowsDayOfMonth(date) : allowsDayOfWeek(date))
    }

    private func allowsDayOfMonth(_ date: NaiveCalendar) -> Bool {
        fields[2].split(separator: ",").contains { item in
            if item == "L" { return date.day == date.monthLength }
            if item == "LW" { return date.day == NaiveCron.weekday(nearest: date.monthLength, in: date) }
            if item.hasPrefix("L-") { return date.day + Int(item.dropFirst(2))! == date.monthLength }
            if item.hasSuffix("W") {
                let target = Int(item.dropLast())!
                return target <= date.monthLength && date.day == NaiveCron.weekday(nearest: target, in: date)
            }
            return NaiveCron.allows(String(item), date.day, 1, 31, [])
        }
    }

    private func allowsDayOfWeek(_ date: NaiveCalendar) -> Bool {
        fields[4].split(separator: ",").contains { item in
            if item == "L" { return date.weekday == 7 }
            if item.hasSuffix("L") {
                let wanted = NaiveCron.number(String(item.dropLast()), 1, NaiveCron.dayNames)
                return date.weekday == wanted && date.day + 7 > date.monthLength
            }
            let parts = item.split(separator: "#").map(String.init)
            if parts.count == 2 {
                let earlier = (1...date.day).count { ($0 - date.day) % 7 == 0 }
                return date.weekday == NaiveCron.number(parts[0], 1, NaiveCron.dayNames) && earlier == Int(parts[1])
            }
            return NaiveCron.allows(String(item), date.weekday, 1, 7, NaiveCron.dayNames)
        }
    }

    /// Of the month's days that are Monday to Friday the one closest to `target`; never two, because a weekend has
    /// a weekday next to one of its days only.
    private static func weekday(nearest target: Int, in date: NaiveCalendar) -> Int {
        let weekdays = (1...date.monthLength).filter { day in
            let weekday = ((date.weekday - 1 + day - date.day) % 7 + 7) % 7 + 1
            return weekday != 1 && weekday != 7
        }
        return weekdays.min { abs($0 - target) < abs($1 - target) }!
    }

    private static func number(_ text: String, _ minimum: Int, _ names: [String]) -> Int {
        names.firstIndex(of: text).map { $0 + minimum } ?? Int(text)!
    }

    /// Whether a list of plain items allows a value: walks from each item's start, wrapping at the maximum.
    private static func allows(
        _ list: String, _ value: Int, _ minimum: Int, _ maximum: Int, _ names: [String]
    ) -> Bool {
        list.split(separator: ",").contains { item in
            let halves = item.split(separator: "/").map(String.init)
            let step = halves.count == 2 ? Int(halves[1])! : 1
            let bounds = halves[0].split(separator: "-").map(String.init)
            var current = halves[0] == "*" ? minimum : number(bounds[0], minimum, names)
            var last = halves[0] == "*" || halves.count == 2 ? maximum : current
            if bounds.count == 2 { last = number(bounds[1], minimum, names) }
            var position = 0
            while true {
                if current == value, position % step == 0 { return true }
                if current == last { return false }
                current = current == maximum ? minimum : current + 1
                position += 1
            }
        }
    }
}
