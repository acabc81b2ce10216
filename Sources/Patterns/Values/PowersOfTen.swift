/// 10^k for every k a double can need, as 128-bit numbers with the top bit set, rounded up.
///
/// Reading and shortest writing of doubles both work on these (Lemire, "Number parsing at a gigabyte per second";
/// Giulietti, "The Schubfach way to render doubles"). The table is computed at first use, in about 0.1 ms, rather
/// than listed: 667 entries of digits nobody would check.
struct PowersOfTen {
    struct Entry: BitwiseCopyable {
        var high: UInt64
        var low: UInt64
    }

    static let exponentMin = -342
    static let exponentMax = 324

    /// Entry of 10^k at index k - `exponentMin`.
    static let rounded: [Entry] = (exponentMin...exponentMax).map(entry)

    /// Powers that a double holds exactly.
    static let exact: [Double] = {
        var powers: [Double] = [1]
        for _ in 1...22 { powers.append((powers.last ?? 1) * 10) }
        return powers
    }()

    /// floor(log2(10^k)).
    @inline(__always)
    static func binaryExponent(_ k: Int) -> Int { (k &* 1_741_647) >> 19 }

    // 5^k, k in 0...324, and floor(2^1280 / 5^k), k in 1...342, both exact by repeated multiplication and division:
    // floor(floor(n / 5) / 5) = floor(n / 25).
    private static func entry(_ k: Int) -> Entry {
        k >= 0 ? multiples[k] : reciprocals[-k]
    }

    private static let multiples: [Entry] = {
        var entries: [Entry] = []
        var number: [UInt64] = [1]
        for _ in 0...exponentMax {
            entries.append(leading(number, inexact: false))
            var carry: UInt64 = 0
            for index in number.indices {
                let product = number[index].multipliedFullWidth(by: 5)
                let (sum, overflow) = product.low.addingReportingOverflow(carry)
                number[index] = sum
                carry = product.high + (overflow ? 1 : 0)
            }
            if carry > 0 { number.append(carry) }
        }
        return entries
    }()

    private static let reciprocals: [Entry] = {
        var entries: [Entry] = [Entry(high: 1 << 63, low: 0)]
        var number = [UInt64](repeating: 0, count: 20) + [1]
        for _ in 1 ... -exponentMin {
            var remainder: UInt64 = 0
            for index in number.indices.reversed() {
                (number[index], remainder) = UInt64(5).dividingFullWidth((remainder, number[index]))
            }
            while number.last == 0 { number.removeLast() }
            entries.append(leading(number, inexact: true))
        }
        return entries
    }()

    /// The top 128 bits of a number (least significant word first), plus one if anything below them is lost.
    private static func leading(_ number: [UInt64], inexact: Bool) -> Entry {
        let words = [0, 0] + number
        let last = words.count - 1
        let shift = UInt64(words[last].leadingZeroBitCount)
        func shifted(_ index: Int) -> UInt64 {
            shift == 0 ? words[index] : (words[index] << shift) | (words[index - 1] >> (64 - shift))
        }
        var high = shifted(last)
        var low = shifted(last - 1)
        let lostBits = shift == 0 ? words[last - 2] : words[last - 2] << shift
        let lost = inexact || lostBits != 0 || words[..<(last - 2)].contains { $0 != 0 }
        if lost {
            low &+= 1
            if low == 0 { high += 1 }
        }
        return Entry(high: high, low: low)
    }
}
