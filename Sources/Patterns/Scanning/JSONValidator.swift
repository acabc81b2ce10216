internal import CShims
public import Core

/// Checks that bytes are one JSON text (RFC 8259: UTF-8, no unpaired surrogates, `Limits.jsonDepthMax` levels).
///
/// Takes about 0.3 us for a kilobyte and allocates nothing once warm; everything that enters the bus passes it once.
/// The static form only checks. An instance, one per thread, also finds out whether a matcher may stop early.
public struct JSONValidator: ~Copyable {
    public enum TopLevel: Sendable {
        case any
        /// Only an object will do, as for events and their details.
        case object
    }

    private var keys = KeyTracker()

    public init() {}

    /// - Throws: `JSONError` with the first offending line and column.
    public static func validate(_ bytes: UnsafeRawBufferPointer, topLevel: TopLevel = .any) throws(JSONError) {
        var walk = try JSONWalk(bytes, keys: nil)
        if !walk.document(topLevel) { throw walk.error() }
    }

    /// Checks bytes held in an array, as ``validate(_:topLevel:)-(UnsafeRawBufferPointer,_)`` does.
    public static func validate(_ bytes: [UInt8], topLevel: TopLevel = .any) throws(JSONError) {
        let failure: JSONError? = bytes.withUnsafeBytes { buffer in
            do throws(JSONError) {
                try validate(buffer, topLevel: topLevel)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// Checks an event: one JSON object.
    /// - Returns: Whether `Matcher.match` may be told that the event is validated, and so stop reading once it has
    ///   seen each field it wants: no object repeats a key, and no key holds a dot or an escape. Where this is false
    ///   the event is good, but must be read whole.
    /// - Throws: `JSONError` with the first offending line and column.
    public mutating func validateEvent(_ bytes: UnsafeRawBufferPointer) throws(JSONError) -> Bool {
        keys.begin()
        let failure: JSONError? = withUnsafeMutablePointer(to: &keys) { keys in
            do throws(JSONError) {
                var walk = try JSONWalk(bytes, keys: keys)
                return walk.document(.object) ? nil : walk.error()
            } catch {
                return error
            }
        }
        if let failure { throw failure }
        return keys.areUniqueAndPlain
    }
}

/// The keys of the objects being read, by hash: two equal hashes count as a repeated key, which errs on the safe side.
struct KeyTracker: ~Copyable {
    private var hashes = ScratchList<UInt64>()
    /// Where the keys of each object being read begin.
    private var starts = ScratchList<Int>()
    private var table = ScratchList<UInt64>()
    private let seed = UInt64.random(in: .min ... .max)
    private(set) var areUniqueAndPlain = true

    mutating func begin() {
        hashes.removeAll()
        starts.removeAll()
        areUniqueAndPlain = true
    }

    @inline(__always)
    mutating func openObject() { starts.append(hashes.count) }

    @inline(__always)
    mutating func add(_ key: UnsafePointer<UInt8>, _ count: Int) {
        let hash = KeyHash.forwards(key, count, seed: seed, tag: 0)
        hashes.append(hash == 0 ? 1 : hash)
    }

    @inline(__always)
    mutating func markUnusual() { areUniqueAndPlain = false }

    mutating func closeObject() {
        let start = starts[starts.count - 1]
        let count = hashes.count - start
        starts.removeLast(1)
        defer { hashes.removeLast(count) }
        if count > 12 { return findRepeated(from: start, count) }
        for later in start..<hashes.count {
            for earlier in start..<later where hashes[earlier] == hashes[later] { areUniqueAndPlain = false }
        }
    }

    private mutating func findRepeated(from start: Int, _ count: Int) {
        var slots = 32
        while slots < 2 * count { slots *= 2 }
        table.assign(0, count: slots)
        for index in start..<hashes.count {
            var slot = Int(truncatingIfNeeded: hashes[index]) & (slots - 1)
            while table[slot] != 0 {
                if table[slot] == hashes[index] { areUniqueAndPlain = false }
                slot = (slot + 1) & (slots - 1)
            }
            table[slot] = hashes[index]
        }
    }
}

/// One walk over a JSON text. Functions answer the position after what they read, or nil after noting what is wrong.
struct JSONWalk: ~Copyable {
    typealias Bytes = UnsafePointer<UInt8>

    private let start: Bytes
    private let end: Bytes
    private let keys: UnsafeMutablePointer<KeyTracker>?
    /// Bit n of the words: the container at depth n is an object.
    private var objects = InlineArray<16, UInt64>(repeating: 0)
    private var depth = 0
    private var failure: (code: JSONError.Code, message: StaticString, place: Bytes)?

    init(_ bytes: UnsafeRawBufferPointer, keys: UnsafeMutablePointer<KeyTracker>?) throws(JSONError) {
        guard let base = bytes.baseAddress else {
            throw JSONError(.syntax, "the text ends where a value is expected", at: TextPosition(line: 1, column: 1))
        }
        start = base.assumingMemoryBound(to: UInt8.self)
        end = start + bytes.count
        self.keys = keys
    }

    consuming func error() -> JSONError {
        guard let failure else { return JSONError(.syntax, "not JSON", at: TextPosition(line: 1, column: 1)) }
        var position = TextPosition(line: 1, column: 1)
        var byte = start
        while byte < failure.place {
            if byte.pointee == UInt8(ascii: "\n") {
                position = TextPosition(line: position.line + 1, column: 1)
            } else if byte.pointee & 0xC0 != 0x80 {
                position.column += 1
            }
            byte += 1
        }
        return JSONError(failure.code, "\(failure.message)", at: position)
    }

    @inline(never)
    private mutating func fail(
        _ message: StaticString, at place: Bytes, _ code: JSONError.Code = .syntax
    ) -> Bytes? {
        if failure == nil { failure = (code, message, place) }
        return nil
    }

    /// Reads the whole text. False if it is wrong; `error` says how.
    mutating func document(_ topLevel: JSONValidator.TopLevel) -> Bool {
        var position = skipWhitespace(start)
        if topLevel == .object, position < end, position.pointee != UInt8(ascii: "{") {
            return fail("the text is not a JSON object", at: position) != nil
        }
        while true {
            guard let (next, isOpen) = value(position) else { return false }
            position = next
            if isOpen { continue }
            // After a value: what follows it, and the ends of the containers it was the last of.
            var isNextValue = false
            while !isNextValue {
                position = skipWhitespace(position)
                if depth == 0 {
                    return position == end || fail("unexpected text after the JSON value", at: position) != nil
                }
                guard let next = afterValue(position, &isNextValue) else { return false }
                position = next
            }
        }
    }

    /// Reads a scalar or an empty container, or the opening of another up to its first value.
    @inline(__always)
    private mutating func value(_ place: Bytes) -> (next: Bytes, isOpen: Bool)? {
        guard place < end else {
            _ = fail("the text ends where a value is expected", at: place)
            return nil
        }
        switch place.pointee {
        case UInt8(ascii: "\""): return string(place + 1).map { ($0, false) }
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return number(place).map { ($0, false) }
        case UInt8(ascii: "{"), UInt8(ascii: "["): return open(place)
        case UInt8(ascii: "t"): return word(place, "true").map { ($0, false) }
        case UInt8(ascii: "f"): return word(place, "false").map { ($0, false) }
        case UInt8(ascii: "n"): return word(place, "null").map { ($0, false) }
        default:
            _ = fail("expected a JSON value", at: place)
            return nil
        }
    }

    @inline(__always)
    private mutating func open(_ place: Bytes) -> (next: Bytes, isOpen: Bool)? {
        guard depth < Limits.jsonDepthMax else {
            _ = fail("nesting is too deep", at: place, .tooDeep)
            return nil
        }
        let isObject = place.pointee == UInt8(ascii: "{")
        let bit: UInt64 = 1 << UInt64(depth & 63)
        objects[depth >> 6] = isObject ? objects[depth >> 6] | bit : objects[depth >> 6] & ~bit
        depth += 1
        if isObject { keys?.pointee.openObject() }
        let position = skipWhitespace(place + 1)
        if position < end, position.pointee == place.pointee + 2 {
            close(isObject)
            return (position + 1, false)
        }
        return isObject ? key(position).map { ($0, true) } : (position, true)
    }

    @inline(__always)
    private mutating func close(_ isObject: Bool) {
        depth -= 1
        if isObject { keys?.pointee.closeObject() }
    }

    @inline(__always)
    private mutating func afterValue(_ place: Bytes, _ isNextValue: inout Bool) -> Bytes? {
        let isObject = objects[(depth - 1) >> 6] >> UInt64((depth - 1) & 63) & 1 == 1
        guard place < end else { return fail("the text ends inside an object or array", at: place) }
        if place.pointee == UInt8(ascii: ",") {
            isNextValue = true
            let position = skipWhitespace(place + 1)
            return isObject ? key(position) : position
        }
        if place.pointee == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
            close(isObject)
            return place + 1
        }
        return isObject ? fail("expected ',' or '}'", at: place) : fail("expected ',' or ']'", at: place)
    }

    /// Reads a key, the colon, and the blanks after it.
    @inline(__always)
    private mutating func key(_ place: Bytes) -> Bytes? {
        guard place < end, place.pointee == UInt8(ascii: "\"") else {
            return fail("expected a key in double quotes", at: place)
        }
        guard let next = string(place + 1) else { return nil }
        if let keys { note(place + 1, next - place - 2, keys) }
        let colon = skipWhitespace(next)
        guard colon < end, colon.pointee == UInt8(ascii: ":") else {
            return fail("expected ':' after the key", at: colon)
        }
        return skipWhitespace(colon + 1)
    }

    @inline(__always)
    private func note(_ key: Bytes, _ count: Int, _ keys: UnsafeMutablePointer<KeyTracker>) {
        keys.pointee.add(key, count)
        for index in 0..<count where key[index] == UInt8(ascii: ".") || key[index] == UInt8(ascii: "\\") {
            keys.pointee.markUnusual()
        }
    }

    @inline(__always)
    private func skipWhitespace(_ place: Bytes) -> Bytes {
        var position = place
        while position < end, position.pointee <= 0x20 {
            let byte = position.pointee
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { break }
            position += 1
        }
        return position
    }

    private mutating func word(_ place: Bytes, _ word: StaticString) -> Bytes? {
        let count = word.utf8CodeUnitCount
        guard end - place >= count, bytesAreEqual(place, word.utf8Start, count) else {
            return fail("expected a JSON value", at: place)
        }
        return place + count
    }

    // MARK: Numbers

    @inline(__always)
    private mutating func number(_ place: Bytes) -> Bytes? {
        var position = place
        if position.pointee == UInt8(ascii: "-") { position += 1 }
        guard position < end, isDigit(position.pointee) else { return fail("expected a digit", at: position) }
        if position.pointee == UInt8(ascii: "0") {
            position += 1
            if position < end, isDigit(position.pointee) {
                return fail("a number may not begin with 0", at: position)
            }
        } else {
            position = skipDigits(position)
        }
        if position < end, position.pointee == UInt8(ascii: ".") {
            position += 1
            guard position < end, isDigit(position.pointee) else { return fail("expected a digit", at: position) }
            position = skipDigits(position)
        }
        if position < end, position.pointee | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < end, position.pointee == UInt8(ascii: "+") || position.pointee == UInt8(ascii: "-") {
                position += 1
            }
            guard position < end, isDigit(position.pointee) else { return fail("expected a digit", at: position) }
            position = skipDigits(position)
        }
        return position
    }

    @inline(__always)
    private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    @inline(__always)
    private func skipDigits(_ place: Bytes) -> Bytes {
        var position = place
        // Eight at a time: a digit has the high nibble 3, and still has it after 6 is added.
        while position + 8 <= end {
            let word = loadWord(position)
            let sixes = word &+ 0x0606_0606_0606_0606
            let nibbles = (word & 0xF0F0_F0F0_F0F0_F0F0) | (sixes & 0xF0F0_F0F0_F0F0_F0F0) >> 4
            if nibbles != 0x3333_3333_3333_3333 { break }
            position += 8
        }
        while position < end, isDigit(position.pointee) { position += 1 }
        return position
    }

    // MARK: Strings

    /// Reads a string from after its opening quote to after its closing one.
    @inline(__always)
    private mutating func string(_ place: Bytes) -> Bytes? {
        var position = place
        while position + 16 <= end {
            let special = ops_mask_string_special(position)
            if special != 0 {
                position += special.trailingZeroBitCount
                if position.pointee == UInt8(ascii: "\"") { return position + 1 }
                return specialString(position)
            }
            position += 16
        }
        return specialString(position)
    }

    /// Reads the rest of a string character by character until it is plain again.
    @inline(never)
    private mutating func specialString(_ place: Bytes) -> Bytes? {
        var position = place
        while position < end {
            let byte = position.pointee
            switch byte {
            case UInt8(ascii: "\""): return position + 1
            case UInt8(ascii: "\\"):
                guard let next = escape(position) else { return nil }
                position = next
            case 0..<0x20: return fail("control characters must be escaped in strings", at: position)
            case 0x80...:
                let length = sequenceLength(position)
                if length == 0 { return fail("the string is not valid UTF-8", at: position, .invalidUTF8) }
                position += length
            default: position += 1
            }
            while position + 16 <= end {
                let special = ops_mask_string_special(position)
                position += special == 0 ? 16 : special.trailingZeroBitCount
                if special != 0 { break }
            }
        }
        return fail("the string is not closed", at: end)
    }

    private mutating func escape(_ place: Bytes) -> Bytes? {
        guard place + 1 < end else { return fail("the string is not closed", at: end) }
        switch place[1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return place + 2
        case UInt8(ascii: "u"):
            guard let first = hexadecimalUnit(place + 2) else { return nil }
            if first & 0xF800 != 0xD800 { return place + 6 }
            guard first < 0xDC00, place + 7 < end, place[6] == UInt8(ascii: "\\"), place[7] == UInt8(ascii: "u")
            else { return fail("unpaired surrogate in a \\u escape", at: place) }
            guard let second = hexadecimalUnit(place + 8) else { return nil }
            if second & 0xFC00 != 0xDC00 { return fail("unpaired surrogate in a \\u escape", at: place) }
            return place + 12
        default: return fail("unknown escape in a string", at: place)
        }
    }

    private mutating func hexadecimalUnit(_ place: Bytes) -> UInt16? {
        var unit: UInt16 = 0
        for offset in 0..<4 {
            guard place + offset < end, let digit = hexadecimalValue(place[offset]) else {
                _ = fail("expected four hexadecimal digits after \\u", at: place)
                return nil
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    /// The length of the UTF-8 sequence of a character beyond ASCII, or 0 if it is malformed (RFC 3629, section 4).
    private func sequenceLength(_ place: Bytes) -> Int {
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
