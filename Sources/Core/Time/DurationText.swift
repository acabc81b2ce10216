extension Duration {
    /// Reads an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as `PT10M`, `P1DT2H` or `PT0.5S`.
    ///
    /// Each unit may stand once, in this order; only seconds may have a fraction, of at most 18 digits. Nil for
    /// anything else: years and months, which have no fixed length, signs, lower case, and more than 1000 years.
    public init?(iso8601 text: String) {
        guard text.first == "P" else { return nil }
        let halves = text.dropFirst().split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        guard let last = halves.last, !last.isEmpty,
            let date = Duration.sum(halves[0], of: [("W", 604_800), ("D", 86_400)]),
            let time = Duration.sum(halves.count == 2 ? last : "", of: [("H", 3600), ("M", 60), ("S", 1)]),
            date + time <= Duration.longest
        else { return nil }
        self = date + time
    }

    private static let longest = Duration.seconds(365_250 * 86_400)

    /// Adds up numbers that are each followed by a unit; the units must come in the order given.
    private static func sum(_ text: Substring, of units: [(letter: Character, seconds: Int64)]) -> Duration? {
        var units = units[...]
        var rest = text
        var total = Duration.zero
        while !rest.isEmpty {
            guard let end = rest.firstIndex(where: \.isLetter),
                let unit = units.firstIndex(where: { $0.letter == rest[end] }),
                let amount = amount(rest[..<end], of: units[unit].seconds, mayHaveFraction: rest[end] == "S")
            else { return nil }
            total += amount
            units = units[(unit + 1)...]
            rest = rest[rest.index(after: end)...]
        }
        return total
    }

    private static func amount(_ text: Substring, of seconds: Int64, mayHaveFraction: Bool) -> Duration? {
        let parts = text.split(separator: ".", maxSplits: mayHaveFraction ? 1 : 0, omittingEmptySubsequences: false)
        guard let whole = wholeNumber(parts[0]), whole <= longest.components.seconds / seconds else { return nil }
        var attoseconds = 0
        if parts.count == 2 {
            let padding = String(repeating: "0", count: max(0, 18 - parts[1].utf8.count))
            guard !parts[1].isEmpty, parts[1].utf8.count <= 18, let fraction = wholeNumber(parts[1] + padding) else {
                return nil
            }
            attoseconds = fraction
        }
        return Duration(secondsComponent: Int64(whole) * seconds, attosecondsComponent: Int64(attoseconds))
    }

    /// The ISO 8601 form in days, hours, minutes and seconds without parts that are 0, except in `PT0S`; a negative
    /// duration, which ISO 8601 does not know, begins with `-`.
    public var iso8601: String {
        let (seconds, attoseconds) = components
        let magnitude = seconds.magnitude
        var time = ""
        if magnitude / 3600 % 24 > 0 { time += "\(magnitude / 3600 % 24)H" }
        if magnitude / 60 % 60 > 0 { time += "\(magnitude / 60 % 60)M" }
        if magnitude % 60 > 0 || attoseconds != 0 {
            time += "\(magnitude % 60)\(Duration.fraction(attoseconds.magnitude))S"
        }
        let date = magnitude >= 86_400 ? "\(magnitude / 86_400)D" : ""
        if date.isEmpty, time.isEmpty { return "PT0S" }
        return (self < .zero ? "-P" : "P") + date + (time.isEmpty ? "" : "T" + time)
    }

    /// A point and the digits that matter; empty for 0.
    private static func fraction(_ attoseconds: UInt64) -> String {
        if attoseconds == 0 { return "" }
        var digits = String(attoseconds)
        digits = String(repeating: "0", count: 18 - digits.utf8.count) + digits
        while digits.last == "0" { digits.removeLast() }
        return "." + digits
    }
}
