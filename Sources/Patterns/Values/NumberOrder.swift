internal import CShims

/// A JSON number as patterns compare it: by the value of its IEEE 754 double, if that double keeps it exactly.
///
/// "Exactly" is the service's test: the shortest decimal that names the double equals the number given. Numbers that
/// fail it (more than 17 digits, out of range, or between two doubles) are compared by their spelling alone.
/// - Source: Event Ruler's `ComparableNumber`; event-pattern specification, section 6.
enum NumberOrder {
    /// The place of a number in numeric order: unsigned comparison of places is comparison of values.
    ///
    /// Takes 5 ns for short numbers, 30 ns for 16 or 17 digits.
    /// - Parameter text: A number in JSON's grammar.
    /// - Returns: nil where the number is compared by spelling.
    @inline(__always)
    static func place(of text: UnsafeRawPointer, _ count: Int) -> UInt64? {
        guard let decimal = Decimal(text, count) else { return nil }
        return place(of: decimal)
    }

    @inline(__always)
    static func place(of decimal: Decimal) -> UInt64? {
        if decimal.digits == 0 { return place(of: 0) }
        if decimal.digits < 1_000_000_000_000_000, decimal.exponent >= -22, decimal.exponent <= 22 {
            // Both factors are exact, so the one rounding is the correct one (Clinger); and fifteen digits always
            // survive a double.
            var value = Double(decimal.digits)
            if decimal.exponent < 0 {
                value /= PowersOfTen.exact[-decimal.exponent]
            } else {
                value *= PowersOfTen.exact[decimal.exponent]
            }
            return place(of: decimal.isNegative ? -value : value)
        }
        return placeOfLong(decimal)
    }

    /// Places between which that of a number lies, if it has one; nil where that takes more than one operation to say.
    @inline(__always)
    static func placesAround(_ decimal: Decimal) -> ClosedRange<UInt64>? {
        guard decimal.digits != 0, decimal.exponent >= -22, decimal.exponent <= 22 else { return nil }
        // Two roundings of half a unit each, so that the nearest double is at most two away.
        var value = Double(decimal.digits)
        if decimal.exponent < 0 {
            value /= PowersOfTen.exact[-decimal.exponent]
        } else {
            value *= PowersOfTen.exact[decimal.exponent]
        }
        let middle = place(of: decimal.isNegative ? -value : value)
        return middle - 4...middle + 4
    }

    @inline(__always)
    static func place(of value: Double) -> UInt64 {
        // Negative numbers are inverted, others only gain the top bit; adding zero turns -0 into 0.
        let bits = (value + 0).bitPattern
        return bits >> 63 == 1 ? ~bits : bits | (1 << 63)
    }

    @inline(never)
    private static func placeOfLong(_ decimal: Decimal) -> UInt64? {
        var given = decimal
        given.removeTrailingZeros()
        guard given.digits < 100_000_000_000_000_000 else { return nil }
        if let (value, isKept) = given.roundTrip {
            return isKept ? place(of: given.isNegative ? -value : value) : nil
        }
        guard let value = given.nearestDouble, value != 0 else { return nil }
        var shortest = Decimal(shortestFor: value)
        shortest.removeTrailingZeros()
        guard shortest.digits == given.digits, shortest.exponent == given.exponent else { return nil }
        return place(of: given.isNegative ? -value : value)
    }
}

/// digits x 10^exponent.
struct Decimal {
    var digits: UInt64
    var exponent: Int
    var isNegative = false

