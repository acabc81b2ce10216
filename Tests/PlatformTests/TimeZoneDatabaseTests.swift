import Core
import Platform
import TestSupport
import Testing

@Suite("The machine's time zones") struct TimeZoneDatabaseTests {
    private func code(_ name: String, in directory: String) -> TimeZoneError.Code? {
        do throws(TimeZoneError) {
            _ = try TimeZoneDatabase(directories: [directory]).rules(of: name)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("Without a database only UTC is known, and the error says what to install")
    func missing() {
        #expect(code("Europe/Berlin", in: "/nonexistent") == .missingDatabase)
        #expect(code("UTC", in: "/nonexistent") == nil)
        #expect {
            try TimeZoneDatabase(directories: ["/nonexistent"]).rules(of: "Europe/Berlin")
        } throws: { "\($0)".contains("install the package tzdata") }
    }

    @Test("Names that are none do not reach other files")
    func names() throws {
        let directory = try TemporaryDirectory()
        try directory.write("TZif2", to: "secret")
        try directory.write("TZif", to: "zones/Broken")
        try directory.write("text", to: "zones/zone.tab")
        try directory.write("TZif", to: "zones/Europe/Broken")
        let zones = directory.path + "/zones"
        for name in ["Nowhere", "Europe", "../secret", "/etc/passwd", "", "Europe/", "right/UTC", "zone.tab", ".."] {
            #expect(code(name, in: zones) == .unknown, "\(name)")
        }
        #expect(code("Europe/Broken", in: zones) == .malformed)
    }

    @Test(
        "Zones of the machine's database have the offsets of their places",
        .enabled(if: Files.exists("/usr/share/zoneinfo/Europe/Berlin")),
        arguments: [
            ("Europe/Berlin", "2026-07-01T00:00:00Z", 7200), ("Europe/Berlin", "2026-12-01T00:00:00Z", 3600),
            ("Europe/Berlin", "2198-07-01T00:00:00Z", 7200), ("America/New_York", "2026-03-08T07:00:00Z", -14_400),
            ("America/New_York", "2026-03-08T06:59:59Z", -18_000), ("Asia/Kathmandu", "2026-01-01T00:00:00Z", 20_700),
            ("Australia/Lord_Howe", "2026-01-01T00:00:00Z", 39_600), ("Pacific/Apia", "2011-12-30T09:59:59Z", -36_000),
            ("Pacific/Apia", "2011-12-30T10:00:00Z", 50_400), ("Africa/Casablanca", "2026-02-01T00:00:00Z", 3600),
        ])
    func real(name: String, instant: String, offset: Int) throws {
        let zone = try TimeZoneDatabase().rules(of: name)
        #expect(zone.offset(at: try #require(Timestamp(rfc3339: instant))) == offset)
    }
}
