/// Recursive-descent reader of regular expressions.
struct RegularExpressionParser {
    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var depth = 0
    private(set) var groupCount = 0
    private var groupNames: [String: Int] = [:]
    private var flags = Flags()

    private struct Flags {
        var ignoresCase = false
        var dotMatchesLineFeed = false
        var isMultiline = false
    }

    typealias Element = RegularExpression.Element

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func expression() throws(RegularExpressionError) -> Element {
        let element = try alternatives()
        if index < scalars.count { throw error("')' closes no group") }
        return element
    }

    private func error(_ message: String) -> RegularExpressionError {
        RegularExpressionError(message: message, character: index + 1)
    }

    private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func consume(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[index...].starts(with: wanted) else { return false }
        index += wanted.count
        return true
    }

    private mutating func alternatives() throws(RegularExpressionError) -> Element {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 100 else { throw error("groups are nested too deeply") }
        var branches = [try sequence()]
        while consume("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(RegularExpressionError) -> Element {
        var elements: [Element] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            guard let element = try atom() else { continue }
            elements.append(try repeated(element))
        }
        return elements.count == 1 ? elements[0] : .sequence(elements)
    }

    // MARK: Repetition

    private mutating func repeated(_ element: Element) throws(RegularExpressionError) -> Element {
        var result = element
        while let range = try quantifier() {
            let greed: RegularExpression.Greed =
                if consume("?") { .lazy } else if consume("+") { .possessive } else { .greedy }
            result = .repetition(result, range, greed)
        }
        return result
    }

    private mutating func quantifier() throws(RegularExpressionError) -> ClosedRange<Int>? {
        if consume("*") { return 0...Int.max }
        if consume("+") { return 1...Int.max }
        if consume("?") { return 0...1 }
        let start = index
        guard consume("{") else { return nil }
        guard let low = number() else {
            index = start
            return nil
        }
        var high = low
        if consume(",") { high = next == "}" ? Int.max : number() ?? -1 }
        guard consume("}"), high >= low, low <= RegularExpression.repetitionsMax else {
            index = start
            throw error("the repetition must be {n}, {n,} or {n,m}")
        }
        return low...high
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, let digit = Int(String(scalar)), value ?? 0 <= RegularExpression.repetitionsMax {
            value = (value ?? 0) * 10 + digit
            index += 1
        }
        return value
    }

    // MARK: Atoms

    /// The next element; nil for one that only changes how the rest is read.
    private mutating func atom() throws(RegularExpressionError) -> Element? {
        guard let scalar = next else { return nil }
        switch scalar {
        case "(": return try group()
        case "[": return .scalars(try scalarClass())
        case "\\": return try escape()
        case "*", "+", "?": throw error("'\(scalar)' has nothing to repeat")
        default: break
        }
        index += 1
        switch scalar {
        case ".": return .scalars(flags.dotMatchesLineFeed ? .all : .allButLineFeed)
        case "^": return .start(ofLine: flags.isMultiline)
        case "$": return .end(beforeLastLineFeed: false, ofLine: flags.isMultiline)
        default: return .scalars(literal(scalar))
        }
    }

    private func literal(_ scalar: Unicode.Scalar) -> ScalarSet {
        var set = ScalarSet(scalar)
        set.ignoresCase = flags.ignoresCase
        return set
    }

    private mutating func group() throws(RegularExpressionError) -> Element? {
        let outer = flags
        index += 1
        var wrap: (Element) -> Element = { $0 }
        if consume("?:") {
        } else if consume("?=") {
            wrap = { .look($0, ahead: true, positive: true) }
        } else if consume("?!") {
            wrap = { .look($0, ahead: true, positive: false) }
        } else if consume("?<=") {
            wrap = { .look($0, ahead: false, positive: true) }
        } else if consume("?<!") {
            wrap = { .look($0, ahead: false, positive: false) }
        } else if consume("?>") {
            wrap = { .atomic($0) }
        } else if consume("?P<") || consume("?<") {
            wrap = try capture(named: try name(until: ">"))
        } else if consume("?") {
            try readFlags()
            // Flags without a colon hold to the end of the group around.
            if consume(")") { return nil }
            guard consume(":") else { throw error("the group's kind is unknown") }
        } else {
            wrap = try capture(named: nil)
        }
        let element = try alternatives()
        guard consume(")") else { throw error("a group is not closed") }
        flags = outer
        return wrap(element)
    }

