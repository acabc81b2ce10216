internal import API
internal import Core
internal import Platform
internal import Storage

/// The questions that can be asked of the audit log; operations of our own.
struct AuditOperations: Sendable {
    let log: AuditLog
    let journal: any Journal
    let clock: any Clock
    let verify: @Sendable () async throws -> JSON

    var all: [Operation] {
        [
            Operation(
                "audit:ListRecords", "Lists audit records.", .reads,
                input: [
                    .optional("Subject", .string(length: 1...2048)),
                    .optional("Kind", .string(values: Subject.Kind.allCases.map(\.rawValue))),
                    .optional("Cause", .string(length: 1...2048)), .optional("Principal", .string(length: 1...256)),
                    .optional("Action", .string(length: 1...256)),
                    .optional("Outcome", .string(values: AuditOutcome.Kind.allCases.map(\.rawValue))),
                    .optional("Since", .timestamp), .optional("Until", .timestamp),
                    .optional("AfterSequence", .integer(0...Int.max)), .optional("Limit", .integer(1...1000)),
                    .optional("NewestFirst", .boolean), .optional("WaitTimeSeconds", .integer(0...20)),
                ], handler: list),
            Operation(
                "audit:Trace", "Answers the tree of causes and effects that something is part of.", .reads,
                input: [.required("Subject", .string(length: 1...2048))],
                handler: { input, _ in
                    try await TraceBuilder(log: log, journal: journal).trace(input["Subject"]?.string ?? "")
                }),
            Operation(
                "audit:Verify", "Checks the hash chains of journal and audit log.", .reads,
                handler: { _, _ in try await verify() }),
        ]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        func subject(_ member: String) throws(ServiceError) -> Subject? {
            guard let text = input[member]?.string else { return nil }
            guard let subject = Subject(text) else {
                let kinds = Subject.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                throw ServiceError(.validation, "\(member) must be KIND/IDENTIFIER, where KIND is one of: \(kinds).")
            }
            return subject
        }
        var filter = AuditFilter()
        filter.subject = try subject("Subject")
        filter.cause = try subject("Cause")
        filter.subjectKind = input["Kind"]?.string.flatMap(Subject.Kind.init)
        filter.principal = input["Principal"]?.string.map(Principal.init)
        filter.action = input["Action"]?.string
        filter.outcome = input["Outcome"]?.string.flatMap(AuditOutcome.Kind.init)
        filter.since = input["Since"]?.timestamp
        filter.until = input["Until"]?.timestamp
        filter.after = input["AfterSequence"]?.int.map(Int64.init)
        filter.limit = input["Limit"]?.int ?? 100
        filter.newestFirst = input["NewestFirst"]?.bool ?? false
        let records = try await list(filter, waitingFor: input["WaitTimeSeconds"]?.int ?? 0)
        var output: JSON = ["Records": .array(records.map(\.json))]
        if let last = records.map(\.sequence).max() ?? filter.after { output["NextSequence"] = .integer(last) }
        return output
    }

    /// How often a call that waits looks for new records.
    private static let waitInterval = Duration.milliseconds(200)

    /// Whoever follows the log waits here for records, instead of asking again and again and so filling the log with
    /// questions. The question itself is no record to end the waiting.
    private func list(_ filter: AuditFilter, waitingFor seconds: Int) async throws -> [AuditRecord] {
        guard seconds > 0 else { return try await log.list(filter) }
        var filter = filter
        filter.excludedSubject = Subject(.operation, "audit:ListRecords")
        let end = clock.now + .seconds(seconds)
        var records = try await log.list(filter)
        while records.isEmpty, clock.now < end {
            try await clock.sleep(for: AuditOperations.waitInterval)
            records = try await log.list(filter)
        }
        return records
    }
}
