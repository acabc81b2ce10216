internal import API
internal import Core

/// Keeps the events of one bus that match a pattern, for a replay or a backtest.
/// - Source: `CreateArchive` of the EventBridge API, field by field.
struct Archive: Sendable, Hashable {
    /// Names what is kept: an archive made anew under an old name begins empty.
    let id: Identifier
    let name: String
    let bus: String
    var description: String?
    /// JSON text as it was given; nil for every event.
    var eventPattern: String?
    /// Days after which events are let go; 0 for never.
    var retentionDays = 0
    var keyIdentifier: String?
    let created: Timestamp
    /// Events after this place in the journal are kept.
    let startSequence: UInt64

    /// How much an archive holds.
    struct Contents: Sendable, Hashable {
        var eventCount = 0
        /// Bytes of the events' JSON texts.
        var sizeBytes = 0
    }

    func arn(in account: Account) -> ARN { account.arn("events", "archive/\(name)") }

    func busARN(in account: Account) -> ARN { account.arn("events", "event-bus/\(bus)") }

    var subject: Subject { Subject(.archive, name) }

    /// Events taken in before this instant are let go; nil where all stay.
    func expiry(at now: Timestamp) -> Timestamp? {
        retentionDays == 0 ? nil : now - .seconds(Int64(retentionDays) * 86_400)
    }

    /// What `CreateArchive` and `UpdateArchive` answer.
    func reference(in account: Account) -> JSON {
        [
            "ArchiveArn": .string(arn(in: account).description), "State": .string(Archive.state),
            "CreationTime": .string(created.millisecondDescription),
        ]
    }

    /// What `ListArchives` answers of each.
    func summary(_ contents: Contents, in account: Account) -> JSON {
        [
            "ArchiveName": .string(name), "EventSourceArn": .string(busARN(in: account).description),
            "State": .string(Archive.state), "RetentionDays": .integer(retentionDays),
            "SizeBytes": .integer(contents.sizeBytes), "EventCount": .integer(contents.eventCount),
            "CreationTime": .string(created.millisecondDescription),
        ]
    }

    /// What `DescribeArchive` answers.
    func json(_ contents: Contents, in account: Account) -> JSON {
        var json = summary(contents, in: account)
        json["ArchiveArn"] = .string(arn(in: account).description)
        json["Description"] = description.map { .string($0) }
        json["EventPattern"] = eventPattern.map { .string($0) }
        json["KmsKeyIdentifier"] = keyIdentifier.map { .string($0) }
        return json
    }

    /// An archive keeps events from the moment it exists until it is deleted: it has no other state.
    static let state = "ENABLED"
}

extension Archive {
    /// The rule as which `ListRules` shows the archive: what it keeps is what this pattern matches.
    ///
    /// It is not kept among the rules and makes no deliveries; it cannot be changed but by changing the archive.
    func managedRule(in account: Account) -> Rule {
        var pattern = eventPattern.flatMap { try? JSON(parsing: $0) } ?? [:]
        pattern["replay-name"] = [["exists": false]]
        return Rule(name: Archive.rulePrefix + name, bus: bus, eventPattern: pattern.text)
    }

    /// The target of the managed rule, as `ListTargetsByRule` shows it.
    func managedTarget(in account: Account) -> JSON {
        let template =
            #"{"archive-arn": "\#(arn(in: account))", "event": <aws.events.event.json>, "#
            + #""ingestion-time": <aws.events.event.ingestion-time>}"#
        return [
            "Id": .string(Archive.rulePrefix + name), "Arn": .string("arn:aws:events:\(account.region):::"),
            "InputTransformer": ["InputPathsMap": [:], "InputTemplate": .string(template)],
        ]
    }

    static let rulePrefix = "Events-Archive-"
    /// Who manages the rules of archives, as `ManagedBy` names it.
    static let ruleManager = "prod.vhs.events.aws.internal"
}