    /// Reads a JSON number; nil where it has more than 19 digits that count.
    @inline(__always)
    init?(_ text: UnsafeRawPointer, _ count: Int) {
        let bytes = text.assumingMemoryBound(to: UInt8.self)
        var index = 0
        isNegative = count > 0 && bytes[0] == UInt8(ascii: "-")
        if isNegative { index = 1 }
        let start = index
        var digits: UInt64 = 0
        Decimal.readDigits(bytes, count, &index, &digits)
        var digitCount = index - start
        var exponent = 0
        if index < count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            let fraction = index
            Decimal.readDigits(bytes, count, &index, &digits)
            exponent = fraction - index
            digitCount += index - fraction
        }
        if index < count { exponent += Decimal.writtenExponent(bytes, index, count) }
        if digitCount > 19 {
            guard let counted = Decimal.countedDigits(bytes, start, count) else { return nil }
            digits = counted.digits
            exponent += counted.dropped
        }
        self.digits = digits
        self.exponent = exponent
    }

    /// Appends a run of digits to a number; what is beyond 64 bits is lost.
    ///
    /// Up to eight at a time, and without a branch on how many there are, which varies from number to number.
    @inline(__always)
    private static func readDigits(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, _ index: inout Int, _ digits: inout UInt64
    ) {
        while count >= 8, index < count {
            // Near the end the last eight characters are loaded, and those before the run shifted out.
            let lacking = max(0, index + 8 - count)
            let word = loadWord(bytes + (index - lacking)) >> UInt64(8 * lacking)
            let run = leadingDigits(word)
            digits = digits &* ops_power_of_ten(UInt32(truncatingIfNeeded: run)) &+ eightDigits(word, run)
            index += run
            if run < 8 { return }
        }
        while index < count, case let digit = bytes[index] &- UInt8(ascii: "0"), digit < 10 {
            digits = digits &* 10 &+ UInt64(digit)
            index += 1
        }
    }

    /// How many of eight characters, from the first on, are digits: a digit has the high nibble 3, also after 6 is
    /// added.
    @inline(__always)
    private static func leadingDigits(_ word: UInt64) -> Int {
        let sixes = word &+ 0x0606_0606_0606_0606
        let nibbles = (word & 0xF0F0_F0F0_F0F0_F0F0) | (sixes & 0xF0F0_F0F0_F0F0_F0F0) >> 4
        return (nibbles ^ 0x3333_3333_3333_3333).trailingZeroBitCount >> 3
    }

    /// The number that the first `run` of eight characters write: pairs, then fours, then all are put together by one
    /// multiplication each.
    @inline(__always)
    private static func eightDigits(_ word: UInt64, _ run: Int) -> UInt64 {
        let values = (word << UInt64(8 * (8 - run))) & 0x0F0F_0F0F_0F0F_0F0F
        let pairs = (values &* 2561) >> 8 & 0x00FF_00FF_00FF_00FF
        let fours = (pairs &* 6_553_601) >> 16 & 0x0000_FFFF_0000_FFFF
        return (fours &* 42_949_672_960_001) >> 32
    }

    /// The exponent after `e`, held within bounds that mean zero or infinity anyway.
    private static func writtenExponent(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
        var index = start + 1
        guard index < count else { return 0 }
        let isNegative = bytes[index] == UInt8(ascii: "-")
        if isNegative || bytes[index] == UInt8(ascii: "+") { index += 1 }
        var exponent = 0
        while index < count {
            exponent = min(exponent * 10 + Int(bytes[index] &- UInt8(ascii: "0")), 100_000_000)
            index += 1
        }
        return isNegative ? -exponent : exponent
    }

    /// The digits of a long number without leading and trailing zeros, and how many of the latter were dropped.
    private static func countedDigits(
        _ bytes: UnsafePointer<UInt8>, _ start: Int, _ count: Int
    ) -> (digits: UInt64, dropped: Int)? {
        var digits: UInt64 = 0
        var kept = 0
        var zeros = 0
        for index in start..<count {
            if bytes[index] == UInt8(ascii: ".") { continue }
            let digit = bytes[index] &- UInt8(ascii: "0")
            if digit > 9 { break }
            if digit == 0 {
                zeros += kept == 0 ? 0 : 1
                continue
            }
            kept += zeros + 1
            if kept > 19 { return nil }
            for _ in 0..<zeros { digits = digits &* 10 }
            digits = digits &* 10 &+ UInt64(digit)
            zeros = 0
        }
        return (digits, kept == 0 ? 0 : zeros)
    }

    /// The shortest decimal of the double at a place.
    init(atPlace place: UInt64) {
        let value = Double(bitPattern: place >> 63 == 1 ? place ^ (1 << 63) : ~place)
        if value == 0 {
            self.init(digits: 0, exponent: 0)
        } else {
            self.init(shortestFor: abs(value))
            isNegative = value < 0
        }
    }

    /// One bit of 64 that says a little about a number, the same however it is written: decimals that doubles keep are
    /// equal by value only if they have the same digits. So most numbers are found to equal none of a path's operands
    /// without being turned into doubles.
    var mark: UInt64 {
        var shortest = self
        shortest.removeTrailingZeros()
        return 1 << ((shortest.digits &* 0x9E37_79B9_7F4A_7C15) >> 58)
    }

    mutating func removeTrailingZeros() {
        guard digits != 0 else { return }
        while digits % 10 == 0 {
            digits /= 10
            exponent += 1
        }
    }
}
