internal import Core

/// Comparisons joined by `&&` and `||`, of which `&&` binds closer.
indirect enum LogCondition<Subject: Sendable>: Sendable {
    case all([LogCondition])
    case any([LogCondition])
    case compare(Subject, LogTest)
    case absent(Subject)

    /// - Parameter test: Whether a subject has a value for which the test holds.
    func holds(_ test: (Subject, LogTest) -> Bool) -> Bool {
        switch self {
        case .all(let conditions): conditions.allSatisfy { $0.holds(test) }
        case .any(let conditions): conditions.contains { $0.holds(test) }
        case .compare(let subject, let comparison): test(subject, comparison)
        case .absent(let subject): !test(subject, .exists)
        }
    }
}

/// What a value is compared with.
enum LogTest: Sendable {
    enum Order: String, Sendable {
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    case exists
    /// The value of a member that is `true`, `false` or `null`.
    case constant(JSON)
    case ordered(Order, Double)
    case number(Double, isEqual: Bool)
    /// `*` stands for any characters.
    case text(LogWildcard, isEqual: Bool)
    case expression(RegularExpression, isEqual: Bool)

    /// - Parameter value: Of a JSON object, or the text of a field.
    func holds(_ value: JSON) -> Bool {
        switch self {
        case .exists: return true
        case .constant(let constant): return value == constant
        case .ordered(let order, let bound):
            guard let number = LogTest.number(of: value) else { return false }
            switch order {
            case .less: return number < bound
            case .lessOrEqual: return number <= bound
            case .greater: return number > bound
            case .greaterOrEqual: return number >= bound
            }
        case .number(let wanted, let isEqual): return (LogTest.number(of: value) == wanted) == isEqual
        case .text(let wildcard, let isEqual):
            guard let text = LogTest.text(of: value) else { return false }
            return wildcard.matches(text) == isEqual
        case .expression(let expression, let isEqual):
            guard let text = LogTest.text(of: value) else { return false }
            return (expression.matches(text) == true) == isEqual
        }
    }

    private static func number(of value: JSON) -> Double? {
        switch value {
        case .number(let number): number.double
        case .string(let text): number(text)
        default: nil
        }
    }

    /// The number that a text is, in decimal digits.
    static func number(_ text: String) -> Double? {
        text.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) } ? Double(text) : nil
    }

    private static func text(of value: JSON) -> String? {
        switch value {
        case .string(let text): text
        case .number(let number): number.text
        case .bool(let flag): flag ? "true" : "false"
        default: nil
        }
    }
}

/// Text in which `*` stands for any characters.
struct LogWildcard: Sendable {
    private let parts: [[UInt8]]

    init(_ text: String) {
        parts = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
    }

    func matches(_ text: String) -> Bool {
        guard parts.count > 1 else { return text.utf8.elementsEqual(parts[0]) }
        var rest = Array(text.utf8)[...]
        guard rest.starts(with: parts[0]) else { return false }
        rest = rest.dropFirst(parts[0].count)
        for part in parts.dropFirst().dropLast() {
            guard let found = rest.firstRange(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        let last = parts[parts.count - 1]
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }
}

/// A place in a JSON object: `$.a.b[0].c`, where `[*]` means any element.
struct LogSelector: Sendable, Hashable {
    enum Step: Sendable, Hashable {
        case member(String)
        case element(Int)
        case anyElement
    }

    var steps: [Step] = []

    /// The values at the place; none where it is not there, several where it passes `[*]`.
    func values(in object: JSON) -> [JSON] {
        var values = [object]
        for step in steps {
            values = values.flatMap { value -> [JSON] in
                switch step {
                case .member(let name): return value[name].map { [$0] } ?? []
                case .anyElement: return value.array ?? []
                case .element(let index):
                    guard let elements = value.array, elements.indices.contains(index) else { return [] }
                    return [elements[index]]
                }
            }
        }
        return values
    }
}
