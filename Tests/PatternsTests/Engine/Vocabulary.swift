import TestSupport

internal import Core

/// Events and patterns from one small vocabulary, so that matches are common.
struct Vocabulary {
    var generator: SeededGenerator

    /// Repeated and dotted keys in events, instead of arrays of containers: their combination is not specified.
    var hasOddKeys = false

    static let keys = ["a", "b", "c", "state", "a long key of some size"]
    static let texts = [
        "", "a", "b", "ab", "abc", "abcabc", "Ab", "AB", "aab", "running", "RUNNING", "ß", "ẞ", "SS", "straße",
        "STRASSE",
        "é", "e\u{301}", "10.0.0.1", "010.0.0.1", "10.0.0.77", "10.0.1.1", "::1", "0:0:0:0:0:0:0:1", "2001:db8::7",
        "a*b", "a\\b", "path/12/file-7.png", "path/12/file-77.jpg", "a \"quoted\" text\nwith a longer tail", "σ", "Σ",
        "/lib/abc/lib/", "aaaaaaaa", "aaaaaaaab", "12345678", "ȺȾ", "ⱥȾ", "😀", "1", "true",
    ]
    static let numbers = [
        "0", "-0", "0.0", "1", "1.0", "1e0", "10e-1", "5", "-3.5", "0.1", "0.10", "0.30000000000000004", "1e2", "100",
        "9007199254740992", "9007199254740993", "123456789012345678901234567890", "1e400", "4.5e-320", "99.99",
        "-122.42916360922355", "1e22", "1e23", "3e2",
    ]

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &generator)]
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

    mutating func scalar() -> JSON {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0..<6: .string(pick(Self.texts))
        case 6..<8: .number(JSONNumber(uncheckedText: pick(Self.numbers)))
        case 8: .bool(chance(50))
        default: .null
        }
    }

    // MARK: Events

    mutating func event() -> JSON { object(depth: 0) }

    private mutating func object(depth: Int) -> JSON {
        var members = JSONObject()
        for key in Self.keys where chance(60) {
            if hasOddKeys, chance(20) {
                members.append("\(key).\(pick(Self.keys))", scalar())
            } else {
                members.append(key, value(depth: depth + 1))
                if hasOddKeys, chance(15) { members.append(key, scalar()) }
            }
        }
        return .object(members)
    }

    private mutating func value(depth: Int) -> JSON {
        let kind = Int.random(in: 0..<10, using: &generator)
        if depth > 3 || kind < 4 { return scalar() }
        if kind < 7 { return object(depth: depth) }
        let count = Int.random(in: 0...3, using: &generator)
        return .array((0..<count).map { _ in hasOddKeys || chance(40) ? scalar() : value(depth: depth + 1) })
    }

    // MARK: Patterns

    mutating func pattern() -> JSON { fields(depth: 0) }

    private mutating func fields(depth: Int, isInOr: Bool = false) -> JSON {
        var members = JSONObject()
        for key in Self.keys where chance(depth == 0 ? 45 : 40) {
            let name = hasOddKeys && chance(15) ? "\(key).\(pick(Self.keys))" : key
            members.append(name, depth < 3 && chance(50) ? fields(depth: depth + 1, isInOr: isInOr) : list())
        }
        if depth < 2, chance(12) {
            let branches = (0..<Int.random(in: 2...3, using: &generator)).map { _ in
                fields(depth: depth + 1, isInOr: true)
            }
            members.append("$or", .array(branches))
        }
        if members.isEmpty { members.append(pick(Self.keys), list()) }
        return .object(members)
    }

    private mutating func list() -> JSON {
        .array((0..<Int.random(in: 1...3, using: &generator)).map { _ in alternative() })
    }

    private static let networks = [
        "10.0.0.0/24", "10.0.0.64/26", "10.0.0.0/8", "2001:db8::/32", "::/64", "0.0.0.0/0",
    ]

    private func one(_ name: String, _ operand: JSON) -> JSON {
        .object(JSONObject([JSONObject.Member(key: name, value: operand)]))
    }

    private mutating func texts(_ count: ClosedRange<Int>) -> JSON {
        var texts: [JSON] = []
        for _ in 0..<Int.random(in: count, using: &generator) { texts.append(.string(pick(Self.texts))) }
        return .array(texts)
    }

    private mutating func alternative() -> JSON {
        let text = pick(Self.texts)
        let part = String(text.prefix(Int.random(in: 0...3, using: &generator)))
        let tail = String(text.suffix(Int.random(in: 0...3, using: &generator)))
        switch Int.random(in: 0..<18, using: &generator) {
        case 0..<4: return scalar()
        case 4: return one("prefix", .string(part))
        case 5: return one("suffix", .string(tail))
        case 6: return one("prefix", one("equals-ignore-case", .string(part)))
        case 7: return one("suffix", one("equals-ignore-case", .string(tail)))
        case 8: return one("equals-ignore-case", .string(text))
        case 9: return one("wildcard", .string(wildcard(text)))
        case 10: return one("exists", .bool(chance(40)))
        case 11: return one("numeric", numeric())
        case 12: return one("cidr", .string(pick(Self.networks)))
        case 13: return one("anything-but", texts(1...3))
        case 14: return one("anything-but", .number(JSONNumber(uncheckedText: pick(Self.numbers))))
        case 15: return one("anything-but", one("prefix", .string("a" + part)))
        case 16: return one("anything-but", one("wildcard", .array([.string(wildcard(text))])))
        default: return one("anything-but", one("equals-ignore-case", texts(1...2)))
        }
    }

    private mutating func wildcard(_ text: String) -> String {
        var pattern = ""
        for character in text {
            if chance(25) {
                if !pattern.hasSuffix("*") || pattern.hasSuffix("\\*") { pattern += "*" }
                if chance(50) { continue }
            }
            pattern += character == "*" ? "\\*" : character == "\\" ? "\\\\" : String(character)
        }
        return pattern
    }

    private static let ranges = [
        #"[">",0,"<=",5]"#, #"[">=",-3.5,"<",0.1]"#, #"[">=",1,"<",100]"#, #"["=",1]"#, #"["<",5]"#, #"["<=",0.1]"#,
        #"[">",100]"#, #"[">=",-122.42916360922355]"#,
    ]

    private mutating func numeric() -> JSON { (try? JSON(parsing: pick(Self.ranges))) ?? .null }
}
