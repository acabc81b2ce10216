/// An IPv4 or IPv6 network, or a single address when every bit counts.
///
/// IPv4 addresses lie in the low 32 bits. Address families are kept apart, except that an IPv4-mapped IPv6 address
/// is the IPv4 address it maps, as in the service.
struct IPNetwork: Hashable, Sendable {
    enum Family: UInt8, Sendable {
        case v4 = 4
        case v6 = 6

        var width: Int { self == .v4 ? 32 : 128 }
    }

    let family: Family
    let bits: Int
    let high: UInt64
    let low: UInt64

    init(_ address: IPAddress, bits: Int) {
        let masked = address.masked(to: bits)
        family = address.family
        self.bits = bits
        high = masked.high
        low = masked.low
    }

    /// A single address.
    init(_ address: IPAddress) { self.init(address, bits: address.family.width) }
}

struct IPAddress: Hashable, Sendable {
    let family: IPNetwork.Family
    let high: UInt64
    let low: UInt64

    /// Reads `10.0.0.1` (leading zeros are decimal) or `2001:db8::1` (no dotted tail).
    /// - Returns: nil for anything else.
    init?(_ text: UnsafeRawBufferPointer) {
        guard text.count >= 2, text.count <= 45 else { return nil }
        if text.contains(UInt8(ascii: ":")) {
            guard let groups = IPAddress.groups(text) else { return nil }
            if groups.high == 0, groups.low >> 32 == 0xFFFF {
                self.init(.v4, 0, groups.low & 0xFFFF_FFFF)
            } else {
                self.init(.v6, groups.high, groups.low)
            }
        } else {
            guard let value = IPAddress.dotted(text) else { return nil }
            self.init(.v4, 0, UInt64(value))
        }
    }

    private init(_ family: IPNetwork.Family, _ high: UInt64, _ low: UInt64) {
        self.family = family
        self.high = high
        self.low = low
    }

    /// The address with all but its leading `bits` cleared.
    @inline(__always)
    func masked(to bits: Int) -> (high: UInt64, low: UInt64) {
        if family == .v4 { return (0, bits == 0 ? 0 : low & (UInt64.max << UInt64(32 - bits))) }
        if bits == 0 { return (0, 0) }
        if bits <= 64 { return (high & (UInt64.max << UInt64(64 - bits)), 0) }
        return (high, low & (UInt64.max << UInt64(128 - bits)))
    }

    private static func dotted(_ text: UnsafeRawBufferPointer) -> UInt32? {
        var value: UInt32 = 0
        var part: UInt32 = 0
        var digits = 0
        var dots = 0
        for byte in text {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, dots < 3 else { return nil }
                value = value << 8 | part
                part = 0
                digits = 0
                dots += 1
            } else {
                let digit = byte &- UInt8(ascii: "0")
                guard digit < 10, digits < 3 else { return nil }
                part = part * 10 + UInt32(digit)
                digits += 1
                guard part <= 255 else { return nil }
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        return value << 8 | part
    }

    private static func groups(_ text: UnsafeRawBufferPointer) -> (high: UInt64, low: UInt64)? {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var count = 0
        var group: UInt64 = 0
        var digits = 0
        var gap: Int?
        var gapHigh: UInt64 = 0
        var gapLow: UInt64 = 0
        func push() {
            high = high << 16 | low >> 48
            low = low << 16 | group
            count += 1
            group = 0
            digits = 0
        }
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: ":") {
                let isDouble = index + 1 < text.count && text[index + 1] == byte
                if digits > 0 { push() } else if !isDouble { return nil }
                if isDouble {
                    guard gap == nil else { return nil }
                    gap = count
                    (gapHigh, gapLow) = (high, low)
                    (high, low) = (0, 0)
                    index += 1
                } else if index + 1 == text.count {
                    return nil
                }
            } else {
                guard let digit = hexadecimalValue(byte), digits < 4 else { return nil }
                group = group << 4 | UInt64(digit)
                digits += 1
            }
            guard count < 8 || index + 1 == text.count && digits == 0 else { return nil }
            index += 1
        }
        if digits > 0 { push() }
        guard let gap else { return count == 8 ? (high, low) : nil }
        guard count < 8 else { return nil }
        return merge(gapHigh, gapLow, places: 8 - gap, high, low)
    }

    /// Moves what stood before `::` up by whole groups and puts what stood after it behind.
    private static func merge(
        _ high: UInt64, _ low: UInt64, places: Int, _ tailHigh: UInt64, _ tailLow: UInt64
    ) -> (high: UInt64, low: UInt64) {
        var (high, low) = (high, low)
        for _ in 0..<places {
            high = high << 16 | low >> 48
            low <<= 16
        }
        return (high | tailHigh, low | tailLow)
    }
}

@inline(__always)
func hexadecimalValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
