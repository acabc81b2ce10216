/// A regular expression in the common core of the Java and RE2 dialects, that document authors write.
///
/// Knows literals, `.`, classes with ranges and `\d \w \s` (ASCII, as there), groups of every kind, alternation,
/// greedy, lazy and possessive repetition, `^ $ \b \B \A \z \Z`, look-ahead and look-behind, back references, the flags
/// `i`, `s`, `m`. Matching searches, as RE2's does: an unanchored expression matches any text that contains a match.
///
/// Backtracking is bounded: an expression that needs more than `stepsMax` steps on a text is answered with an error, so
/// that neither authors nor callers can make the server think forever. The standard library's `Regex` offers neither
/// that bound nor look-behind.
public struct RegularExpression: Sendable {
    private let program: RegularExpressionProgram

    /// Steps one search may take: some tens of milliseconds.
    static let stepsMax = 1_000_000
    /// What `{n}` may ask for.
    static let repetitionsMax = 100_000
    /// Instructions an expression may become, its parts included; a counted group becomes as many copies.
    static let instructionsMax = 20_000

    indirect enum Element: Sendable, Hashable {
        case scalars(ScalarSet)
        case sequence([Element])
        case alternatives([Element])
        case repetition(Element, ClosedRange<Int>, Greed)
        case group(Element, capture: Int)
        case look(Element, ahead: Bool, positive: Bool)
        case atomic(Element)
        case start(ofLine: Bool)
        /// The end of the text, where asked also before its last line feed or before any.
        case end(beforeLastLineFeed: Bool, ofLine: Bool)
        case wordBoundary(Bool)
        case backReference(Int)
    }

    enum Greed: Sendable, Hashable { case greedy, lazy, possessive }

    /// - Throws: `RegularExpressionError` with what is wrong and the character it is at.
    public init(_ text: String) throws(RegularExpressionError) {
        var parser = RegularExpressionParser(text)
        let root = try parser.expression()
        program = try RegularExpressionProgram(root, groupCount: parser.groupCount)
    }

    /// Whether the text contains a match; nil where finding out would take more than `stepsMax` steps.
    public func matches(_ text: String) -> Bool? {
        var matcher = RegularExpressionMatcher(text, program, stepsMax: Self.stepsMax)
        return matcher.search()
    }
}

/// What an expression cannot mean.
public struct RegularExpressionError: Error, Hashable, CustomStringConvertible {
    public let message: String
    /// Counted from 1, in Unicode scalars.
    public let character: Int

    public var description: String { "\(message), character \(character)" }
}

/// The scalars one position of a text may have.
struct ScalarSet: Sendable, Hashable {
    var ranges: [ClosedRange<UInt32>] = []
    var isNegated = false
    var ignoresCase = false
    /// `[a&&b]` is not offered; a class inside a class is, and keeps its own negation.
    var nested: [ScalarSet] = []
    /// General categories of Unicode whose scalars are in the set too.
    var categories: [Unicode.GeneralCategory] = []

    init(_ ranges: [ClosedRange<UInt32>] = [], negated: Bool = false) {
        self.ranges = ranges
        isNegated = negated
    }

    init(_ scalar: Unicode.Scalar) { ranges = [scalar.value...scalar.value] }

    func contains(_ value: UInt32) -> Bool {
        let isListed =
            lists(value) || ignoresCase && Self.caseVariant(of: value).map(lists) ?? false
            || nested.contains { $0.contains(value) } || isOfCategory(value)
        return isListed != isNegated
    }

    private func isOfCategory(_ value: UInt32) -> Bool {
        guard !categories.isEmpty, let scalar = Unicode.Scalar(value) else { return false }
        return categories.contains(scalar.properties.generalCategory)
    }

    private func lists(_ value: UInt32) -> Bool { ranges.contains { $0.contains(value) } }

    /// The other case of an ASCII letter, which is all that the flag `i` means without the flag `u`.
    static func caseVariant(of value: UInt32) -> UInt32? {
        switch value {
        case 0x41...0x5A: value + 0x20
        case 0x61...0x7A: value - 0x20
        default: nil
        }
    }

    static let digits = ScalarSet([0x30...0x39])
    static let word = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let blank = ScalarSet([0x09...0x09, 0x20...0x20])
    static let space = ScalarSet([0x09...0x0D, 0x20...0x20])
    static let all = ScalarSet([0...0x10FFFF])
    static let allButLineFeed = ScalarSet([0x0A...0x0A], negated: true)

    var negated: ScalarSet {
        var copy = self
        copy.isNegated.toggle()
        return copy
    }
}

/// The general categories of Unicode by the names that `\p{…}` takes.
enum UnicodeCategories {
    private static let all: [String: [Unicode.GeneralCategory]] = [
        "L": [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter],
        "Lu": [.uppercaseLetter], "Ll": [.lowercaseLetter],
        "M": [.nonspacingMark, .spacingMark, .enclosingMark],
        "N": [.decimalNumber, .letterNumber, .otherNumber], "Nd": [.decimalNumber],
        "P": [
            .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation,
        ],
        "S": [.mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol],
        "Z": [.spaceSeparator, .lineSeparator, .paragraphSeparator],
        "C": [.control, .format, .surrogate, .privateUse, .unassigned],
    ]

    /// Nil for a name that is none of these.
    static func named(_ name: String) -> [Unicode.GeneralCategory]? { all[name] }
}
