internal import API
internal import Core

/// The operations on archives, as in the EventBridge API.
struct ArchiveOperations: Sendable {
    let archiver: Archiver
    let blocks: ArchiveBlocks
    let buses: BusDirectory
    let account: Account
    let clock: @Sendable () -> Timestamp

    /// Of a bus or of an archive.
    static let arn = Shape.string(
        length: 1...1600, pattern: #"^arn:aws([a-z]|\-)*:events:([a-z]|\d|\-)*:([0-9]{12})?:.+\/.+$"#)
    private static let archiveName = Field.required("ArchiveName", .name(1...48, .resourceName))
    private static let states = ["ENABLED", "DISABLED", "CREATING", "UPDATING", "CREATE_FAILED", "UPDATE_FAILED"]
    private static let settings: [Field] = [
        .optional("Description", .string(length: 0...512, pattern: ".*")),
        .optional("EventPattern", .string(length: 0...Limits.eventPatternBytesMax)),
        .optional("RetentionDays", .integer(0...Int(Int32.max))),
        .optional("KmsKeyIdentifier", .string(length: 0...2048, pattern: #"^[a-zA-Z0-9_\-/:]*$"#)),
    ]
    private static let reference: [Field] = [
        .optional("ArchiveArn", .string()), .optional("State", .string()), .optional("StateReason", .string()),
        .optional("CreationTime", .timestamp),
    ]
    private static let summary: [Field] = [
        .optional("ArchiveName", .string()), .optional("EventSourceArn", .string()), .optional("State", .string()),
        .optional("StateReason", .string()), .optional("RetentionDays", .integer()),
        .optional("SizeBytes", .integer()), .optional("EventCount", .integer()), .optional("CreationTime", .timestamp),
    ]

    var all: [Operation] {
        [
            Operation(
                "events:CreateArchive", "Creates an archive, which keeps the events of a bus from now on.", .writes,
                input: [ArchiveOperations.archiveName, .required("EventSourceArn", ArchiveOperations.arn)]
                    + ArchiveOperations.settings,
                output: ArchiveOperations.reference, handler: { try await create($0, $1) }),
            Operation(
                "events:DescribeArchive", "Answers one archive, and how much it holds at this moment.", .reads,
                input: [ArchiveOperations.archiveName],
                output: ArchiveOperations.summary + [
                    .optional("ArchiveArn", .string()), .optional("Description", .string()),
                    .optional("EventPattern", .string()), .optional("KmsKeyIdentifier", .string()),
                ], handler: { input, _ in try await describe(input) }),
            Operation(
                "events:ListArchives", "Lists archives by name, and how much they hold at this moment.", .reads,
                input: [
                    .optional("NamePrefix", .name(1...48, .resourceName)),
                    .optional("EventSourceArn", ArchiveOperations.arn),
                    .optional("State", .string(values: ArchiveOperations.states)),
                    .optional("NextToken", .string(length: 1...2048)), .optional("Limit", .integer(1...100)),
                ],
                output: [
                    .optional("Archives", .list(.structure(ArchiveOperations.summary))),
                    .optional("NextToken", .string()),
                ], handler: { input, _ in try await list(input) }),
            Operation(
                "events:UpdateArchive", "Changes an archive's pattern, retention or description from now on.", .writes,
                input: [ArchiveOperations.archiveName] + ArchiveOperations.settings,
                output: ArchiveOperations.reference, handler: { try await update($0, $1) }),
            Operation(
                "events:DeleteArchive", "Deletes an archive with all that it holds.", .writes,
                input: [ArchiveOperations.archiveName], handler: { try await delete($0, $1) }),
        ]
    }

    static func noArchive(_ name: String) -> ServiceError {
        ServiceError(.resourceNotFound, "Archive \(name) does not exist.")
    }

    // MARK: Changing

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["ArchiveName"]?.string ?? ""
        let bus = try bus(input["EventSourceArn"]?.string ?? "", parameter: "EventSourceArn")
        _ = try RuleCatalog.compile(input["EventPattern"]?.string)
        let now = clock()
        let archive = try await archiver.change(name, "CreateArchive", context) { existing, sequence, identifier in
            guard existing == nil else {
                throw ServiceError(.resourceAlreadyExists, "Archive \(name) already exists.")
            }
            return Archive(
                id: identifier, name: name, bus: bus, description: input["Description"]?.string,
                eventPattern: input["EventPattern"]?.string, retentionDays: input["RetentionDays"]?.int ?? 0,
                keyIdentifier: input["KmsKeyIdentifier"]?.string, created: now, startSequence: sequence)
        }
        return archive?.reference(in: account) ?? [:]
    }

    private func update(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["ArchiveName"]?.string ?? ""
        // An empty one stands for none: every event is kept.
        let pattern = input["EventPattern"]?.string.map { $0.isEmpty ? nil : $0 }
        _ = try RuleCatalog.compile(pattern ?? nil)
        let archive = try await archiver.change(name, "UpdateArchive", context) { existing, _, _ in
            guard var archive = existing else { throw ArchiveOperations.noArchive(name) }
            guard input.object?.count ?? 0 > 1 else {
                throw ServiceError(
                    .validation, "Parameter(s) EventPattern, RetentionDays or Description must be specified.")
            }
            if let description = input["Description"]?.string { archive.description = description }
            if let pattern { archive.eventPattern = pattern }
            if let days = input["RetentionDays"]?.int { archive.retentionDays = days }
            if let key = input["KmsKeyIdentifier"]?.string { archive.keyIdentifier = key }
            return archive
        }
        return archive?.reference(in: account) ?? [:]
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["ArchiveName"]?.string ?? ""
        _ = try await archiver.change(name, "DeleteArchive", context) { existing, _, _ in
            guard existing != nil else { throw ArchiveOperations.noArchive(name) }
            return nil
        }
        return [:]
    }

    private func bus(_ arn: String, parameter: String) throws(ServiceError) -> String {
        try buses.resolve(arn: arn, parameter: parameter)
    }

    // MARK: Reading

    private func describe(_ input: JSON) async throws -> JSON {
        let archive = try await archive(input)
        try await archiver.catchUp()
        let contents = try await blocks.contents(of: [archive])
        return archive.json(contents[archive.id] ?? Archive.Contents(), in: account)
    }

    private func archive(_ input: JSON) async throws(ServiceError) -> Archive {
        let name = input["ArchiveName"]?.string ?? ""
        guard let archive = await archiver.archives[name] else { throw ArchiveOperations.noArchive(name) }
        return archive
    }

    private func list(_ input: JSON) async throws -> JSON {
        try ListFilter.check(input, "ListArchives")
        let prefix = input["NamePrefix"]?.string ?? ""
        let source = input["EventSourceArn"]?.string
        let state = input["State"]?.string ?? Archive.state
        let archives = await archiver.archives.values.filter { archive in
            archive.name.hasPrefix(prefix) && state == Archive.state
                && (source == nil || source == archive.busARN(in: account).description)
        }
        try await archiver.catchUp()
        let page = Page(archives, by: \.name, input)
        let contents = try await blocks.contents(of: page.items)
        var output: JSON = [
            "Archives": .array(
                page.items.map { $0.summary(contents[$0.id] ?? Archive.Contents(), in: account) })
        ]
        output["NextToken"] = page.nextToken
        return output
    }
}

/// Lists of archives and replays take one filter at a time.
enum ListFilter {
    static func check(_ input: JSON, _ operation: String) throws(ServiceError) {
        guard ["State", "EventSourceArn", "NamePrefix"].count(where: { input[$0] != nil }) > 1 else { return }
        throw ServiceError(
            .validation,
            "At most one filter is allowed for \(operation). Use either : State, EventSourceArn, or NamePrefix.")
    }
}

extension BusDirectory {
    /// The bus that an ARN names.
    /// - Throws: `ServiceError` `.validation` for what is no bus's ARN, `.resourceNotFound`.
    func resolve(arn text: String, parameter: String) throws(ServiceError) -> String {
        guard let name = ARN(text)?.name(ofType: "event-bus") else {
            throw ServiceError(
                .validation, "Parameter \(parameter) is not valid. Reason: Must contain an event bus ARN.")
        }
        guard let bus = snapshot.name(of: text) else {
            throw ServiceError(.resourceNotFound, "Event bus \(name) does not exist.")
        }
        return bus
    }
}
