import Core

/// Dates by counting: no formula shared with the code under test.
struct NaiveCalendar {
    private(set) var year = 1970
    private(set) var month = 1
    private(set) var day = 1
    /// 1 for Sunday; 1970-01-01 was a Thursday.
    private(set) var weekday = 5
    private(set) var days = 0

    static func length(of month: Int, _ year: Int) -> Int {
        let isLeap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
        return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }

    var monthLength: Int { NaiveCalendar.length(of: month, year) }

    mutating func advance() {
        days += 1
        weekday = weekday % 7 + 1
        day += 1
        guard day > monthLength else { return }
        day = 1
        month += 1
        guard month > 12 else { return }
        month = 1
        year += 1
    }

    mutating func retreat() {
        days -= 1
        weekday = weekday == 1 ? 7 : weekday - 1
        day -= 1
        guard day < 1 else { return }
        month -= 1
        if month < 1 {
            month = 12
            year -= 1
        }
        day = monthLength
    }
}
