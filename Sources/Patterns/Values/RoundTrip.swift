/// Whether a double keeps a decimal, decided without writing the double out again.
///
/// The nearest double x of a decimal w is written as w itself if no shorter decimal rounds to x and no other of w's
/// length is nearer to it. Both follow from where x lies relative to w, and that is what is left over when the product
/// for x is rounded to 53 bits. Takes 5 ns, where `Decimal(shortestFor:)` takes 20; decides all but a millionth of the
/// numbers of 16 and 17 digits.
extension Decimal {
    /// The nearest double without its sign, and whether its shortest spelling is this decimal; nil where that is too
    /// close to tell, or the exponent is extreme.
    ///
    /// For decimals of at most 17 digits without trailing zeros.
    var roundTrip: (value: Double, isKept: Bool)? {
        guard digits != 0, exponent >= -290, exponent <= 270 else { return nil }
        let leadingZeros = digits.leadingZeroBitCount
        let factor = digits << UInt64(leadingZeros)
        let power = PowersOfTen.rounded[exponent - PowersOfTen.exponentMin]
        let first = factor.multipliedFullWidth(by: power.high)
        let (low, carry) = first.low.addingReportingOverflow(factor.multipliedFullWidth(by: power.low).high)
        let high = first.high + (carry ? 1 : 0)

        // x = mantissa x 2^binary; `offset` is x - w in units of 2^binary.
        let upperBit = high >> 63
        let shift = upperBit + 10
        let binary = PowersOfTen.binaryExponent(exponent) + 11 + Int(upperBit) - leadingZeros
        let fraction =
            (Double(high & (1 << shift - 1)) + Double(low) * 0x1p-64) * Decimal.powerOfTwo(-Int(shift))
        let roundsUp = fraction > 0.5
        let mantissa = (high >> shift) + (roundsUp ? 1 : 0)
        let offset = (roundsUp ? 1 : 0) - fraction
        // Half-way between two doubles, or a power of two, below which doubles lie closer.
        if abs(fraction - 0.5) < 1e-6 || mantissa & (1 << 52 - 1) == 0 { return nil }
        let value = Double(mantissa) * Decimal.powerOfTwo(binary)

        // Decimals of this exponent are the longest that the double's neighbourhood tells apart.
        let finest = (binary * 1_262_611) >> 22
        if exponent != finest { return (value, exponent > finest) }
        // A unit in the last place of x, in those of w.
        let scale = PowersOfTen.rounded[-finest - PowersOfTen.exponentMin]
        let unit = Double(scale.high) * Decimal.powerOfTwo(binary + PowersOfTen.binaryExponent(-finest) - 63)
        let last = Double(digits % 10)
        let margins = (
            0.5 - abs(offset) * unit,  // w is the nearest of its length
            last + (offset - 0.5) * unit, (10 - last) - (offset + 0.5) * unit  // none shorter lies within
        )
        let margin = min(margins.0, margins.1, margins.2)
        return abs(margin) < 1e-6 ? nil : (value, margin > 0)
    }

    @inline(__always)
    private static func powerOfTwo(_ exponent: Int) -> Double {
        Double(bitPattern: UInt64(bitPattern: Int64(exponent + 1023)) << 52)
    }
}
