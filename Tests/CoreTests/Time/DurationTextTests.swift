import Core
import TestSupport
import Testing

@Suite struct DurationTextTests {
    @Test("Read, and written in the shortest form", arguments: [
        ("PT10M", .seconds(600), "PT10M"),
        ("P1DT2H", .seconds(93_600), "P1DT2H"),
        ("PT0S", .zero, "PT0S"),
        ("P0D", .zero, "PT0S"),
        ("P0DT0H0M0S", .zero, "PT0S"),
        ("P2W", .seconds(1_209_600), "P14D"),
        ("P1W1D", .seconds(691_200), "P8D"),
        ("P7DT23H59M59S", .seconds(691_199), "P7DT23H59M59S"),
        ("PT90M", .seconds(5400), "PT1H30M"),
        ("PT36H", .seconds(129_600), "P1DT12H"),
        ("PT604799S", .seconds(604_799), "P6DT23H59M59S"),
        ("PT0.5S", .milliseconds(500), "PT0.5S"),
        ("PT1.250S", .milliseconds(1250), "PT1.25S"),
        ("PT0.000000000000000001S", Duration(secondsComponent: 0, attosecondsComponent: 1), "PT0.000000000000000001S"),
        ("PT0007S", .seconds(7), "PT7S"),
        ("P365250D", .seconds(365_250 * 86_400), "P365250D"),
    ] as [(String, Duration, String)])
    func reads(text: String, duration: Duration, written: String) {
        #expect(Duration(iso8601: text) == duration)
        #expect(duration.iso8601 == written)
    }

    @Test("No duration", arguments: [
        "", "P", "PT", "P1DT", "T10M", "10M", "pt10m", "PT10m", " PT10M", "PT10M ", "-PT10M", "PT-10M", "+PT10M",
        "P1Y", "P1M", "PT1D", "P1H", "PT1S1M", "PT1M1M", "PT1.5M", "PT1.S", "PT.5S", "PT1.5.5S", "PT1,5S",
        "PTS", "PT10",
        "P1DT2H3", "P1D1W", "PT1HT1M", "PT1S\u{301}", "PT١S", "PT0.0000000000000000001S", "P365250DT1S", "PT1e3S",
        "PT99999999999999999999S", "P9223372036854775807W",
    ])
    func refuses(text: String) {
        #expect(Duration(iso8601: text) == nil)
    }

    @Test func negativeDurationsAreWrittenWithASign() {
        #expect(Duration.seconds(-90).iso8601 == "-PT1M30S")
        #expect(Duration.milliseconds(-500).iso8601 == "-PT0.5S")
        #expect(Duration(secondsComponent: .min, attosecondsComponent: 0).iso8601 == "-P106751991167300DT15H30M8S")
    }

    @Test("Random durations survive a round trip", arguments: [1, 2] as [UInt64])
    func roundTrips(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let limit: Int64 = 1 << Int64.random(in: 1...34, using: &generator)
            let duration = Duration(
                secondsComponent: .random(in: 0..<limit, using: &generator),
                attosecondsComponent: Bool.random(using: &generator)
                    ? 0 : .random(in: 0..<1_000_000_000_000_000_000, using: &generator))
            #expect(Duration(iso8601: duration.iso8601) == duration, "\(duration.iso8601), seed \(seed)")
        }
    }
}
