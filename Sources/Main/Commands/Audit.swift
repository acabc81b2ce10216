internal import Core
internal import Platform
internal import Storage

extension Command {
    static let audit = Command(
        "audit", "Who did what, when and why; and proof that the record is whole.",
        subcommands: [listAudit, traceAudit, verifyAudit])

    private static let listAudit = Command(
        "list", "List audit records, or follow them.",
        discussion: "Times are RFC 3339, or how long ago: 15m, 2d.",
        examples: [
            Example("opsbus audit list --since 1h --outcome failure", "What failed in the last hour"),
            Example("opsbus audit list --kind automation --follow", "Watch what runbooks do"),
        ],
        options: [subject, kind, principal, action, outcome, since, until, limit, follow]
    ) { arguments, session in
        let filter: [(String, JSON?)] = [
            ("Subject", .text(arguments[subject])), ("Kind", .text(arguments[kind])),
            ("Principal", .text(arguments[principal])), ("Action", .text(arguments[action])),
            ("Outcome", .text(arguments[outcome])),
            ("Since", arguments[since].map { .string($0.millisecondDescription) }),
            ("Until", arguments[until].map { .string($0.millisecondDescription) }),
        ]
        let listing = AuditListing(
            filter: filter, limit: arguments[limit] ?? 100, connection: try session.connect(),
            output: session.output)
        guard arguments[follow] else {
            try await listing.print()
            return .success
        }
        return try await session.untilInterrupted {
            try await listing.follow()
            return .success
        }
    }

    private static let traceAudit = Command(
        "trace", "Show all that an event brought about, as a tree.",
        discussion:
            "From the event through rules, deliveries, runbooks and commands to the events that came of it. Each line "
            + "has the time since the first record. Anything else is shown as part of its event's tree.",
        examples: [
            Example("opsbus audit trace 6f0c53ad-1d1f-4c5a-9a55-7f3a4c9d2b11", "The tree of an event"),
            Example("opsbus audit trace 6f0c53ad-1d1f-4c5a-9a55-7f3a4c9d2b11 -o json", "The same for a program"),
            Example(
                "opsbus audit trace command/7f3a4c9d-2b11-4e01-9d5c-3b1f0c53ad1d", "Which event led to this command"),
        ],
        arguments: [traced]
    ) { arguments, session in
        let output = try await session.connect().call(
            "audit:Trace", ["Subject": .string(try arguments.required(traced))])
        session.output.result(output) {
            session.output.raw(TraceTree(root: output["Root"] ?? .null, style: session.output.style).text)
            if output["Truncated"] == true {
                session.output.remark("the tree is longer than the server answers; this is its beginning")
            }
        }
        return .success
    }

    private static let verifyAudit = Command(
        "verify", "Check the hash chains of the journal and of the audit log.",
        discussion: """
            The exit code is 0 only where both are whole; otherwise the first broken record is named. With --data the \
            files are read directly, with or without a server.
            """,
        examples: [
            Example("opsbus audit verify", "Ask the server"),
            Example("opsbus audit verify --data /var/lib/opsbus", "Check the files"),
        ],
        options: [data]
    ) { arguments, session in
        let report: JSON
        if let directory = arguments[data] {
            report = try Verification.run(
                journal: HealthCheck.journal(in: directory), database: HealthCheck.database(in: directory))
        } else {
            report = try await session.connect().call("audit:Verify", [:])
        }
        let isIntact = report["Intact"]?.bool ?? false
        session.output.result(report) {
            session.output.record(
                ["Journal", "Audit"].flatMap { part in
                    (report[part]?.object?.members ?? []).map { ("\(part).\($0.key)", $0.value.cell) }
                })
            let style = session.output.style
            if isIntact {
                session.output.line("\(style.good("intact")): no record was changed, removed or added")
            } else {
                session.output.line("\(style.bad("broken")): \(printable(report.cell("FirstBroken")))")
            }
        }
        return isIntact ? .success : .failure
    }

    private static let subject = Option("subject", "KIND/ID", .text, "Records about this, such as rule/file-drift.")
    private static let kind = Option(
        "kind", "KIND", .choice(Subject.Kind.allCases.map(\.rawValue)), "Records about things of this kind.")
    private static let principal = Option("principal", "NAME", .text, "What this principal did.")
    private static let action = Option("action", "NAME", .text, "Records of this action, such as PutRule.")
    private static let outcome = Option(
        "outcome", "OUTCOME", .choice(AuditOutcome.Kind.allCases.map(\.rawValue)),
        "How it went: started, success or failure.")
    private static let limit = Option("limit", short: "n", "N", .integer(1...1000), "The latest N records. [100]")
    private static let since = Option("since", "TIME", .time { SystemClock().now }, "Records from then on.")
    private static let until = Option("until", "TIME", .time { SystemClock().now }, "Records before then.")
    private static let follow = Flag("follow", short: "f", "Go on with new records as they are written, until ^C.")
    private static let traced = Argument(
        "ID", .text, "The id of an event, an automation execution or a command; or KIND/ID, as the audit log has it.")
    private static let data = Option("data", "DIR", .file, "Check the files of this data directory.")
}

/// Audit records page by page.
private struct AuditListing: Sendable {
    let filter: [(String, JSON?)]
    let limit: Int
    let connection: any Connection
    let output: Output

    /// How long the server holds a question for new records.
    private static let waitSeconds: JSON = 20

    /// Prints the latest, the newest last.
    func print() async throws {
        let page = try await latest()
        output.result(page) {
            var table = Table(["SEQUENCE", "TIME", "PRINCIPAL", "ACTION", "SUBJECT", "*OUTCOME", "CAUSE"])
            for record in (page["Records"]?.array ?? []).reversed() {
                table.add([
                    record.cell("Sequence"), record.cell("Time"), record.cell("Principal"), record.cell("Action"),
                    record.cell("Subject"), record.cell("Outcome"), record.cell("Cause"),
                ])
            }
            output.table(table, empty: "No records.")
        }
    }

    /// Prints the latest a line each, and then those to come until the task is cancelled.
    func follow() async throws {
        do {
            let page = try await latest()
            for record in (page["Records"]?.array ?? []).reversed() { show(record) }
            var after = page["NextSequence"] ?? 0
            while true {
                try Task.checkCancellation()
                let page = try await connection.call(
                    "audit:ListRecords",
                    input(
                        filter + [
                            ("AfterSequence", after), ("Limit", 1000), ("WaitTimeSeconds", AuditListing.waitSeconds),
                        ]))
                for record in page["Records"]?.array ?? [] { show(record) }
                after = page["NextSequence"] ?? after
            }
        } catch is CancellationError {
            // ^C is how following ends.
        }
    }

    private func latest() async throws -> JSON {
        try await connection.call(
            "audit:ListRecords", input(filter + [("Limit", .integer(limit)), ("NewestFirst", true)]))
    }

    private func show(_ record: JSON) {
        guard output.format == .table else { return output.jsonLine(record) }
        let cause = record.cell("Cause")
        output.line(
            "\(output.style.faint(record.cell("Time"))) \(printable(record.cell("Principal"))) "
                + "\(record.cell("Action")) \(output.style.heading(printable(record.cell("Subject")))) "
                + output.style.status(record.cell("Outcome"))
                + (cause.isEmpty ? "" : output.style.faint(" because of \(printable(cause))")))
    }
}
