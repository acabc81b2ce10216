import Core
import Testing

@Suite struct JSONNumberTests {
    @Test("Integers by any spelling, exactly", arguments: [
        ("2", 2), ("2.0", 2), ("2e0", 2), ("-2.000", -2), ("20e-1", 2), ("0.2e1", 2), ("1.5e1", 15), ("1E+3", 1000),
        ("0", 0), ("-0", 0), ("0.000", 0), ("-0e5", 0), ("0e99999999999999999999", 0), ("100e-2", 1), ("0.01e+2", 1),
        ("9223372036854775807", .max), ("-9223372036854775808", .min), ("9223372036854775807.0", .max),
        ("922337203685477580.7e1", .max), ("-9.223372036854775808e18", .min),
        ("9007199254740993.0", 9_007_199_254_740_993),
        ("1e18", 1_000_000_000_000_000_000),
        ("10" + String(repeating: "0", count: 100) + "e-100", 10), ("1.0" + String(repeating: "0", count: 100), 1),
        ("2.5", nil), ("0.1", nil), ("1e-1", nil), ("15e-1", nil), ("1e19", nil), ("1e400", nil), ("1e-400", nil),
        ("9223372036854775808", nil), ("-9223372036854775809", nil), ("9223372036854775807.5", nil),
        ("1.00000000000000000000000001", nil), ("1e99999999999999999999", nil), ("1e-9223372036854775808", nil),
    ] as [(String, Int?)])
    func integers(text: String, value: Int?) throws {
        #expect(try JSON(parsing: text).int == value)
    }

    @Test("Doubles", arguments: [
        ("2", 2), ("-2.5", -2.5), ("1e3", 1000), ("0.1", 0.1), ("1e400", .infinity), ("-1e400", -.infinity),
        ("1e-400", 0),
        ("123456789012345678901234567890", 123_456_789_012_345_677_877_719_597_056),
    ] as [(String, Double)])
    func doubles(text: String, value: Double) throws {
        #expect(try JSON(parsing: text).double == value)
    }

    @Test("Doubles are spelled as JSON, whole ones without a fraction", arguments: [
        (2, "2"), (-2.5, "-2.5"), (0.1, "0.1"), (1e300, "1e+300"), (.leastNonzeroMagnitude, "5e-324"),
        (1e16, "1e+16"), (-0.0, "-0"),
        (.infinity, "0"), (.nan, "0"),
    ] as [(Double, String)])
    func spelling(value: Double, text: String) throws {
        #expect(JSONNumber(value).text == text)
        #expect(try JSON(parsing: text).double == (value.isFinite ? value : 0))
    }

    @Test func otherTypesHaveNoNumber() {
        for value: JSON in ["1", true, nil, [1], ["a": 1]] { #expect(value.int == nil && value.double == nil) }
    }
}
