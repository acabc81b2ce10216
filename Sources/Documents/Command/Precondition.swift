internal import Core

/// The `precondition` of a step: whether it runs on this node with these arguments.
///
/// Only `StringEquals` exists, and one argument must be `platformType` or hold a parameter: a comparison of two
/// constants is a mistake of the author, which fails the step rather than deciding it.
/// - Source: amazon-ssm-agent, `evaluatePreconditions`.
struct Precondition {
    enum Outcome: Equatable {
        case holds
        case skips(String)
        case fails(String)
    }

    private static let operatorName = "StringEquals"
    static let platformVariable = "platformType"

    let scope: CommandScope
    /// `Linux`, `MacOS` or `Windows`.
    let platform: String

    func evaluate(_ precondition: JSON?) -> Outcome {
        guard let precondition, !precondition.isNull else { return .holds }
        guard let operators = precondition.object else { return .fails("the precondition is no map") }
        for member in operators {
            guard member.key == Self.operatorName else {
                return .fails("the precondition has the unrecognized operator \"\(member.key)\"")
            }
            let arguments = (member.value.array ?? []).compactMap(\.string)
            guard arguments.count == 2, member.value.array?.count == 2 else {
                return .fails("the precondition StringEquals needs exactly two texts")
            }
            let outcome = compare(arguments[0], arguments[1])
            if outcome != .holds { return outcome }
        }
        return .holds
    }

    private func compare(_ left: String, _ right: String) -> Outcome {
        if left == right { return .fails("the precondition compares \"\(left)\" with itself") }
        let references = Template(left).references + Template(right).references
        if let reference = references.first(where: { $0.hasPrefix("ssm:") || $0.hasPrefix("ssm-secure:") }) {
            return .fails("the precondition may not refer to {{ \(reference) }}")
        }
        let hasParameter = references.contains { scope.parameters[$0] != nil }
        if left == Self.platformVariable || right == Self.platformVariable {
            if hasParameter { return .fails("the precondition may not compare platformType with a parameter") }
            let wanted = left == Self.platformVariable ? right : left
            guard wanted.lowercased() == platform.lowercased() else {
                return .skips("the step is for \(wanted), this node is \(platform)")
            }
            return .holds
        }
        guard hasParameter else {
            return .fails("at least one argument of the precondition must contain a parameter of the document")
        }
        let (leftText, rightText) = (resolved(left), resolved(right))
        return leftText == rightText
            ? .holds : .skips("the precondition does not hold: \"\(leftText)\" is not \"\(rightText)\"")
    }

    private func resolved(_ text: String) -> String { scope.resolve(.string(text)).insertedText }
}
