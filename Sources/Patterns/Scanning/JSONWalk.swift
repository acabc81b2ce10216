internal import CShims
internal import Core

/// What is wrong with a JSON text, and where in memory.
struct JSONFault {
    private var code = JSONError.Code.syntax
    private var message: StaticString = "not JSON"
    private var place: UnsafePointer<UInt8>?

    /// Keeps the first fault noted.
    /// - Returns: nil, for the caller to pass on.
    @inline(never)
    mutating func note(
        _ message: StaticString, at place: UnsafePointer<UInt8>, _ code: JSONError.Code = .syntax
    ) -> UnsafePointer<UInt8>? {
        if self.place == nil { (self.code, self.message, self.place) = (code, message, place) }
        return nil
    }

    func error(in start: UnsafePointer<UInt8>) -> JSONError {
        var position = TextPosition(line: 1, column: 1)
        var byte = start
        while let place, byte < place {
            if byte.pointee == UInt8(ascii: "\n") {
                position = TextPosition(line: position.line + 1, column: 1)
            } else if byte.pointee & 0xC0 != 0x80 {
                position.column += 1
            }
            byte += 1
        }
        return JSONError(code, "\(message)", at: position)
    }
}

/// One walk over a JSON text.
///
/// The state of the walk lives in local variables: the fields of a structure would be stored and loaded again around
/// every step, which was measured to cost more than the steps.
enum JSONWalk {
    typealias Bytes = UnsafePointer<UInt8>

    /// Reads a whole text.
    /// - Parameter boundsIntegers: Whether whole numbers must fit in 64 bits with their sign.
    /// - Returns: What is wrong with it, or nil.
    static func check(
        _ bytes: UnsafeRawBufferPointer, _ topLevel: JSONValidator.TopLevel, keys: UnsafeMutablePointer<KeyTracker>?,
        boundsIntegers: Bool = false
    ) -> JSONError? {
        guard let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
            return JSONError(
                .syntax, "the text ends where a value is expected", at: TextPosition(line: 1, column: 1))
        }
        // Bit n of the words: the container around the one at depth n is an object.
        return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Limits.jsonDepthMax / 64 + 1) { words in
            words.initialize(repeating: 0)
            var fault = JSONFault()
            let reader = JSONReader(end: start + bytes.count, boundsIntegers: boundsIntegers)
            // Never empty, so there is a base.
            let isRight = document(start, reader, topLevel, keys, words.baseAddress!, &fault)
            return isRight ? nil : fault.error(in: start)
        }
    }

    private static func document(
        _ start: Bytes, _ reader: JSONReader, _ topLevel: JSONValidator.TopLevel,
        _ keys: UnsafeMutablePointer<KeyTracker>?, _ objects: UnsafeMutablePointer<UInt64>, _ fault: inout JSONFault
    ) -> Bool {
        let end = reader.end
        // Keys are tracked for the detail of an event, which will stand inside other levels.
        let top = keys == nil ? 0 : Limits.jsonDepthMax - Limits.eventDetailDepthMax
        var depth = top
        var isInObject = false
        var position = reader.skipBlanks(start)
        if topLevel == .object, position < end, position.pointee != UInt8(ascii: "{") {
            return fault.note("the text is not a JSON object", at: position) != nil
        }
        while true {
            // A value; of a container only the beginning, unless it is empty.
            guard position < end else {
                return fault.note("the text ends where a value is expected", at: position) != nil
            }
            let byte = position.pointee
            if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                guard depth < Limits.jsonDepthMax else {
                    return fault.note("nesting is too deep", at: position, .tooDeep) != nil
                }
                position = reader.skipBlanks(position + 1)
                if position >= end || position.pointee != byte &+ 2 {
                    let bit: UInt64 = 1 << UInt64(depth & 63)
                    objects[depth >> 6] = isInObject ? objects[depth >> 6] | bit : objects[depth >> 6] & ~bit
                    depth += 1
                    isInObject = byte == UInt8(ascii: "{")
                    if isInObject {
                        keys?.pointee.openObject()
                        guard let next = reader.key(position, keys, &fault) else { return false }
                        position = next
                    }
                    continue
                }
                position += 1
            } else {
                guard let next = reader.scalar(position, byte, &fault) else { return false }
                position = next
            }
            // What follows a value, and the ends of the containers that it was the last of.
            while true {
                position = reader.skipBlanks(position)
                if depth == top {
                    return position == end || fault.note("unexpected text after the JSON value", at: position) != nil
                }
                guard position < end else {
                    return fault.note("the text ends inside an object or array", at: position) != nil
                }
                if position.pointee == UInt8(ascii: ",") {
                    position = reader.skipBlanks(position + 1)
                    if isInObject {
                        guard let next = reader.key(position, keys, &fault) else { return false }
                        position = next
                    }
                    break
                }
                guard position.pointee == (isInObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    return fault.note(isInObject ? "expected ',' or '}'" : "expected ',' or ']'", at: position) != nil
                }
                if isInObject { keys?.pointee.closeObject() }
                depth -= 1
                isInObject = objects[depth >> 6] >> UInt64(depth & 63) & 1 == 1
                position += 1
            }
        }
    }
}