    private mutating func capture(named name: String?) throws(RegularExpressionError) -> (Element) -> Element {
        groupCount += 1
        let number = groupCount
        if let name, groupNames.updateValue(number, forKey: name) != nil {
            throw error("two groups are named '\(name)'")
        }
        return { .group($0, capture: number) }
    }

    private mutating func name(until end: Unicode.Scalar) throws(RegularExpressionError) -> String {
        guard let close = scalars[index...].firstIndex(of: end), close > index else { throw error("a name is missing") }
        defer { index = close + 1 }
        return String(String.UnicodeScalarView(scalars[index..<close]))
    }

    private mutating func readFlags() throws(RegularExpressionError) {
        var isOn = true
        while let scalar = next, scalar != ":", scalar != ")" {
            switch scalar {
            case "-": isOn = false
            case "i": flags.ignoresCase = isOn
            case "s": flags.dotMatchesLineFeed = isOn
            case "m": flags.isMultiline = isOn
            default: throw error("the flag '\(scalar)' is unknown")
            }
            index += 1
        }
    }

    // MARK: Escapes

    private mutating func escape() throws(RegularExpressionError) -> Element {
        index += 1
        guard let scalar = next else { throw error("'\\' stands at the end") }
        switch scalar {
        case "b", "B":
            index += 1
            return .wordBoundary(scalar == "b")
        case "A":
            index += 1
            return .start(ofLine: false)
        case "z", "Z":
            index += 1
            return .end(beforeLastLineFeed: scalar == "Z", ofLine: false)
        case "1"..."9":
            index += 1
            let number = Int(scalar.value - 0x30)
            guard number <= groupCount else { throw error("there is no group \(number) before its reference") }
            return .backReference(number)
        case "k" where consume("k<"):
            let name = try name(until: ">")
            guard let number = groupNames[name] else { throw error("there is no group '\(name)'") }
            return .backReference(number)
        default:
            if let set = try scalarClassEscape() { return .scalars(set) }
            return .scalars(literal(try scalarEscape()))
        }
    }

    /// `\d`, `\W`, `\p{L}` and the like, the backslash read already; nil for other escapes.
    private mutating func scalarClassEscape() throws(RegularExpressionError) -> ScalarSet? {
        let set: ScalarSet
        switch next {
        case "p", "P":
            let isNegated = next == "P"
            index += 1
            let name = consume("{") ? try name(until: "}") : try digits(1)
            guard let categories = UnicodeCategories.named(name) else {
                // Java's names: `\p{Alnum}`.
                guard let posix = Self.posixClasses[name.lowercased()] else {
                    throw error("the category \\p{\(name)} is unknown")
                }
                return isNegated ? posix.negated : posix
            }
            var set = ScalarSet([], negated: isNegated)
            set.categories = categories
            return set
        case "d": set = .digits
        case "D": set = .digits.negated
        case "w": set = .word
        case "W": set = .word.negated
        case "h": set = .blank
        case "H": set = .blank.negated
        case "s": set = .space
        case "S": set = .space.negated
        default: return nil
        }
        index += 1
        return set
    }

    /// An escape that stands for one scalar, the backslash read already.
    private mutating func scalarEscape() throws(RegularExpressionError) -> Unicode.Scalar {
        guard let scalar = next else { throw error("'\\' stands at the end") }
        index += 1
        switch scalar {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "f": return "\u{C}"
        case "v": return "\u{B}"
        case "a": return "\u{7}"
        case "e": return "\u{1B}"
        case "0": return "\0"
        case "x" where consume("{"), "u" where consume("{"): return try hexadecimal(name(until: "}"))
        case "x": return try hexadecimal(digits(2))
        case "u": return try hexadecimal(digits(4))
        default: break
        }
        if scalar.isASCII, scalar.properties.isAlphabetic || scalar.properties.numericType != nil {
            index -= 1
            throw error("the escape '\\\(scalar)' is unknown")
        }
        return scalar
    }

