internal import Core
internal import Storage

/// One event on its way to one target, with all its attempts.
struct Delivery: Sendable {
    /// The event's place in the journal.
    var sequence: UInt64
    var bus: String
    var rule: String
    var target: String
    var eventID: Identifier
    /// Attempts made so far.
    var attempts: Int
    /// When the event was taken in.
    var created: Timestamp
    /// When the next attempt is due.
    var due: Timestamp
    /// The event; nil while it is only in the journal.
    var entry: StreamEntry?
    /// Whether it has waited for its turn at a rate already.
    var hasTurn = false
    /// What makes the event a repeat to its rule; known only when the delivery is decided.
    var occurrence: Occurrence?

    struct Key: Hashable {
        let sequence: UInt64
        let rule: String
        let target: String
    }

    var key: Key { Key(sequence: sequence, rule: rule, target: target) }

    var ruleKey: RuleCatalog.Key { RuleCatalog.Key(bus: bus, name: rule) }

    /// What the audit log, the dead-letter queue and clients call it.
    ///
    /// A replay makes deliveries of its own: its name tells them from those of the event itself.
    var identifier: String {
        let identifier = "\(eventID)/\(bus)/\(rule)/\(target)"
        return entry?.replay.map { "\(identifier)/\($0)" } ?? identifier
    }

    /// What targets know it by: they take one token once. Records of a bus's log join by it.
    var invocationID: Identifier { TargetCall.token(of: identifier) }

    var subject: Subject { Subject(.delivery, identifier) }

    var eventSubject: Subject {
        entry?.replay.map { Replay.subject($0, eventID) } ?? Subject(.event, eventID.description)
    }
}
