internal import Core

/// One operator of a `Condition` block, with one of its keys.
/// - Source: IAM user guide, "IAM JSON policy elements: Condition operators".
struct PolicyCondition: Sendable, Hashable {
    /// How a value of the request is compared with one of the policy.
    private enum Comparison: String, CaseIterable {
        case stringEquals = "StringEquals"
        case stringNotEquals = "StringNotEquals"
        case stringEqualsIgnoreCase = "StringEqualsIgnoreCase"
        case stringNotEqualsIgnoreCase = "StringNotEqualsIgnoreCase"
        case stringLike = "StringLike"
        case stringNotLike = "StringNotLike"
        case numericEquals = "NumericEquals"
        case numericNotEquals = "NumericNotEquals"
        case numericLessThan = "NumericLessThan"
        case numericLessThanEquals = "NumericLessThanEquals"
        case numericGreaterThan = "NumericGreaterThan"
        case numericGreaterThanEquals = "NumericGreaterThanEquals"
        case dateEquals = "DateEquals"
        case dateNotEquals = "DateNotEquals"
        case dateLessThan = "DateLessThan"
        case dateLessThanEquals = "DateLessThanEquals"
        case dateGreaterThan = "DateGreaterThan"
        case dateGreaterThanEquals = "DateGreaterThanEquals"
        case bool = "Bool"
        case arnEquals = "ArnEquals"
        case arnNotEquals = "ArnNotEquals"
        case arnLike = "ArnLike"
        case arnNotLike = "ArnNotLike"
        case null = "Null"

        var isNegated: Bool { rawValue.contains("Not") }

        func holds(_ value: String, _ wanted: String) -> Bool {
            switch self {
            case .stringEquals, .stringNotEquals: value == wanted
            case .stringEqualsIgnoreCase, .stringNotEqualsIgnoreCase, .bool: value.lowercased() == wanted.lowercased()
            case .stringLike, .stringNotLike: Wildcard.matches(value, wanted)
            case .arnEquals, .arnNotEquals, .arnLike, .arnNotLike: Comparison.isLike(value, wanted)
            case .numericEquals, .numericNotEquals: Comparison.compare(Double(value), Double(wanted), ==)
            case .numericLessThan: Comparison.compare(Double(value), Double(wanted), <)
            case .numericLessThanEquals: Comparison.compare(Double(value), Double(wanted), <=)
            case .numericGreaterThan: Comparison.compare(Double(value), Double(wanted), >)
            case .numericGreaterThanEquals: Comparison.compare(Double(value), Double(wanted), >=)
            case .dateEquals, .dateNotEquals: Comparison.compare(Comparison.date(value), Comparison.date(wanted), ==)
            case .dateLessThan: Comparison.compare(Comparison.date(value), Comparison.date(wanted), <)
            case .dateLessThanEquals: Comparison.compare(Comparison.date(value), Comparison.date(wanted), <=)
            case .dateGreaterThan: Comparison.compare(Comparison.date(value), Comparison.date(wanted), >)
            case .dateGreaterThanEquals: Comparison.compare(Comparison.date(value), Comparison.date(wanted), >=)
            case .null: false
            }
        }

        private static func compare<Value>(_ left: Value?, _ right: Value?, _ order: (Value, Value) -> Bool) -> Bool {
            guard let left, let right else { return false }
            return order(left, right)
        }

        /// RFC 3339 text or seconds since 1970.
        private static func date(_ text: String) -> Timestamp? {
            Timestamp(rfc3339: text) ?? Int64(text).map(Timestamp.init(seconds:))
        }

        /// Each of the six parts of an ARN matches on its own: a star does not reach over a colon but in the last.
        private static func isLike(_ value: String, _ wanted: String) -> Bool {
            let parts = value.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
            let patterns = wanted.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
            return parts.count == 6 && patterns.count == 6
                && zip(parts, patterns).allSatisfy { Wildcard.matches(String($0), String($1)) }
        }
    }

    /// How several values of the request count together.
    private enum Quantifier: Sendable { case one, any, all }

    private let comparison: Comparison
    private let quantifier: Quantifier
    /// Whether a key without a value fulfils it.
    private let mayBeMissing: Bool
    /// In lower case.
    private let key: String
    private let wanted: [String]

    /// - Parameter json: Operators, each with keys, each with a value or a list of them; nil for no conditions.
    static func all(in json: JSON?, at path: String) throws(PolicyError) -> [PolicyCondition] {
        guard let json else { return [] }
        guard let object = json.object else {
            throw PolicyError(.member, "must be an object of operators", at: path)
        }
        var conditions: [PolicyCondition] = []
        for member in object {
            let place = "\(path).\(member.key)"
            guard let keys = member.value.object else {
                throw PolicyError(.member, "must be an object of condition keys", at: place)
            }
            for entry in keys {
                conditions.append(try PolicyCondition(member.key, entry.key, entry.value, at: place))
            }
        }
        return conditions
    }

    private init(_ text: String, _ key: String, _ value: JSON, at path: String) throws(PolicyError) {
        var name = text
        var quantifier = Quantifier.one
        if let colon = name.firstIndex(of: ":") {
            switch name[..<colon] {
            case "ForAnyValue": quantifier = .any
            case "ForAllValues": quantifier = .all
            default: throw PolicyError(.conditionOperator, "'\(name[..<colon]):' does not exist", at: path)
            }
            name = String(name[name.index(after: colon)...])
        }
        mayBeMissing = name.hasSuffix("IfExists")
        if mayBeMissing { name = String(name.dropLast("IfExists".count)) }
        guard let comparison = Comparison(rawValue: name) else {
            let near = nearest(to: name, among: Comparison.allCases.map(\.rawValue)).map { "; did you mean \($0)?" }
            throw PolicyError(
                .conditionOperator, "the condition operator '\(name)' is not offered\(near ?? "")", at: path)
        }
        let values = (value.array ?? [value]).map { $0.string ?? $0.text }
        guard !values.isEmpty else { throw PolicyError(.member, "'\(key)' has no value", at: path) }
        self.comparison = comparison
        self.quantifier = quantifier
        self.key = key.lowercased()
        wanted = values
    }

    func holds(_ values: [String: [String]]) -> Bool {
        let found = values[key] ?? []
        if comparison == .null { return wanted.contains { ($0 == "true") == found.isEmpty } }
        if found.isEmpty { return mayBeMissing || quantifier == .all || quantifier == .one && comparison.isNegated }
        switch quantifier {
        case .all: return found.allSatisfy(fits)
        case .one, .any: return found.contains(where: fits)
        }
    }

    private func fits(_ value: String) -> Bool {
        wanted.contains { comparison.holds(value, $0) } != comparison.isNegated
    }
}
