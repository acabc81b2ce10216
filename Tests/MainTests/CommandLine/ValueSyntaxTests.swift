import Core
import Testing

@testable import Main

struct ValueSyntaxTests {
    @Test(arguments: [
        ("30", 30_000), ("1.5", 1500), ("500ms", 500), ("30s", 30_000), ("10m", 600_000), ("1h30m", 5_400_000),
        ("7d", 604_800_000), ("2w", 1_209_600_000), ("P7D", 604_800_000), ("PT10M", 600_000),
        ("P1DT2H", 93_600_000), ("PT0.5S", 500), ("P1W", 604_800_000),
    ])
    func `Durations are read as ISO 8601 or as sums of units`(text: String, milliseconds: Int) throws {
        #expect(try ValueSyntax<Duration>.duration.parse(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: ["", "d", "P", "PT", "7y", "P1M", "-5s", "1h-", "7d7", "P7DT", "1e400", "９d"])
    func `Other texts are no durations`(text: String) {
        #expect(throws: ValueError.self) { try ValueSyntax<Duration>.duration.parse(text) }
    }

    @Test(arguments: [
        (90, "1m30s"), (604_800, "7d"), (0, "0s"), (93_600, "1d2h"),
    ])
    func `Durations are spelled in the units they are read in`(seconds: Int, text: String) {
        #expect(Duration.seconds(seconds).spelled == text)
        #expect(Duration(spelled: text) == .seconds(seconds))
    }

    @Test(arguments: [("1", 1), ("64KiB", 65_536), ("64k", 65_536), ("2M", 2 << 20), ("1GiB", 1 << 30), ("5b", 5)])
    func `Sizes are read with their units`(text: String, bytes: Int) throws {
        #expect(try ValueSyntax<Int>.byteCount.parse(text) == bytes)
    }

    @Test(arguments: ["", "0", "-1", "1X", "M", "99999999999999999999", "9999999999999G", "1.5M"])
    func `Other texts are no sizes`(text: String) {
        #expect(throws: ValueError.self) { try ValueSyntax<Int>.byteCount.parse(text) }
    }

    @Test func `Times are read as RFC 3339 or as how long ago`() throws {
        let now = try #require(Timestamp(rfc3339: "2026-01-31T08:00:00Z"))
        let syntax = ValueSyntax.time { now }
        #expect(try syntax.parse("2026-01-31T08:00:00Z") == now)
        #expect(try syntax.parse("15m").description == "2026-01-31T07:45:00Z")
        #expect(throws: ValueError("is not a time such as 2026-01-31T08:00:00Z, or how long ago, such as 15m")) {
            try syntax.parse("yesterday")
        }
    }

    @Test(arguments: [("a=b", "a", "b"), ("a=", "a", ""), ("a=b=c", "a", "b=c"), ("tag:x=1,2", "tag:x", "1,2")])
    func `A pair is split at its first equals sign`(text: String, key: String, value: String) throws {
        #expect(try ValueSyntax<KeyValue>.keyValue.parse(text) == KeyValue(key: key, value: value))
    }

    @Test(arguments: ["", "=b", "ab"])
    func `A pair needs a key and an equals sign`(text: String) {
        #expect(throws: ValueError("is not of the form KEY=VALUE")) { try ValueSyntax<KeyValue>.keyValue.parse(text) }
    }

    @Test(arguments: ["tcp://", "127.0.0.1:7401", "http://a", ""])
    func `Endpoints name their transport`(text: String) {
        #expect(throws: ValueError.self) { try ValueSyntax<String>.endpoint.parse(text) }
    }
}
