/// An instant: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Sums and differences that do not fit end at the earliest or latest instant.
public struct Timestamp: Sendable, Hashable, Comparable {
    public var microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    public init(seconds: Int64) { self.init(microseconds: Duration.seconds(seconds).microseconds) }

    /// Whole seconds since 1970, rounded down.
    public var seconds: Int64 { microseconds.flooredQuotient(1_000_000) }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    public static func + (left: Timestamp, right: Duration) -> Timestamp {
        Timestamp(microseconds: left.microseconds.saturatingSum(right.microseconds))
    }

    public static func - (left: Timestamp, right: Duration) -> Timestamp {
        Timestamp(microseconds: left.microseconds.saturatingDifference(right.microseconds))
    }

    public static func - (left: Timestamp, right: Timestamp) -> Duration {
        .microseconds(left.microseconds) - .microseconds(right.microseconds)
    }
}

extension Duration {
    /// Whole microseconds, rounded towards zero; the nearest 64-bit number where they do not fit one.
    public var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        return product.saturatingSum(attoseconds / 1_000_000_000_000)
    }
}

extension Int64 {
    func flooredQuotient(_ divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }

    fileprivate func saturatingSum(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    fileprivate func saturatingDifference(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC with whole seconds, the form of an event's `time`: `2017-12-22T18:43:48Z`.
    ///
    /// Years outside of 0 to 9999, which RFC 3339 cannot write, have a sign and as many digits as they need.
    public var description: String { rfc3339(fraction: false) }

    /// RFC 3339 in UTC with milliseconds: `2017-12-22T18:43:48.512Z`.
    public var millisecondDescription: String { rfc3339(fraction: true) }

    private func rfc3339(fraction: Bool) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(24)
        writeRFC3339(into: &bytes, fraction: fraction)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the RFC 3339 form; `fraction` adds milliseconds.
    public func writeRFC3339(into output: inout [UInt8], fraction: Bool = false) {
        let time = CivilTime(self)
        func digits(_ value: Int, _ count: Int) {
            var divisor = 1
            for _ in 1..<count { divisor *= 10 }
            for _ in 0..<count {
                output.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
                divisor /= 10
            }
        }
        if !(0...9999).contains(time.year) { output.append(UInt8(ascii: time.year < 0 ? "-" : "+")) }
        digits(abs(time.year), abs(time.year) > 9999 ? String(abs(time.year)).utf8.count : 4)
        output.append(UInt8(ascii: "-"))
        digits(time.month, 2)
        output.append(UInt8(ascii: "-"))
        digits(time.day, 2)
        output.append(UInt8(ascii: "T"))
        digits(time.hour, 2)
        output.append(UInt8(ascii: ":"))
        digits(time.minute, 2)
        output.append(UInt8(ascii: ":"))
        digits(time.second, 2)
        if fraction {
            output.append(UInt8(ascii: "."))
            digits(Int((microseconds % 1_000_000 + 1_000_000) % 1_000_000) / 1000, 3)
        }
        output.append(UInt8(ascii: "Z"))
    }

    /// Reads RFC 3339 with any offset and any number of fraction digits, of which six count; nil where the text is
    /// something else, and where the instant in UTC lies outside of the years 0 to 9999.
    public init?(rfc3339 text: String) {
        guard let value = Timestamp.parse(Array(text.utf8)) else { return nil }
        self = value
    }

    private static func parse(_ bytes: [UInt8]) -> Timestamp? {
        func number(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[range] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int(byte - 0x30)
            }
            return value
        }
        func isByte(_ index: Int, _ characters: String) -> Bool {
            index < bytes.count && characters.utf8.contains(bytes[index])
        }
        guard let year = number(0..<4), isByte(4, "-"), let month = number(5..<7), isByte(7, "-"),
            let day = number(8..<10), isByte(10, "Tt "), let hour = number(11..<13), isByte(13, ":"),
            let minute = number(14..<16), isByte(16, ":"), let second = number(17..<19)
        else { return nil }
        var index = 19
        var microseconds: Int64 = 0
        if isByte(index, ".") {
            index += 1
            var scale: Int64 = 100_000
            let start = index
            while index < bytes.count, let digit = number(index..<index + 1) {
                microseconds += Int64(digit) * scale
                scale /= 10
                index += 1
            }
            if index == start { return nil }
        }
        var offsetMinutes = 0
        if isByte(index, "Zz") {
            index += 1
        } else {
            guard isByte(index, "+-"), let hours = number(index + 1..<index + 3), isByte(index + 3, ":"),
                let minutes = number(index + 4..<index + 6), hours < 24, minutes < 60
            else { return nil }
            offsetMinutes = (hours * 60 + minutes) * (bytes[index] == UInt8(ascii: "-") ? -1 : 1)
            index += 6
        }
        let time = CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        guard index == bytes.count, let instant = time.timestamp else { return nil }
        let result = Timestamp(microseconds: instant.microseconds + microseconds - Int64(offsetMinutes) * 60_000_000)
        return (0...9999).contains(CivilTime(result).year) ? result : nil
    }
}
