@testable internal import Patterns
import TestSupport
import Testing

@Suite struct NumberOrderTests {
    private func place(_ text: String) -> UInt64? {
        Array(text.utf8).withUnsafeBytes { bytes in
            bytes.baseAddress.flatMap { NumberOrder.place(of: $0, bytes.count) }
        }
    }

    @Test func `Reading and writing doubles agree with the standard library`() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: UInt64.random(in: 1..<(0x7FF << 52), using: &generator))
            let text = "\(value)"
            // The shortest spelling is exact by definition, and its place is that of the double.
            #expect(place(text) == NumberOrder.place(of: value), "\(text)")
            #expect(place("-" + text) == NumberOrder.place(of: -value), "-\(text)")
        }
    }

    @Test func `Random decimals of up to nineteen digits round as strtod does`() {
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<20_000 {
            let digits = UInt64.random(in: 0...9_999_999_999_999_999_999, using: &generator)
            let shift = UInt64.random(in: 0..<60, using: &generator)
            let exponent = Int.random(in: -330...310, using: &generator)
            let decimal = Decimal(digits: digits >> shift, exponent: exponent)
            let expected = Double("\(digits >> shift)e\(exponent)") ?? .nan
            #expect((decimal.nearestDouble ?? .infinity) == expected, "\(digits >> shift)e\(exponent)")
        }
    }

    @Test func `Whether a double keeps a decimal is told as by writing the double out`() {
        var generator = SeededGenerator(seed: 6)
        var decided = 0
        var kept = 0
        for _ in 0..<40_000 {
            // A double's own spelling, or one a little beside it.
            let value = Double.random(in: 1...10, using: &generator)
            let exponent = Int.random(in: -40...40, using: &generator)
            let fraction = "\(value)".replacing(".", with: "")
            var decimal = Decimal(digits: UInt64(fraction) ?? 1, exponent: exponent)
            decimal.digits += UInt64.random(in: 0...2, using: &generator)
            decimal.removeTrailingZeros()
            guard decimal.digits < 100_000_000_000_000_000, let found = decimal.roundTrip else { continue }
            decided += 1
            kept += found.isKept ? 1 : 0
            let text = "\(decimal.digits)e\(decimal.exponent)"
            let nearest = Double(text) ?? .nan
            #expect(found.value == nearest, "\(text)")
            var shortest = Decimal(shortestFor: nearest)
            shortest.removeTrailingZeros()
            let isKept = shortest.digits == decimal.digits && shortest.exponent == decimal.exponent
            #expect(found.isKept == isKept, "\(text)")
        }
        #expect(decided > 35_000 && kept > 5_000 && decided - kept > 1_000, "\(kept) of \(decided)")
    }

    @Test func `The places around a number hold its own`() {
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<40_000 {
            var decimal = Decimal(
                digits: UInt64.random(in: 0...UInt64.max, using: &generator) >> UInt64.random(in: 0..<64,
                    using: &generator),
                exponent: Int.random(in: -25...25, using: &generator))
            decimal.isNegative = Bool.random(using: &generator)
            guard let around = NumberOrder.placesAround(decimal) else { continue }
            let nearest = Double("\(decimal.isNegative ? "-" : "")\(decimal.digits)e\(decimal.exponent)") ?? .nan
            #expect(around.contains(NumberOrder.place(of: nearest)), "\(decimal)")
        }
    }

    @Test func `Order of places is order of values`() {
        let texts = ["-1e308", "-5", "-0.1", "-4.9e-300", "0", "4.9e-300", "0.1", "1", "1.5", "10", "1e22", "1e308"]
        let places = texts.compactMap(place)
        #expect(places.count == texts.count)
        #expect(places == places.sorted())
        #expect(place("-0") == place("0") && place("0") == place("0.000") && place("1e2") == place("100.0"))
    }

    @Test(arguments: [
        "9007199254740993", "123456789012345678901234567890", "1e400", "0.10000000000000001", "12345678901234567890123",
    ])
    func `What a double does not keep has no place`(_ text: String) { #expect(place(text) == nil) }
}
