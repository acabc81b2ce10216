public import Core

/// Which records of the audit log are asked for; what is nil does not matter.
public struct AuditFilter: Sendable, Hashable {
    public var subject: Subject?
    public var subjectKind: Subject.Kind?
    /// Not records about this.
    public var excludedSubject: Subject?
    /// Records caused by this.
    public var cause: Subject?
    public var principal: Principal?
    /// An action's name, or the beginning of one followed by `*`.
    public var action: String?
    public var outcome: AuditOutcome.Kind?
    /// Not before this.
    public var since: Timestamp?
    /// Before this.
    public var until: Timestamp?
    /// Only records with a higher sequence: for following the log, and for the next page of an ascending list.
    public var after: Int64?
    /// Only records with a lower sequence: for the next page of a list with the newest first.
    public var before: Int64?
    /// Records at most.
    public var limit = 1000
    public var newestFirst = false

    public init() {}

    /// The query over `AuditRecord.columns` and its values.
    var query: (sql: String, values: [(any SQLConvertible)?]) {
        var conditions: [String] = []
        var values: [(any SQLConvertible)?] = []
        func require(_ condition: String, _ value: (any SQLConvertible)...) {
            conditions.append(condition)
            values.append(contentsOf: value.map(Optional.some))
        }
        if let subject { require("subject = ?", subject) }
        if let excludedSubject { require("subject <> ?", excludedSubject) }
        // The character after the slash bounds the range, so that the index on the subject serves.
        if let kind = subjectKind?.rawValue { require("subject >= ? AND subject < ?", "\(kind)/", "\(kind)0") }
        if let cause { require("cause = ?", cause) }
        if let principal { require("principal = ?", principal) }
        if let action {
            if action.hasSuffix("*") {
                let prefix = String(action.dropLast())
                require("substr(action, 1, ?) = ?", prefix.unicodeScalars.count, prefix)
            } else {
                require("action = ?", action)
            }
        }
        switch outcome {
        case .failure?:
            let prefix = AuditOutcome.failurePrefix
            require("substr(outcome, 1, ?) = ?", prefix.unicodeScalars.count, prefix)
        case let outcome?: require("outcome = ?", outcome.rawValue)
        case nil: break
        }
        if let since { require("time >= ?", since) }
        if let until { require("time < ?", until) }
        if let after { require("sequence > ?", after) }
        if let before { require("sequence < ?", before) }
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let order = newestFirst ? "DESC" : "ASC"
        values.append(limit)
        return ("SELECT \(AuditRecord.columns) FROM audit\(condition) ORDER BY sequence \(order) LIMIT ?", values)
    }
}
