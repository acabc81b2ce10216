internal import Core

/// The inputs of `aws:branch`: conditions in order, each with the step to go to.
struct Branch {
    struct Target {
        var name: String
        var position: TextPosition
    }

    struct Choice {
        var next: Target
        var condition: Condition
    }

    let choices: [Choice]
    let defaultStep: Target?

    var targets: [Target] { choices.map(\.next) + (defaultStep.map { [$0] } ?? []) }

    init(reading inputs: Node, owner: String) throws(DocumentError) {
        var choices: [Choice] = []
        let list = try inputs.required("Choices", of: owner)
        for node in try list.list("Choices of \(owner)") {
            let place = "a choice of \(owner)"
            let next = try node.required("NextStep", of: place)
            let target = Target(name: try next.text("NextStep"), position: next.position)
            choices.append(Choice(next: target, condition: try Condition(reading: node, place, ignoring: "NextStep")))
        }
        guard !choices.isEmpty else { throw DocumentError(.content, "Choices must not be empty", at: list.position) }
        self.choices = choices
        defaultStep = try inputs.present("Default").map { node throws(DocumentError) in
            Target(name: try node.text("Default of \(owner)"), position: node.position)
        }
    }

    /// The step to go to: that of the first condition that holds, else the default; nil where there is none.
    /// - Throws: `DocumentError` where a reference is unresolved or a value does not fit its operator.
    func target(_ resolve: (JSON) throws(DocumentError) -> JSON) throws(DocumentError) -> String? {
        for choice in choices where try choice.condition.holds(resolve) { return choice.next.name }
        return defaultStep?.name
    }
}

/// A comparison, or comparisons joined by `And`, `Or` and `Not`.
indirect enum Condition {
    case comparison(variable: JSON, Comparison, value: JSON)
    case all([Condition])
    case any([Condition])
    case not(Condition)

    enum Comparison: String, CaseIterable {
        case stringEquals = "StringEquals"
        case equalsIgnoreCase = "EqualsIgnoreCase"
        case startsWith = "StartsWith"
        case endsWith = "EndsWith"
        case contains = "Contains"
        case numericEquals = "NumericEquals"
        case numericGreater = "NumericGreater"
        case numericLesser = "NumericLesser"
        case numericGreaterOrEquals = "NumericGreaterOrEquals"
        case numericLesserOrEquals = "NumericLesserOrEquals"
        case booleanEquals = "BooleanEquals"
    }

    init(reading node: Node, _ owner: String, ignoring ignored: String? = nil) throws(DocumentError) {
        let members = try node.map(owner).filter { $0.key != ignored }
        if let joint = members.first(where: { ["And", "Or", "Not"].contains($0.key) }) {
            guard members.count == 1 else {
                let keys = members.map(\.key).joined(separator: ", ")
                throw DocumentError(
                    .content, "\(owner) needs exactly one condition, not several: \(keys)", at: members[1].keyPosition)
            }
            switch joint.key {
            case "And": self = .all(try Self.list(joint.value, "And of \(owner)"))
            case "Or": self = .any(try Self.list(joint.value, "Or of \(owner)"))
            default: self = .not(try Condition(reading: joint.value, "Not of \(owner)"))
            }
            return
        }
        let variable = try node.required("Variable", of: owner)
        let operators = members.filter { $0.key != "Variable" }
        guard operators.count == 1, let comparison = Comparison(rawValue: operators[0].key) else {
            let known = Comparison.allCases.map(\.rawValue).joined(separator: ", ")
            throw DocumentError(
                .content, "\(owner) needs, beside Variable, exactly one of \(known)",
                at: operators.first?.keyPosition ?? node.position)
        }
        self = .comparison(variable: variable.json, comparison, value: operators[0].value.json)
    }

    private static func list(_ node: Node, _ owner: String) throws(DocumentError) -> [Condition] {
        var conditions: [Condition] = []
        for element in try node.list(owner) { conditions.append(try Condition(reading: element, owner)) }
        guard !conditions.isEmpty else {
            throw DocumentError(.content, "\(owner) must not be empty", at: node.position)
        }
        return conditions
    }

    func holds(_ resolve: (JSON) throws(DocumentError) -> JSON) throws(DocumentError) -> Bool {
        switch self {
        case .all(let conditions):
            for condition in conditions where try !condition.holds(resolve) { return false }
            return true
        case .any(let conditions):
            for condition in conditions where try condition.holds(resolve) { return true }
            return false
        case .not(let condition): return try !condition.holds(resolve)
        case .comparison(let variable, let comparison, let value):
            return try comparison.holds(try resolve(variable), try resolve(value))
        }
    }
}

extension Condition.Comparison {
    func holds(_ left: JSON, _ right: JSON) throws(DocumentError) -> Bool {
        switch self {
        case .stringEquals: return try text(left) == text(right)
        case .equalsIgnoreCase: return try text(left).lowercased() == text(right).lowercased()
        case .startsWith: return try text(left).utf8.starts(with: text(right).utf8)
        case .endsWith: return try text(left).utf8.reversed().starts(with: text(right).utf8.reversed())
        case .contains: return try text(left).contains(text(right))
        case .numericEquals: return try number(left) == number(right)
        case .numericGreater: return try number(left) > number(right)
        case .numericLesser: return try number(left) < number(right)
        case .numericGreaterOrEquals: return try number(left) >= number(right)
        case .numericLesserOrEquals: return try number(left) <= number(right)
        case .booleanEquals: return try flag(left) == flag(right)
        }
    }

    private func text(_ value: JSON) throws(DocumentError) -> String {
        guard let text = value.string else { throw mismatch(value, "strings") }
        return text
    }

    private func number(_ value: JSON) throws(DocumentError) -> Double {
        guard let number = value.double else { throw mismatch(value, "numbers") }
        return number
    }

    private func flag(_ value: JSON) throws(DocumentError) -> Bool {
        guard let flag = value.bool ?? value.string.flatMap(Bool.init(spelled:)) else {
            throw mismatch(value, "booleans")
        }
        return flag
    }

    private func mismatch(_ value: JSON, _ wanted: String) -> DocumentError {
        DocumentError(.type, "\(rawValue) compares \(wanted), not the \(value.typeName) \(value.text.prefix(60))")
    }
}
