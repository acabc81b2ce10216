/// The clocks of one place: when they are how far from UTC, past and future.
///
/// Read from a compiled file of the time zone database. What lies beyond the file's last transition follows the rule in
/// its footer, so that the year 2199 is known as well as this one.
/// - Source: RFC 9636, "The Time Zone Information Format (TZif)".
public struct TimeZoneRules: Sendable, Hashable {
    private struct Transition: Sendable, Hashable {
        /// Seconds since 1970, from which on `offset` holds.
        var time: Int64
        var offset: Int
    }

    /// Seconds east of UTC before the first transition.
    private let firstOffset: Int
    /// Ascending.
    private let transitions: [Transition]
    /// Holds after the last transition; nil where the last offset stays for ever.
    private let footer: PosixTimeZone?

    /// Seconds; the format allows up to 26 hours.
    private static let offsetMax: Int64 = 26 * 3600

    public static let utc = TimeZoneRules(firstOffset: 0, transitions: [], footer: nil)

    private init(firstOffset: Int, transitions: [Transition], footer: PosixTimeZone?) {
        self.firstOffset = firstOffset
        self.transitions = transitions
        self.footer = footer
    }

    /// Reads a TZif file of version 2 or later.
    /// - Throws: `TimeZoneError` `.malformed`.
    public init(parsing bytes: [UInt8]) throws(TimeZoneError) {
        var reader = TZifReader(bytes)
        try reader.skipVersion1()
        let header = try reader.header()
        var times: [Int64] = []
        for _ in 0..<header.transitionCount { times.append(try reader.int64()) }
        var kinds: [Int] = []
        for _ in 0..<header.transitionCount { kinds.append(Int(try reader.byte())) }
        var offsets: [Int] = []
        for _ in 0..<header.kindCount {
            offsets.append(Int(try reader.int32()))
            // Whether it is summer time, and its abbreviation: nothing here depends on them.
            try reader.skip(2)
        }
        guard let first = offsets.first, kinds.allSatisfy({ $0 < offsets.count }),
            offsets.allSatisfy({ abs(Int64($0)) < TimeZoneRules.offsetMax }),
            zip(times, times.dropFirst()).allSatisfy({ $0 < $1 })
        else { throw TimeZoneError(.malformed, "its table of transitions is inconsistent") }
        try reader.skip(header.abbreviationBytes + header.leapCount * 12 + header.flagBytes)
        firstOffset = first
        transitions = zip(times, kinds).map { Transition(time: $0, offset: offsets[$1]) }
        let rule = try reader.footer()
        footer = rule.isEmpty ? nil : try PosixTimeZone(parsing: rule)
    }

    /// Seconds east of UTC at an instant.
    public func offset(at instant: Timestamp) -> Int {
        let seconds = instant.seconds
        guard let last = transitions.last else { return footer?.offset(at: seconds) ?? firstOffset }
        if seconds >= last.time { return footer?.offset(at: seconds) ?? last.offset }
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle].time <= seconds { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? firstOffset : transitions[low - 1].offset
    }

    /// What the clocks show at an instant, written as if it were UTC.
    public func local(_ instant: Timestamp) -> Timestamp { instant + .seconds(offset(at: instant)) }

    /// What the clocks show at an instant, with the offset: `2026-10-25T02:30:00+01:00`.
    public func rfc3339(_ instant: Timestamp) -> String {
        let minutes = offset(at: instant) / 60
        func digits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let text = local(instant).description.dropLast()
        return "\(text)\(minutes < 0 ? "-" : "+")\(digits(abs(minutes) / 60)):\(digits(abs(minutes) % 60))"
    }

    /// When the clocks show a time for the first time.
    /// - Parameter local: A date and time of this place, written as if it were UTC.
    /// - Returns: The earlier of two instants where clocks are set back over it; nil where they are set forward over
    ///   it.
    public func firstInstant(showing local: Timestamp) -> Timestamp? {
        // No clock is further than 26 hours from UTC, so these offsets are all that may hold at that time.
        let nearby = transitions.filter { abs($0.time - local.seconds) <= TimeZoneRules.offsetMax }.map(\.offset)
        let around = [-TimeZoneRules.offsetMax, 0, TimeZoneRules.offsetMax].map { offset(at: local + .seconds($0)) }
        return Set(nearby + around).map { local - .seconds($0) }.filter { self.local($0) == local }.min()
    }
}

/// Why there is no such time zone here.
public struct TimeZoneError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The time zone database has no zone of that name.
        case unknown
        /// This machine has no time zone database.
        case missingDatabase
        /// The zone's file cannot be understood or read.
        case malformed
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}

/// The parts of a TZif file, one after the other.
private struct TZifReader {
    struct Header {
        var flagBytes = 0
        var leapCount = 0
        var transitionCount = 0
        var kindCount = 0
        var abbreviationBytes = 0
    }

    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Goes past the block with 32-bit times, which those with 64 bits repeat.
    mutating func skipVersion1() throws(TimeZoneError) {
        let header = try header()
        try skip(
            header.transitionCount * 5 + header.kindCount * 6 + header.abbreviationBytes + header.leapCount * 8
                + header.flagBytes)
    }

    mutating func header() throws(TimeZoneError) -> Header {
        guard bytes.count >= index + 44, bytes[index..<index + 4].elementsEqual("TZif".utf8) else {
            throw TimeZoneError(.malformed, "it is no TZif file")
        }
        guard bytes[index + 4] >= UInt8(ascii: "2") else {
            throw TimeZoneError(.malformed, "it is a TZif file of version 1, which ends in 2037")
        }
        index += 20
        var header = Header()
        header.flagBytes = Int(try uint32()) + Int(try uint32())
        header.leapCount = Int(try uint32())
        header.transitionCount = Int(try uint32())
        header.kindCount = Int(try uint32())
        header.abbreviationBytes = Int(try uint32())
        return header
    }

    /// The text between the last two line ends.
    mutating func footer() throws(TimeZoneError) -> String {
        guard index < bytes.count, bytes[index] == UInt8(ascii: "\n"),
            let end = bytes[(index + 1)...].firstIndex(of: UInt8(ascii: "\n"))
        else { throw TimeZoneError(.malformed, "it has no footer") }
        return String(decoding: bytes[(index + 1)..<end], as: UTF8.self)
    }

    mutating func skip(_ count: Int) throws(TimeZoneError) {
        guard count <= bytes.count - index else { throw TimeZoneError(.malformed, "it ends early") }
        index += count
    }

    mutating func byte() throws(TimeZoneError) -> UInt8 { UInt8(try number(1)) }
    mutating func uint32() throws(TimeZoneError) -> UInt32 { UInt32(try number(4)) }
    mutating func int32() throws(TimeZoneError) -> Int32 { Int32(bitPattern: try uint32()) }
    mutating func int64() throws(TimeZoneError) -> Int64 { Int64(bitPattern: try number(8)) }

    /// Big-endian.
    private mutating func number(_ count: Int) throws(TimeZoneError) -> UInt64 {
        let start = index
        try skip(count)
        return bytes[start..<index].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
