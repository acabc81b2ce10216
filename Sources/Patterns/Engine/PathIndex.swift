/// Which tests there are for the values of one path.
struct PathIndex: BitwiseCopyable {
    struct Slice: BitwiseCopyable {
        var start: UInt32 = 0
        var count: UInt32 = 0
    }

    struct Features: OptionSet, BitwiseCopyable {
        let rawValue: UInt32

        static let string = Features(rawValue: 1)
        static let number = Features(rawValue: 2)
        static let numberText = Features(rawValue: 4)
        static let prefix = Features(rawValue: 8)
        static let suffix = Features(rawValue: 16)
        static let folded = Features(rawValue: 32)
        static let foldedPrefix = Features(rawValue: 64)
        static let foldedSuffix = Features(rawValue: 128)
        static let network = Features(rawValue: 256)
        static let range = Features(rawValue: 512)
        static let gram = Features(rawValue: 1024)

        static let anyFolded: Features = [.folded, .foldedPrefix, .foldedSuffix]
    }

    var features: Features = []
    /// The predicate "some value stands here", or `none`.
    var present: UInt32 = none
    var literals: (UInt32, UInt32, UInt32) = (none, none, none)
    /// Bit n: some operand has n bytes (63: or more).
    var stringLengths: UInt64 = 0
    var foldedLengths: UInt64 = 0
    /// The marks of the operands that are numbers.
    var numberMarks: UInt64 = 0
    var prefixes = Slice()
    var suffixes = Slice()
    var foldedPrefixes = Slice()
    var foldedSuffixes = Slice()
    /// Family x 256 + mask bits.
    var networks = Slice()
    var ranges = RangeTables.Tree()
    /// Bit n: wildcards are filed under grams of 2^n bytes.
    var gramSizes: UInt32 = 0

    static let none = UInt32.max

    @inline(__always)
    static func lengthBit(_ count: Int) -> UInt64 { 1 << UInt64(min(count, 63)) }
}
