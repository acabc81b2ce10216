extension Decimal {
    /// The nearest double without its sign, ties to even; nil where that is infinite.
    ///
    /// - Source: Eisel and Lemire's method with the proof that no fallback is needed (Mushtak and Lemire, "Fast
    ///   number parsing without fallback").
    var nearestDouble: Double? {
        if digits == 0 || exponent < PowersOfTen.exponentMin { return 0 }
        if exponent > 308 { return nil }
        let leadingZeros = digits.leadingZeroBitCount
        let product = leadingProduct(digits << UInt64(leadingZeros))
        let upperBit = product.high >> 63
        var mantissa = product.high >> (upperBit + 9)
        let power = PowersOfTen.binaryExponent(exponent) + 63 + Int(upperBit) - leadingZeros
        var biased = power + 1023
        if biased <= 0 {
            if 1 - biased >= 64 { return 0 }
            mantissa >>= UInt64(1 - biased)
            mantissa += mantissa & 1
            mantissa >>= 1
            return Double(bitPattern: mantissa)
        }
        // Exactly half-way between two doubles: only possible for small powers.
        if product.low <= 1, exponent >= -4, exponent <= 23, mantissa & 3 == 1,
            mantissa << (upperBit + 9) == product.high
        {
            mantissa &= ~1
        }
        mantissa += mantissa & 1
        mantissa >>= 1
        if mantissa >= 1 << 53 {
            mantissa = 1 << 52
            biased += 1
        }
        if biased >= 0x7FF { return nil }
        return Double(bitPattern: UInt64(biased) << 52 | (mantissa & ~(1 << 52)))
    }

    /// The top 128 bits of digits x 10^exponent, refined by the second word of the power only where it can matter.
    private func leadingProduct(_ digits: UInt64) -> (high: UInt64, low: UInt64) {
        let power = PowersOfTen.rounded[exponent - PowersOfTen.exponentMin]
        // The method wants positive powers rounded down and the others up.
        let isExact = exponent >= 0 && exponent <= 55
        let (low, borrow) =
            isExact || exponent < 0 ? (power.low, false) : power.low.subtractingReportingOverflow(1)
        let high = borrow ? power.high - 1 : power.high
        let first = digits.multipliedFullWidth(by: high)
        guard first.high & 0x1FF == 0x1FF else { return (first.high, first.low) }
        let second = digits.multipliedFullWidth(by: low)
        let (sum, carry) = first.low.addingReportingOverflow(second.high)
        return (first.high + (carry ? 1 : 0), sum)
    }

    /// The shortest decimal that names a positive finite double, and of those the closest.
    /// - Source: Giulietti, "The Schubfach way to render doubles", figure 4.
    init(shortestFor value: Double) {
        let fraction = value.bitPattern & (1 << 52 - 1)
        let biased = Int(value.bitPattern >> 52)
        let significand = biased == 0 ? fraction : fraction | (1 << 52)
        let binary = (biased == 0 ? 1 : biased) - 1075
        let isNarrowBelow = fraction == 0 && biased > 1
        let isOdd = significand & 1

        let k = (binary * 1_262_611 - (isNarrowBelow ? 524_031 : 0)) >> 22
        let shift = UInt64(binary + PowersOfTen.binaryExponent(-k) + 1)
        let power = PowersOfTen.rounded[-k - PowersOfTen.exponentMin]
        let below = Decimal.scaled(power, (4 * significand - 2 + (isNarrowBelow ? 1 : 0)) << shift) + isOdd
        let middle = Decimal.scaled(power, (4 * significand) << shift)
        let above = Decimal.scaled(power, (4 * significand + 2) << shift) - isOdd

        let fine = middle / 4
        if fine >= 10 {
            let coarse = fine / 10
            let lowerFits = below <= 40 * coarse
            let upperFits = 40 * coarse + 40 <= above
            if lowerFits != upperFits {
                self.init(digits: coarse + (upperFits ? 1 : 0), exponent: k + 1)
                return
            }
        }
        let lowerFits = below <= 4 * fine
        let upperFits = 4 * fine + 4 <= above
        if lowerFits != upperFits {
            self.init(digits: fine + (upperFits ? 1 : 0), exponent: k)
            return
        }
        let half = 4 * fine + 2
        let roundsUp = middle > half || (middle == half && fine & 1 == 1)
        self.init(digits: fine + (roundsUp ? 1 : 0), exponent: k)
    }

    init(digits: UInt64, exponent: Int) {
        self.digits = digits
        self.exponent = exponent
    }

    /// floor(power x factor / 2^128), with the lowest bit set if anything was lost.
    private static func scaled(_ power: PowersOfTen.Entry, _ factor: UInt64) -> UInt64 {
        let low = power.low.multipliedFullWidth(by: factor)
        let high = power.high.multipliedFullWidth(by: factor)
        let (sum, carry) = high.low.addingReportingOverflow(low.high)
        return (high.high + (carry ? 1 : 0)) | (sum > 1 ? 1 : 0)
    }
}
