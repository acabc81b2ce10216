/// Comparison without regard to case, as the service does it: each character of the pattern stands for its own
/// lower-case and upper-case form (root locale, one UTF-16 unit at a time), which may have several characters.
///
/// ASCII letters only ever fold to ASCII letters, so an all-ASCII operand is compared byte by byte in lower case;
/// `FoldedText` is for the others.
/// - Source: event-pattern specification, section 5.
enum CaseFolding {
    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }

    static func lowercased(_ bytes: [UInt8]) -> [UInt8] { bytes.map { lowercased($0) } }
}

/// An operand with characters beyond ASCII, as the list of forms of each of its characters.
struct FoldedText: Hashable, Sendable {
    enum Place: UInt8, Sendable {
        case whole, prefix, suffix
    }

    let place: Place
    /// For each character, the last one first for a suffix: form count, then length and bytes of each form.
    let program: [UInt8]
    /// The ASCII run, in lower case, that every matching value begins with (ends with, for a suffix).
    let anchor: [UInt8]

    init(_ text: String, _ place: Place) {
        self.place = place
        var program: [UInt8] = []
        let scalars = Array(text.unicodeScalars)
        for scalar in place == .suffix ? scalars.reversed() : scalars {
            let forms = FoldedText.forms(scalar)
            program.append(UInt8(forms.count))
            for form in forms {
                program.append(UInt8(form.count))
                program.append(contentsOf: form)
            }
        }
        self.program = program
        let utf8 = Array(text.utf8)
        let run = place == .suffix ? Array(utf8.reversed().prefix { $0 < 0x80 }.reversed()) : utf8.prefix { $0 < 0x80 }
        anchor = CaseFolding.lowercased(Array(run))
    }

    private static func forms(_ scalar: Unicode.Scalar) -> [[UInt8]] {
        // A surrogate pair is two units, neither of which has another case.
        guard scalar.value <= 0xFFFF else { return [Array(String(scalar).utf8)] }
        let lower = Array(scalar.properties.lowercaseMapping.utf8)
        let upper = Array(scalar.properties.uppercaseMapping.utf8)
        return lower == upper ? [lower] : [lower, upper]
    }

    /// Whether a value matches a program. No form of a character is the beginning or the end of another, so the first
    /// form that fits is the only one.
    static func matches(_ value: UnsafeRawBufferPointer, _ program: UnsafeRawBufferPointer, _ place: Place) -> Bool {
        let fromEnd = place == .suffix
        var position = fromEnd ? value.count : 0
        var step = 0
        while step < program.count {
            guard let length = fittingForm(value, position, program, &step, fromEnd: fromEnd) else { return false }
            position += fromEnd ? -length : length
        }
        return place != .whole || position == value.count
    }

    /// The length of the form that stands at (or ends at) `position`; moves `step` past the character.
    private static func fittingForm(
        _ value: UnsafeRawBufferPointer, _ position: Int, _ program: UnsafeRawBufferPointer, _ step: inout Int,
        fromEnd: Bool
    ) -> Int? {
        let count = program[step]
        step += 1
        var fitting: Int?
        for _ in 0..<count {
            let length = Int(program[step])
            let form = program[(step + 1)..<(step + 1 + length)]
            step += 1 + length
            let start = fromEnd ? position - length : position
            if fitting == nil, start >= 0, start + length <= value.count,
                value[start..<(start + length)].elementsEqual(form)
            {
                fitting = length
            }
        }
        return fitting
    }
}

extension FoldedText {
    /// As a segment keeps it: place, length of the anchor in two bytes, anchor, program.
    var record: [UInt8] {
        let kept = min(anchor.count, Int(UInt16.max))
        return [place.rawValue, UInt8(kept & 0xFF), UInt8(kept >> 8)] + anchor.prefix(kept) + program
    }

    /// The parts of a record.
    struct Reader {
        let place: Place
        let anchor: UnsafeRawBufferPointer
        let program: UnsafeRawBufferPointer

        init(_ record: UnsafeRawBufferPointer) {
            place = Place(rawValue: record[0]) ?? .whole
            let end = 3 + Int(record[1]) + Int(record[2]) << 8
            anchor = UnsafeRawBufferPointer(rebasing: record[3..<end])
            program = UnsafeRawBufferPointer(rebasing: record[end...])
        }
    }
}