    private mutating func digits(_ count: Int) throws(RegularExpressionError) -> String {
        guard index + count <= scalars.count else { throw error("hexadecimal digits are missing") }
        defer { index += count }
        return String(String.UnicodeScalarView(scalars[index..<index + count]))
    }

    private func hexadecimal(_ digits: String) throws(RegularExpressionError) -> Unicode.Scalar {
        guard digits.allSatisfy(\.isHexDigit), let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value)
        else { throw error("'\(digits)' is no character's number") }
        return scalar
    }

    // MARK: Classes

    private mutating func scalarClass() throws(RegularExpressionError) -> ScalarSet {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 100 else { throw error("classes are nested too deeply") }
        index += 1
        var set = ScalarSet()
        set.isNegated = consume("^")
        set.ignoresCase = flags.ignoresCase
        var isFirst = true
        while true {
            guard let scalar = next else { throw error("a class '[' is not closed") }
            if scalar == "]", !isFirst {
                index += 1
                return set
            }
            isFirst = false
            if scalar == "[", let posix = try posixClass() {
                set.nested.append(posix)
            } else if scalar == "[" {
                set.nested.append(try scalarClass())
            } else if let low = try classMember(into: &set) {
                set.ranges.append(low.value...(try rangeEnd(after: low)).value)
            }
        }
    }

    /// One scalar of a class; nil where the member was a class escape, which is added to the set.
    private mutating func classMember(into set: inout ScalarSet) throws(RegularExpressionError) -> Unicode.Scalar? {
        guard let scalar = next else { throw error("a class '[' is not closed") }
        index += 1
        guard scalar == "\\" else { return scalar }
        if let escaped = try scalarClassEscape() {
            set.nested.append(escaped)
            return nil
        }
        if consume("b") { return "\u{8}" }
        return try scalarEscape()
    }

    /// The upper end of `a-z`; the scalar itself where no range follows, as in `[a-]` and `[0-9-_]`.
    private mutating func rangeEnd(after low: Unicode.Scalar) throws(RegularExpressionError) -> Unicode.Scalar {
        let start = index
        guard consume("-"), let end = next, end != "]", end != "[" else {
            index = start
            return low
        }
        var escaped = ScalarSet()
        guard let high = try classMember(into: &escaped) else {
            // `[a-\d]` is a, '-' and the digits.
            index = start
            return low
        }
        guard high >= low else {
            index = start
            throw error("the range \(low)-\(high) runs backwards")
        }
        return high
    }

    private mutating func posixClass() throws(RegularExpressionError) -> ScalarSet? {
        guard consume("[:") else { return nil }
        let isNegated = consume("^")
        let name = try name(until: ":")
        guard consume("]"), let set = Self.posixClasses[name] else { throw error("the class [:\(name):] is unknown") }
        return isNegated ? set.negated : set
    }

    private static let posixClasses: [String: ScalarSet] = [
        "alpha": ScalarSet([0x41...0x5A, 0x61...0x7A]), "digit": .digits, "space": .space, "word": .word,
        "alnum": ScalarSet([0x30...0x39, 0x41...0x5A, 0x61...0x7A]), "upper": ScalarSet([0x41...0x5A]),
        "lower": ScalarSet([0x61...0x7A]), "xdigit": ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66]),
        "punct": ScalarSet([0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E]),
        "blank": .blank, "ascii": ScalarSet([0...0x7F]), "cntrl": ScalarSet([0...0x1F, 0x7F...0x7F]),
        "graph": ScalarSet([0x21...0x7E]), "print": ScalarSet([0x20...0x7E]),
    ]
}
