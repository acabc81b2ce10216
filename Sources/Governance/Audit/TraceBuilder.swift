internal import API
internal import Core
internal import Storage

/// Draws the tree of causes below an event from the records that name one another.
struct TraceBuilder {
    let log: AuditLog
    let journal: any Journal

    /// Things shown in one trace; a larger one ends there and says so.
    private static let nodesMax = 2000

    private struct Progress {
        var visited: Set<Subject> = []
        var isTruncated = false
    }

    /// - Throws: `ServiceError` `.resourceNotFound` for an event that neither journal nor audit log knows.
    func trace(event text: String) async throws -> JSON {
        guard let identifier = Identifier(text) else {
            throw ServiceError(.validation, "EventId must be a UUID, not '\(text)'.")
        }
        let subject = Subject(.event, identifier.description)
        let event = try find(identifier)
        var progress = Progress()
        var root = try await node(subject, causedBy: nil, &progress)
        if event == nil && root["Records"]?.array?.isEmpty == true && root["Children"]?.array?.isEmpty == true {
            throw ServiceError(
                .resourceNotFound, "There is no event \(identifier): neither the journal nor the audit log knows it.")
        }
        root["Event"] = event
        return ["Root": root, "Truncated": .bool(progress.isTruncated)]
    }

    private func node(
        _ subject: Subject, causedBy parent: Subject?, _ progress: inout Progress
    ) async throws -> JSON {
        progress.visited.insert(subject)
        var filter = AuditFilter()
        filter.subject = subject
        // A delivery or a command has one cause, and its whole story belongs here; a topic or a log group has many.
        if !subject.kind.hasOneCause { filter.cause = parent }
        let records = try await log.list(filter)
        var children: [JSON] = []
        for child in try await childSubjects(of: subject) where !progress.visited.contains(child) {
            guard progress.visited.count < TraceBuilder.nodesMax else {
                progress.isTruncated = true
                break
            }
            children.append(try await node(child, causedBy: subject, &progress))
        }
        return [
            "Subject": .string(subject.description), "Records": .array(records.map(\.json)),
            "Children": .array(children),
        ]
    }

    /// What `subject` caused, in order of appearance.
    private func childSubjects(of subject: Subject) async throws -> [Subject] {
        var seen: Set<Subject> = []
        return try await log.children(of: subject).map(\.subject).filter { seen.insert($0).inserted }
    }

    /// The event as the journal has it: who put it where and when.
    private func find(_ identifier: Identifier) throws -> JSON? {
        var found: JSON?
        try journal.scan(after: journal.oldestSequence - 1, matching: Array(identifier.description.utf8)) { record in
            guard let entry = StreamEntry(record.body), entry.kind == .event, entry.eventID == identifier else {
                return true
            }
            var event: JSON = [
                "Sequence": .integer(record.sequence), "Time": .string(record.time.millisecondDescription),
                "EventBusName": .string(entry.bus), "Principal": .string(entry.principal.name),
                "Event": (try? JSON(parsing: entry.payload)) ?? .null,
            ]
            event["Cause"] = entry.cause.map { .string($0.description) }
            found = event
            return false
        }
        return found
    }
}

extension Subject.Kind {
    /// Whether all records about one such thing come from the same cause.
    fileprivate var hasOneCause: Bool {
        switch self {
        case .event, .delivery, .command, .invocation, .automation, .step: true
        case .rule, .bus, .topic, .document, .node, .key, .subscriber, .schedule, .operation, .log, .parameter: false
        }
    }
}