/// The pieces of JSON's grammar. Functions answer the position after what they read, or nil after noting what is wrong.
struct JSONReader {
    typealias Bytes = UnsafePointer<UInt8>

    let end: Bytes
    /// Whether whole numbers must fit in 64 bits with their sign.
    let boundsIntegers: Bool

    /// Reads a key, the colon, and the blanks after it.
    @inline(__always)
    func key(_ place: Bytes, _ keys: UnsafeMutablePointer<KeyTracker>?, _ fault: inout JSONFault) -> Bytes? {
        guard place < end, place.pointee == UInt8(ascii: "\"") else {
            return fault.note("expected a key in double quotes", at: place)
        }
        guard let next = string(place + 1, &fault) else { return nil }
        if let keys { keys.pointee.add(place + 1, next - place - 2) }
        let colon = skipBlanks(next)
        guard colon < end, colon.pointee == UInt8(ascii: ":") else {
            return fault.note("expected ':' after the key", at: colon)
        }
        return skipBlanks(colon + 1)
    }

    @inline(__always)
    func skipBlanks(_ place: Bytes) -> Bytes {
        place < end && place.pointee <= 0x20 ? skipMoreBlanks(place) : place
    }

    @inline(never)
    private func skipMoreBlanks(_ place: Bytes) -> Bytes {
        var position = place
        while position < end {
            let byte = position.pointee
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { break }
            position += 1
        }
        return position
    }

    // MARK: Scalars

    @inline(__always)
    func scalar(_ place: Bytes, _ byte: UInt8, _ fault: inout JSONFault) -> Bytes? {
        if byte == UInt8(ascii: "\"") { return string(place + 1, &fault) }
        if byte == UInt8(ascii: "-") { return number(place, place + 1, &fault) }
        if isDigit(byte) { return number(place, place, &fault) }
        return word(place, byte, &fault)
    }

    func word(_ place: Bytes, _ byte: UInt8, _ fault: inout JSONFault) -> Bytes? {
        let word: StaticString =
            switch byte {
            case UInt8(ascii: "t"): "true"
            case UInt8(ascii: "f"): "false"
            default: "null"
            }
        let count = word.utf8CodeUnitCount
        guard end - place >= count, bytesAreEqual(place, word.utf8Start, count) else {
            return fault.note("expected a JSON value", at: place)
        }
        return place + count
    }

    @inline(__always)
    func number(_ place: Bytes, _ digits: Bytes, _ fault: inout JSONFault) -> Bytes? {
        var position = skipDigits(digits)
        if position == digits { return fault.note("expected a digit", at: position) }
        if position - digits > 1, digits.pointee == UInt8(ascii: "0") {
            return fault.note("a number may not begin with 0", at: digits)
        }
        let whole = position
        if position < end, position.pointee == UInt8(ascii: ".") {
            let fraction = position + 1
            position = skipDigits(fraction)
            if position == fraction { return fault.note("expected a digit", at: position) }
        }
        if position < end, position.pointee | 0x20 == UInt8(ascii: "e") { return exponent(position + 1, &fault) }
        if boundsIntegers, position == whole, whole - digits > 18, !fits(digits, whole, isNegative: place != digits) {
            return fault.note("a whole number must fit in 64 bits", at: place)
        }
        return position
    }

    /// Whether digits, with their sign, are a number of 64 bits.
    @inline(never)
    private func fits(_ digits: Bytes, _ after: Bytes, isNegative: Bool) -> Bool {
        // Nineteen digits never overflow the unsigned number.
        guard after - digits <= 19 else { return false }
        let value = (digits..<after).reduce(UInt64(0)) { $0 * 10 + UInt64($1.pointee & 15) }
        return value <= UInt64(Int64.max) + (isNegative ? 1 : 0)
    }

    @inline(never)
    func exponent(_ place: Bytes, _ fault: inout JSONFault) -> Bytes? {
        var digits = place
        if digits < end, digits.pointee == UInt8(ascii: "+") || digits.pointee == UInt8(ascii: "-") { digits += 1 }
        let position = skipDigits(digits)
        return position == digits ? fault.note("expected a digit", at: position) : position
    }

