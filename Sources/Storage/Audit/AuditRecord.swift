public import Core

/// How the thing recorded went.
public enum AuditOutcome: Sendable, Hashable {
    /// It began, and another record will tell how it went.
    case started
    case success
    /// It failed or was refused, with an error code as on the wire.
    case failure(String)

    /// The outcome without its code.
    public enum Kind: String, Sendable, CaseIterable { case started, success, failure }

    public var kind: Kind {
        switch self {
        case .started: .started
        case .success: .success
        case .failure: .failure
        }
    }

    /// As stored and shown: `started`, `success` or `failure:CODE`.
    public var text: String {
        switch self {
        case .started, .success: kind.rawValue
        case .failure(let code): AuditOutcome.failurePrefix + code
        }
    }

    static let failurePrefix = "failure:"
}

extension AuditOutcome: SQLConvertible {
    public var sqlValue: SQLValue { .text(text) }

    public init?(sqlValue: SQLValue) {
        guard case .text(let text) = sqlValue else { return nil }
        switch text {
        case "started": self = .started
        case "success": self = .success
        default:
            guard text.hasPrefix(AuditOutcome.failurePrefix) else { return nil }
            self = .failure(String(text.dropFirst(AuditOutcome.failurePrefix.count)))
        }
    }
}

/// One link of the audit chain: who did what to what, when, why, and how it went.
public struct AuditRecord: Sendable, Hashable {
    /// From 1, without gaps.
    public let sequence: Int64
    public let time: Timestamp
    public let principal: Principal
    /// The operation's name, such as `PutRule`.
    public let action: String
    public let subject: Subject
    /// The subject of the record that led to this one; nil where someone acted on their own account.
    public let cause: Subject?
    public let outcome: AuditOutcome
    /// What else there is to know; an object.
    public let detail: JSON
    /// Of this record and the hash before it.
    public let hash: Digest

    /// The record for people and programs: members in the order of the columns, the time in RFC 3339, the hash in
    /// hexadecimal; `Cause` is missing where there is none.
    public var json: JSON {
        var object = JSONObject()
        object.append("Sequence", .integer(sequence))
        object.append("Time", .string(time.millisecondDescription))
        object.append("Principal", .string(principal.name))
        object.append("Action", .string(action))
        object.append("Subject", .string(subject.description))
        if let cause { object.append("Cause", .string(cause.description)) }
        object.append("Outcome", .string(outcome.text))
        object.append("Detail", detail)
        object.append("Hash", .string(hash.description))
        return .object(object)
    }

    static let columns = "sequence, time, principal, action, subject, cause, outcome, detail, hash"

    /// - Parameter row: With `columns`.
    init(_ row: borrowing Row) throws(StorageError) {
        sequence = try row[0]
        time = try row[1]
        principal = try row[2]
        action = try row[3]
        subject = try row[4]
        cause = try row[5]
        outcome = try row[6]
        detail = try row[7]
        hash = try row[8]
    }
}
