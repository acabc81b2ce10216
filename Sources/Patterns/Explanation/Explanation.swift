/// What a pattern made of an event, field by field.
public struct Explanation: Hashable, Sendable, CustomStringConvertible {
    /// One way through the `$or` members of the pattern; a pattern without `$or` has one.
    public struct Branch: Hashable, Sendable {
        /// The members taken, such as `detail.$or[1]`; empty without `$or`.
        public let label: String
        public let matches: Bool
        /// In order of path.
        public let fields: [Field]

        /// Every field matches by itself, but no one element of the arrays they share satisfies them together.
        public var isSpreadOverElements: Bool { !matches && fields.allSatisfy(\.matches) }
    }

    /// The list at one leaf of the pattern.
    public struct Field: Hashable, Sendable {
        /// Keys joined by dots.
        public let path: String
        /// Whether any alternative does.
        public let matches: Bool
        /// At least one, in the order written.
        public let alternatives: [Alternative]
        /// In the event's order, the first `valuesMax` of them.
        public let values: [Value]
        public let valueCount: Int
        /// What stands there instead where there is no value: `an object`, `an empty array`, or nil for nothing.
        public let instead: String?

        public static let valuesMax = 8
    }

    /// A value that stands at a path.
    public struct Value: Hashable, Sendable {
        /// Where: the path, with the index in each array on the way, such as `detail.tags[1].key`.
        public let place: String
        /// As JSON text.
        public let text: String
    }

    /// One member of the list.
    public struct Alternative: Hashable, Sendable {
        /// `equals` for a literal, else the operator's key.
        public let operatorName: String
        /// Literal or operand as JSON text.
        public let operand: String
        public let matches: Bool
    }

    /// 1 to `Limits.orConjunctionsMax`.
    public let branches: [Branch]

    /// Whether the event matches: whether some branch does.
    public var matches: Bool { branches.contains(where: \.matches) }

    /// The branch to look at: the first that matches, else the first of those with fewest fields that do not.
    public var decisiveBranch: Branch {
        if let matching = branches.first(where: \.matches) { return matching }
        // There is always a branch.
        return branches.min { $0.failures < $1.failures } ?? Branch(label: "", matches: false, fields: [])
    }

    /// A sentence that names the first path and operator that failed and what was found, then a line for each field.
    public var description: String {
        let branch = decisiveBranch
        let place = branch.label.isEmpty ? "" : " in \(branch.label)"
        var lines: [String] = []
        if matches {
            lines.append("matches\(place)")
        } else if let failed = branch.fields.first(where: { !$0.matches }) {
            lines.append("does not match\(place): \(failed.failure)")
        } else {
            lines.append("does not match\(place): each field matches, but not within the same element of an array")
        }
        for field in branch.fields {
            lines.append("  \(field.matches ? "✓" : "✗") \(field.path): \(field.demand); found \(field.finding)")
        }
        if branches.count > 1 { lines.append("  (the nearest of \(branches.count) combinations of $or members)") }
        return lines.joined(separator: "\n")
    }
}

extension Explanation.Branch {
    fileprivate var failures: Int { fields.count { !$0.matches } }
}

extension Explanation.Field {
    /// `at detail.state, equals "stopped" failed; found "running"`.
    fileprivate var failure: String { "at \(path), \(demand) failed; found \(finding)" }

    fileprivate var demand: String {
        alternatives.map { "\($0.operatorName) \($0.operand)" }.joined(separator: " or ")
    }

    fileprivate var finding: String {
        if values.isEmpty { return instead.map { "\($0), which is no value" } ?? "nothing" }
        let more = valueCount - values.count
        let found = values.map { $0.place == path ? $0.text : "\($0.text) at \($0.place)" }
        return found.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}
