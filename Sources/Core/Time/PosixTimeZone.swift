/// A rule for all years: `CET-1CEST,M3.5.0,M10.5.0/3`.
/// - Source: RFC 9636, section 3.3.1; POSIX, `TZ`.
struct PosixTimeZone: Sendable, Hashable {
    /// A day of every year and a time on it.
    struct Change: Sendable, Hashable {
        enum Day: Sendable, Hashable {
            /// The nth (5: the last) weekday of a month; weekdays from 0 for Sunday.
            case weekday(Int, week: Int, month: Int)
            /// `J60`: 1 to 365, 29 February never counted.
            case withoutLeapDay(Int)
            /// `59`: from 0, 29 February counted.
            case ofYear(Int)
        }

        var day: Day
        /// Seconds after midnight of the clocks before the change; may be negative, or more than a day.
        var seconds: Int
    }

    private struct Summer: Sendable, Hashable {
        var offset: Int
        var start: Change
        var end: Change
    }

    /// Seconds east of UTC, as are those of summer.
    private let standard: Int
    private let summer: Summer?

    /// - Throws: `TimeZoneError` `.malformed`.
    init(parsing text: String) throws(TimeZoneError) {
        var parser = PosixTimeZoneParser(text)
        try parser.skipName()
        standard = -(try parser.time())
        guard !parser.isAtEnd else {
            summer = nil
            return
        }
        try parser.skipName()
        let offset = parser.isAtComma ? standard + 3600 : -(try parser.time())
        summer = Summer(offset: offset, start: try parser.change(), end: try parser.change())
        guard parser.isAtEnd else { throw parser.error }
    }

    /// Seconds east of UTC.
    /// - Parameter seconds: Since 1970.
    func offset(at seconds: Int64) -> Int {
        guard let summer else { return standard }
        let local = Timestamp(seconds: seconds + Int64(standard))
        let year = CivilTime(local).year
        let start = summer.start.seconds(in: year) - Int64(standard)
        let end = summer.end.seconds(in: year) - Int64(summer.offset)
        let isSummer = start < end ? start <= seconds && seconds < end : !(end <= seconds && seconds < start)
        return isSummer ? summer.offset : standard
    }
}

extension PosixTimeZone.Change {
    /// Seconds since 1970 on the clocks before the change, as if they showed UTC.
    func seconds(in year: Int) -> Int64 {
        let first = CivilTime(year: year, month: 1, day: 1).daysSince1970
        let days: Int
        switch day {
        case .ofYear(let number): days = first + number
        case .withoutLeapDay(let number):
            let isLeap = CivilTime.daysIn(month: 2, of: year) == 29
            days = first + number - 1 + (isLeap && number > 59 ? 1 : 0)
        case .weekday(let weekday, let week, let month):
            let start = CivilTime(year: year, month: month, day: 1)
            let inFirstWeek = (weekday - (start.weekday - 1) + 7) % 7
            let length = CivilTime.daysIn(month: month, of: year)
            var dayOfMonth = inFirstWeek + 7 * (week - 1)
            while dayOfMonth >= length { dayOfMonth -= 7 }
            days = start.daysSince1970 + dayOfMonth
        }
        return Int64(days) * 86_400 + Int64(seconds)
    }
}

private struct PosixTimeZoneParser {
    private let text: String
    private let bytes: [UInt8]
    private var index = 0

    init(_ text: String) {
        self.text = text
        bytes = Array(text.utf8)
    }

    var isAtEnd: Bool { index == bytes.count }
    var isAtComma: Bool { current == UInt8(ascii: ",") }
    var error: TimeZoneError { TimeZoneError(.malformed, "its rule '\(text)' is malformed at character \(index + 1)") }
    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// Letters, or anything in angle brackets.
    mutating func skipName() throws(TimeZoneError) {
        if current == UInt8(ascii: "<") {
            guard let end = bytes[index...].firstIndex(of: UInt8(ascii: ">")) else { throw error }
            index = end + 1
            return
        }
        let start = index
        while let byte = current, byte | 0x20 >= UInt8(ascii: "a"), byte | 0x20 <= UInt8(ascii: "z") { index += 1 }
        if index == start { throw error }
    }

    /// `[+-]hh[:mm[:ss]]` in seconds; up to a week.
    mutating func time() throws(TimeZoneError) -> Int {
        var sign = 1
        if current == UInt8(ascii: "-") || current == UInt8(ascii: "+") {
            sign = current == UInt8(ascii: "-") ? -1 : 1
            index += 1
        }
        var seconds = try number(0...167) * 3600
        for unit in [60, 1] where current == UInt8(ascii: ":") {
            index += 1
            seconds += try number(0...59) * unit
        }
        return sign * seconds
    }

    /// `,M3.5.0/2`, `,J60/2` or `,59/2`; two o'clock where no time is given.
    mutating func change() throws(TimeZoneError) -> PosixTimeZone.Change {
        try expect(",")
        let day: PosixTimeZone.Change.Day
        switch current {
        case UInt8(ascii: "M"):
            index += 1
            let month = try number(1...12)
            try expect(".")
            let week = try number(1...5)
            try expect(".")
            day = .weekday(try number(0...6), week: week, month: month)
        case UInt8(ascii: "J"):
            index += 1
            day = .withoutLeapDay(try number(1...365))
        default: day = .ofYear(try number(0...365))
        }
        guard current == UInt8(ascii: "/") else { return PosixTimeZone.Change(day: day, seconds: 7200) }
        index += 1
        return PosixTimeZone.Change(day: day, seconds: try time())
    }

    private mutating func expect(_ character: Character) throws(TimeZoneError) {
        guard current == character.asciiValue else { throw error }
        index += 1
    }

    private mutating func number(_ range: ClosedRange<Int>) throws(TimeZoneError) -> Int {
        let start = index
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), index - start < 3 {
            index += 1
        }
        guard let value = Int(String(decoding: bytes[start..<index], as: UTF8.self)), range.contains(value) else {
            throw error
        }
        return value
    }
}
