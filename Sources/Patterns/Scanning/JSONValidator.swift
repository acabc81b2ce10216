public import Core

/// Checks that bytes are one JSON text (RFC 8259: UTF-8, no unpaired surrogates, `Limits.jsonDepthMax` levels).
///
/// Two readers stand behind it: `JSONScan` accepts nearly every text that is right, 64 bytes at a time; what it does
/// not vouch for is read byte by byte by `JSONWalk`, which also says what is wrong and where.
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
        if let failure = failure(bytes, topLevel) { throw failure }
    }

    /// Checks bytes held in an array, as ``validate(_:topLevel:)-(UnsafeRawBufferPointer,_)`` does.
    public static func validate(_ bytes: [UInt8], topLevel: TopLevel = .any) throws(JSONError) {
        if let failure = bytes.withUnsafeBytes({ failure($0, topLevel) }) { throw failure }
    }

    private static func failure(_ bytes: UnsafeRawBufferPointer, _ topLevel: TopLevel) -> JSONError? {
        let isRight =
            topLevel == .object
            ? JSONScan.isObject(bytes, depthMax: Limits.jsonDepthMax)
            : JSONScan.isContainer(bytes, depthMax: Limits.jsonDepthMax)
        return isRight ? nil : JSONWalk.check(bytes, topLevel, keys: nil)
    }

    /// Checks an event, or its detail: one JSON object.
    /// - Parameter boundsIntegers: Whether whole numbers must fit in 64 bits with their sign.
    /// - Returns: Whether `Matcher.match` may be told that the event is validated, and so stop reading once it has
    ///   seen each field it wants: no object repeats a key, and no key holds a dot or an escape. Where this is false
    ///   the event is good, but must be read whole.
    /// - Throws: `JSONError` with the first offending line and column.
    public mutating func validateEvent(
        _ bytes: UnsafeRawBufferPointer, boundsIntegers: Bool = false
    ) throws(JSONError) -> Bool {
        keys.begin()
        let failure = withUnsafeMutablePointer(to: &keys) {
            JSONWalk.check(bytes, .object, keys: $0, boundsIntegers: boundsIntegers)
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
        for index in 0..<count where key[index] == UInt8(ascii: ".") || key[index] == UInt8(ascii: "\\") {
            areUniqueAndPlain = false
        }
    }

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
