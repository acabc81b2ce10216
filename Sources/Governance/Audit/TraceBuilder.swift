internal import API
internal import Core
internal import Storage

/// Draws the tree of causes below an event from the records that name one another.
struct TraceBuilder {
    let log: AuditLog
    let journal: any Journal

    /// Things shown in one trace; a larger one ends there and says so.
    private static let nodesMax = 2000
    /// Levels of the tree; each takes two of the answer's JSON, which must stay readable.
    private static let depthMax = Limits.jsonDepthMax / 2 - 8

    private struct Progress {
        var visited: Set<Subject> = []
        var isTruncated = false
    }

    /// - Parameter text: A subject, or the id alone of an event, an automation execution, a command or an execution.
    /// - Returns: The tree below an event, and below the event that led to anything else.
    /// - Throws: `ServiceError` `.resourceNotFound` for what neither journal nor audit log knows; `.validation`.
    func trace(_ text: String) async throws -> JSON {
        for subject in try TraceBuilder.candidates(text) {
            let origin = try await self.origin(of: subject)
            let event = origin.kind == .event ? try Identifier(origin.identifier).flatMap(find) : nil
            var progress = Progress()
            var root = try await node(origin, causedBy: nil, depth: 1, &progress)
            if event == nil && root["Records"]?.array?.isEmpty == true && root["Children"]?.array?.isEmpty == true {
                continue
            }
            root["Event"] = event
            return ["Root": root, "Truncated": .bool(progress.isTruncated)]
        }
        throw ServiceError(.resourceNotFound, "Neither the journal nor the audit log knows \(text).")
    }

    /// What a text may stand for.
    private static func candidates(_ text: String) throws(ServiceError) -> [Subject] {
        if let identifier = Identifier(text)?.description {
            return [.event, .automation, .command, .execution].map { Subject($0, identifier) }
        }
        guard let subject = Subject(text) else {
            throw ServiceError(
                .validation,
                "Subject must be the id of an event, an automation execution or a command, or KIND/IDENTIFIER, not "
                    + "'\(text)'.")
        }
        return [subject]
    }

    /// Climbs from cause to cause, up to an event, a firing of a schedule or a run of a pipe, or to where there is no
    /// cause.
    private func origin(of subject: Subject) async throws -> Subject {
        var origin = subject
        var climbed: Set<Subject> = []
        while ![.event, .execution].contains(origin.kind), climbed.insert(origin).inserted,
            climbed.count < TraceBuilder.nodesMax
        {
            var filter = AuditFilter()
            filter.subject = origin
            filter.limit = 1
            guard let cause = try await log.list(filter).first?.cause else { break }
            origin = cause
        }
        return origin
    }

    private func node(
        _ subject: Subject, causedBy parent: Subject?, depth: Int, _ progress: inout Progress
    ) async throws -> JSON {
        progress.visited.insert(subject)
        var filter = AuditFilter()
        filter.subject = subject
        // A delivery or a command has one cause, and its whole story belongs here; a topic or a log group has many.
        if !subject.kind.hasOneCause { filter.cause = parent }
        let records = try await log.list(filter)
        var children: [JSON] = []
        for child in try await childSubjects(of: subject) where !progress.visited.contains(child) {
            guard progress.visited.count < TraceBuilder.nodesMax, depth < TraceBuilder.depthMax else {
                progress.isTruncated = true
                break
            }
            children.append(try await node(child, causedBy: subject, depth: depth + 1, &progress))
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
        case .event, .delivery, .execution, .command, .invocation, .automation, .step, .replay: true
        case .rule, .bus, .topic, .queue, .document, .node, .key, .subscriber, .schedule, .pipe, .operation, .log,
            .function, .parameter, .state, .connection, .destination, .archive:
            false
        }
    }
}