    @inline(__always)
    func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    @inline(__always)
    func skipDigits(_ place: Bytes) -> Bytes {
        var position = place
        // Eight at a time and without a branch for each: a digit has the high nibble 3, also after 6 is added.
        while position + 8 <= end {
            let word = loadWord(position)
            let sixes = word &+ 0x0606_0606_0606_0606
            let nibbles = (word & 0xF0F0_F0F0_F0F0_F0F0) | (sixes & 0xF0F0_F0F0_F0F0_F0F0) >> 4
            let others = nibbles ^ 0x3333_3333_3333_3333
            if others != 0 { return position + (others.trailingZeroBitCount >> 3) }
            position += 8
        }
        while position < end, isDigit(position.pointee) { position += 1 }
        return position
    }

    // MARK: Strings

    /// Reads a string from after its opening quote to after its closing one.
    @inline(__always)
    func string(_ place: Bytes, _ fault: inout JSONFault) -> Bytes? {
        var position = place
        while position + 16 <= end {
            let special = ops_mask_string_special(position)
            if special != 0 {
                position += special.trailingZeroBitCount
                if position.pointee == UInt8(ascii: "\"") { return position + 1 }
                return specialString(position, &fault)
            }
            position += 16
        }
        return specialString(position, &fault)
    }

    /// Reads the rest of a string character by character until it is plain again.
    @inline(never)
    func specialString(_ place: Bytes, _ fault: inout JSONFault) -> Bytes? {
        var position = place
        while position < end {
            let byte = position.pointee
            switch byte {
            case UInt8(ascii: "\""): return position + 1
            case UInt8(ascii: "\\"):
                guard let next = escape(position, &fault) else { return nil }
                position = next
            case 0..<0x20: return fault.note("control characters must be escaped in strings", at: position)
            case 0x80...:
                let length = sequenceLength(position)
                if length == 0 { return fault.note("the string is not valid UTF-8", at: position, .invalidUTF8) }
                position += length
            default: position += 1
            }
            while position + 16 <= end {
                let special = ops_mask_string_special(position)
                position += special == 0 ? 16 : special.trailingZeroBitCount
                if special != 0 { break }
            }
        }
        return fault.note("the string is not closed", at: end)
    }

    func escape(_ place: Bytes, _ fault: inout JSONFault) -> Bytes? {
        guard place + 1 < end else { return fault.note("the string is not closed", at: end) }
        switch place[1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return place + 2
        case UInt8(ascii: "u"):
            guard let first = hexadecimalUnit(place + 2, &fault) else { return nil }
            if first & 0xF800 != 0xD800 { return place + 6 }
            guard first < 0xDC00, place + 7 < end, place[6] == UInt8(ascii: "\\"), place[7] == UInt8(ascii: "u")
            else { return fault.note("unpaired surrogate in a \\u escape", at: place) }
            guard let second = hexadecimalUnit(place + 8, &fault) else { return nil }
            if second & 0xFC00 != 0xDC00 { return fault.note("unpaired surrogate in a \\u escape", at: place) }
            return place + 12
        default: return fault.note("unknown escape in a string", at: place)
        }
    }

    func hexadecimalUnit(_ place: Bytes, _ fault: inout JSONFault) -> UInt16? {
        var unit: UInt16 = 0
        for offset in 0..<4 {
            guard place + offset < end, let digit = hexadecimalValue(place[offset]) else {
                _ = fault.note("expected four hexadecimal digits after \\u", at: place)
                return nil
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    /// The length of the UTF-8 sequence of a character beyond ASCII, or 0 if it is malformed (RFC 3629, section 4).
    func sequenceLength(_ place: Bytes) -> Int {
        let left = end - place
        func follows(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
            offset < left && range.contains(place[offset])
        }
        switch place.pointee {
        case 0xC2...0xDF: return follows(1) ? 2 : 0
        case 0xE0: return follows(1, 0xA0...0xBF) && follows(2) ? 3 : 0
        case 0xED: return follows(1, 0x80...0x9F) && follows(2) ? 3 : 0
        case 0xE1...0xEF: return follows(1) && follows(2) ? 3 : 0
        case 0xF0: return follows(1, 0x90...0xBF) && follows(2) && follows(3) ? 4 : 0
        case 0xF1...0xF3: return follows(1) && follows(2) && follows(3) ? 4 : 0
        case 0xF4: return follows(1, 0x80...0x8F) && follows(2) && follows(3) ? 4 : 0
        default: return 0
        }
    }
}
