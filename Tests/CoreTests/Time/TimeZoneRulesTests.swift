import Core
import TestSupport
import Testing

/// Zones made by hand, so that the tests do not depend on a machine's database.
@Suite("Time zone rules") struct TimeZoneRulesTests {
    /// A TZif file of version 2 with one offset, no transitions, and a footer.
    static func file(_ footer: String, offset: Int32 = 0, transitions: [(time: Int64, offset: Int32)] = []) -> [UInt8] {
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: value.bigEndian) { Array($0) }
        }
        func header(_ transitionCount: Int, _ kindCount: Int) -> [UInt8] {
            Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15)
                + [0, 0, 0, Int32(transitionCount), Int32(kindCount), 4].flatMap(bytes)
        }
        let empty = header(0, 1) + [UInt8](repeating: 0, count: 6 + 4)
        let kinds = [offset] + transitions.map(\.offset)
        return empty + header(transitions.count, kinds.count) + transitions.flatMap { bytes($0.time) }
            + (0..<transitions.count).map { UInt8($0 + 1) } + kinds.flatMap { bytes($0) + [0, 0] } + Array("ABC\0".utf8)
            + Array("\n\(footer)\n".utf8)
    }

    private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text)) }

    @Test(
        "A rule for all years gives the offset of any instant",
        arguments: [
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2150-03-29T00:59:59Z", 3600),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2150-03-29T01:00:00Z", 7200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2150-10-25T00:59:59Z", 7200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2150-10-25T01:00:00Z", 3600),
            ("EST5EDT,M3.2.0,M11.1.0", "2099-07-01T00:00:00Z", -14_400),
            ("EST5EDT,M3.2.0,M11.1.0", "2099-12-01T00:00:00Z", -18_000),
            ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2060-01-01T00:00:00Z", 39_600),
            ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2060-07-01T00:00:00Z", 37_800),
            // Clocks that change before midnight of the day named, and ones given by day of the year.
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2050-03-27T00:59:59Z", -7200),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2050-03-27T01:00:00Z", -3600),
            ("AAA0BBB,J60/0,J300/0", "2048-03-01T00:00:00Z", 3600),
            ("AAA0BBB,J60/0,J300/0", "2048-02-29T23:59:59Z", 0),
            ("AAA0BBB,59/0,300/0", "2048-02-29T00:00:00Z", 3600),
            ("<+0545>-5:45", "2199-01-01T00:00:00Z", 20_700),
            ("IST-2IDT,M3.4.4/26,M10.5.0", "2030-03-28T23:59:59Z", 7200),
            ("IST-2IDT,M3.4.4/26,M10.5.0", "2030-03-29T00:00:00Z", 10_800),
            ("UTC0", "2026-01-01T00:00:00Z", 0),
        ])
    func footer(rule: String, instant: String, offset: Int) throws {
        let zone = try TimeZoneRules(parsing: TimeZoneRulesTests.file(rule))
        #expect(try zone.offset(at: time(instant)) == offset)
    }

    @Test("Transitions of the file count before its rule does, and the first offset before them")
    func transitions() throws {
        let zone = try TimeZoneRules(
            parsing: TimeZoneRulesTests.file("XXX-9", offset: 60, transitions: [(1000, 120), (2000, 180)]))
        let offsets = [0, 999, 1000, 1999, 2000, 9999].map { zone.offset(at: Timestamp(seconds: $0)) }
        #expect(offsets == [60, 60, 120, 120, 32_400, 32_400])
        let ending = try TimeZoneRules(
            parsing: TimeZoneRulesTests.file("", offset: 60, transitions: [(1000, 120), (2000, 180)]))
        #expect(ending.offset(at: Timestamp(seconds: 9999)) == 180)
    }

    @Test("A time that clocks skip is shown by no instant, one that they repeat by the earlier of two")
    func local() throws {
        let zone = try TimeZoneRules(parsing: TimeZoneRulesTests.file("CET-1CEST,M3.5.0,M10.5.0/3"))
        #expect(try zone.firstInstant(showing: time("2026-03-29T02:30:00Z")) == nil)
        #expect(try zone.firstInstant(showing: time("2026-03-29T03:00:00Z")) == time("2026-03-29T01:00:00Z"))
        #expect(try zone.firstInstant(showing: time("2026-10-25T02:30:00Z")) == time("2026-10-25T00:30:00Z"))
        #expect(try zone.firstInstant(showing: time("2026-10-25T03:00:00Z")) == time("2026-10-25T02:00:00Z"))
        #expect(try zone.rfc3339(time("2026-10-25T01:30:00Z")) == "2026-10-25T02:30:00+01:00")
        let west = try TimeZoneRules(parsing: TimeZoneRulesTests.file("<-0330>3:30"))
        #expect(try west.rfc3339(time("2026-10-25T01:30:00Z")) == "2026-10-24T22:00:00-03:30")
    }

    @Test(
        "What is no file of a zone is refused",
        arguments: [
            [], Array("TZif".utf8), Array("PK\u{3}\u{4}".utf8), Array(file("UTC0").dropLast(6)),
            Array(file("CET-1CEST,M3.5.0")), Array(file("CET-1CEST,M13.5.0,M10.5.0")), Array(file("1")),
            Array(file("CET-1CEST,M3.5.0,M10.5.0/3x")), Array(file("UTC0", transitions: [(2, 0), (1, 0)])),
            Array(file("UTC0", offset: 200_000)), Array("TZif1".utf8) + [UInt8](repeating: 0, count: 39),
        ] as [[UInt8]])
    func malformed(bytes: [UInt8]) {
        #expect { try TimeZoneRules(parsing: bytes) } throws: { ($0 as? TimeZoneError)?.code == .malformed }
    }

    @Test("Bytes changed anywhere never stop the reader")
    func mutations() throws {
        let original = TimeZoneRulesTests.file(
            "CET-1CEST,M3.5.0,M10.5.0/3", offset: 3600, transitions: [(1000, 7200), (2000, 3600)])
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0...Int.random(in: 0...2, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes = Array(bytes.prefix(Int.random(in: bytes.count - 8...bytes.count, using: &random)))
            guard let zone = try? TimeZoneRules(parsing: bytes) else { continue }
            for seconds: Int64 in [-62_135_596_800, 0, 1_700_000_000, 7_258_118_400] {
                let offset = zone.offset(at: Timestamp(seconds: seconds))
                #expect(abs(offset) <= 168 * 3600)
                _ = zone.firstInstant(showing: Timestamp(seconds: seconds))
            }
        }
    }
}
