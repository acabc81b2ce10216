import Core
import TestSupport
import Testing

@Suite struct CivilTimeTests {
    @Test func everyDayAgreesWithCountingDays() {
        // From 1970 forwards past the leap years 2000 and 2400, and back past 1600 to before the year 0.
        for goesForward in [true, false] {
            var date = NaiveCalendar()
            for _ in 0..<(goesForward ? 160_000 : 725_000) {
                let civil = CivilTime(daysSince1970: date.days)
                let agrees = civil.year == date.year && civil.month == date.month && civil.day == date.day
                    && civil.daysSince1970 == date.days && civil.weekday == date.weekday
                if !agrees {
                    Issue.record("day \(date.days): \(civil), not \(date)")
                    return
                }
                if goesForward { date.advance() } else { date.retreat() }
            }
            #expect(goesForward ? date.year > 2400 : date.year < 0)
        }
    }

    @Test func monthsAreAsLongAsCounted() {
        for year in [1900, 1999, 2000, 2023, 2024, 2100, 2400] {
            for month in 1...12 {
                #expect(CivilTime.daysIn(month: month, of: year) == NaiveCalendar.length(of: month, year))
            }
        }
    }

    @Test("Random instants split into the fields that make them", arguments: [1] as [UInt64])
    func roundTrips(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            // Years 0 to 9999.
            let seconds = Int64.random(in: -62_167_219_200...253_402_300_799, using: &generator)
            let civil = CivilTime(Timestamp(seconds: seconds))
            #expect(civil.timestamp == Timestamp(seconds: seconds), "seed \(seed)")
            #expect((0...23).contains(civil.hour) && (0...59).contains(civil.minute) && (0...59).contains(civil.second))
        }
    }

    @Test func instantsBeforeAFullSecondBelongToTheSecondBefore() {
        let civil = CivilTime(Timestamp(microseconds: -1))
        #expect(civil == CivilTime(year: 1969, month: 12, day: 31, hour: 23, minute: 59, second: 59))
    }

    @Test("Fields out of range make no instant", arguments: [
        CivilTime(year: -1, month: 1, day: 1), CivilTime(year: 10_000, month: 1, day: 1),
        CivilTime(year: 2026, month: 0, day: 1), CivilTime(year: 2026, month: 13, day: 1),
        CivilTime(year: 2026, month: 1, day: 0), CivilTime(year: 2026, month: 4, day: 31),
        CivilTime(year: 2025, month: 2, day: 29), CivilTime(year: 1900, month: 2, day: 29),
        CivilTime(year: 2026, month: 1, day: 1, hour: 24), CivilTime(year: 2026, month: 1, day: 1, hour: -1),
        CivilTime(year: 2026, month: 1, day: 1, minute: 60), CivilTime(year: 2026, month: 1, day: 1, second: 61),
    ])
    func outOfRange(time: CivilTime) {
        #expect(time.timestamp == nil)
    }
}
