import Core
import Foundation
import TestSupport
import Testing

@Suite struct TimestampTests {
    @Test("Read, with offset and fraction", arguments: [
        ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:01Z", 1_000_000),
        ("2017-12-22T18:43:48Z", 1_513_968_228_000_000),
        ("1969-12-31T23:59:59Z", -1_000_000), ("1969-12-31T23:59:59.999999Z", -1),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000_000), ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000), ("2024-02-29T12:00:00Z", 1_709_208_000_000_000),
        // Offsets.
        ("1970-01-01T01:00:00+01:00", 0), ("1969-12-31T18:30:00-05:30", 0), ("1970-01-01T00:00:00+00:00", 0),
        ("1970-01-01T00:00:00-00:00", 0), ("1970-01-01T23:59:00+23:59", 0), ("1969-12-31T00:01:00-23:59", 0),
        ("1970-01-01T14:00:00.5+14:00", 500_000),
        // Fractions: six digits count, the others are cut off.
        ("1970-01-01T00:00:00.1Z", 100_000), ("1970-01-01T00:00:00.000001Z", 1), ("1970-01-01T00:00:00.0000019Z", 1),
        ("1970-01-01T00:00:00.1234567890123456789012345Z", 123_456), ("1969-12-31T23:59:59.25Z", -750_000),
        // RFC 3339 allows a small t or z and, by note, a space.
        ("1970-01-01t00:00:00z", 0), ("1970-01-01 00:00:00Z", 0),
        // A leap second is read as the second before it.
        ("2016-12-31T23:59:60Z", 1_483_228_799_000_000),
    ] as [(String, Int64)])
    func reads(text: String, microseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.microseconds == microseconds)
    }

    @Test("Not read", arguments: [
        "", "2026", "2026-01-01", "2026-01-01T00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z", "2026-1-01T00:00:00Z", "2026-01-01T0:00:00Z", "2026/01/01T00:00:00Z",
        "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+01", "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00 Z", " 2026-01-01T00:00:00Z", "2026-01-01T00:00:00Zx",
        "2026-01-01_00:00:00Z", "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "-026-01-01T00:00:00Z", "+2026-01-01T00:00:00Z",
        "12026-01-01T00:00:00Z", "２０２６-01-01T00:00:00Z", "2026-01-01T00:00:0",
        // Outside of the years that can be written again.
        "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
    ])
    func refuses(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test("Written in UTC, fractions cut off", arguments: [
        (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        (1_513_968_228_512_999, "2017-12-22T18:43:48Z", "2017-12-22T18:43:48.512Z"),
        (-1, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.999Z"),
        (-62_167_219_200_000_000, "0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999Z"),
        // Past what RFC 3339 can write.
        (253_402_300_800_000_000, "+10000-01-01T00:00:00Z", "+10000-01-01T00:00:00.000Z"),
        (-62_167_219_200_000_001, "-0001-12-31T23:59:59Z", "-0001-12-31T23:59:59.999Z"),
        (.max, "+294247-01-10T04:00:54Z", "+294247-01-10T04:00:54.775Z"),
        (.min, "-290308-12-21T19:59:05Z", "-290308-12-21T19:59:05.224Z"),
    ] as [(Int64, String, String)])
    func writes(microseconds: Int64, text: String, withMilliseconds: String) {
        #expect(Timestamp(microseconds: microseconds).description == text)
        #expect(Timestamp(microseconds: microseconds).millisecondDescription == withMilliseconds)
    }

    @Test("Another calendar agrees on random instants", arguments: [1] as [UInt64])
    func foundationAgrees(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let formatter = ISO8601DateFormatter()
        for _ in 0..<200 {
            // From 1600 on: before, Foundation counts in Julian years.
            let seconds = Int64.random(in: -11_676_096_000...253_402_300_799, using: &generator)
            let text = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
            #expect(Timestamp(seconds: seconds).description == text, "seed \(seed)")
            #expect(Timestamp(rfc3339: text)?.seconds == seconds, "seed \(seed)")
        }
    }

    @Test func arithmetic() {
        let instant = Timestamp(seconds: 100)
        #expect((instant + .milliseconds(1500)).microseconds == 101_500_000)
        #expect((instant - .seconds(200)).microseconds == -100_000_000)
        #expect(instant - Timestamp(seconds: 40) == .seconds(60))
        #expect(Timestamp(seconds: 40) - instant == .seconds(-60))
        #expect(instant < instant + .microseconds(1) && !(instant < instant))
        #expect(Timestamp(microseconds: -1_500_000).seconds == -2)
        #expect(Duration.nanoseconds(-1999).microseconds == -1)
    }

    @Test func arithmeticEndsAtTheEndsOfTime() {
        let first = Timestamp(microseconds: .min)
        let last = Timestamp(microseconds: .max)
        #expect(last + .seconds(1) == last && first - .seconds(1) == first)
        #expect(Timestamp(seconds: .max) == last && Timestamp(seconds: .min) == first)
        #expect(Timestamp(seconds: 1) + .seconds(Int64.max) == last)
        #expect(Timestamp(seconds: -1) - .seconds(Int64.max) == first)
        #expect(Timestamp(seconds: 1) - .seconds(Int64.min) == last)
        #expect(last - first == .microseconds(Int64.max) - .microseconds(Int64.min))
        #expect(Duration.seconds(Int64.max).microseconds == .max && Duration.seconds(Int64.min).microseconds == .min)
    }
}
