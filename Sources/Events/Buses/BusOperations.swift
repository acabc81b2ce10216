internal import API
internal import Core
internal import Storage

/// The operations on event buses, as in the EventBridge API.
struct BusOperations: Sendable {
    let database: Database
    let buses: BusDirectory
    let account: Account

    private static let busesMax = 1000

    private static let settings: [Field] = [
        .optional("Description", .string(length: 0...512)),
        .optional("KmsKeyIdentifier", .string(length: 0...2048, pattern: #"[a-zA-Z0-9_\-/:]*"#)),
        .optional("DeadLetterConfig", .structure([.optional("Arn", .string(length: 1...1600))])),
        .optional(
            "LogConfig",
            .structure([
                .optional("IncludeDetail", .string(values: ["NONE", "FULL"])),
                .optional("Level", .string(values: LogLevel.allCases.map(\.rawValue))),
            ])),
    ]
    private static let settingsAnswered = settings
    private static let partnerName = Shape.string(
        length: 1...256, pattern: #"aws\.partner(/[\.\-_A-Za-z0-9]+){2,}"#)

    var all: [Operation] {
        let name = Field.required("Name", .name(1...256, .busName))
        let times: [Field] = [.optional("CreationTime", .timestamp), .optional("LastModifiedTime", .timestamp)]
        return [
            Operation(
                "events:CreateEventBus",
                "Creates an event bus. LogConfig: its log is /aws/vendedlogs/events/event-bus/NAME.", .writes,
                input: [name, .optional("EventSourceName", BusOperations.partnerName)] + BusOperations.settings
                    + [.optional("Tags", ResourceTags.shape)],
                output: [.optional("EventBusArn", .string())] + BusOperations.settingsAnswered, handler: create),
            Operation(
                "events:UpdateEventBus", "Changes the settings of an event bus.", .writes,
                input: [.optional("Name", .name(1...256, .busName))] + BusOperations.settings,
                output: [.optional("Arn", .string()), .optional("Name", .string())] + BusOperations.settingsAnswered,
                handler: update),
            Operation(
                "events:DeleteEventBus", "Deletes an event bus without rules.", .writes, input: [name],
                handler: delete),
            Operation(
                "events:DescribeEventBus", "Answers one event bus.", .reads,
                input: [.optional("Name", RuleOperations.bus)],
                output: [.optional("Name", .string()), .optional("Arn", .string()), .optional("Policy", .string())]
                    + BusOperations.settingsAnswered + times, handler: describe),
            Operation(
                "events:ListEventBuses", "Lists event buses by name.", .reads,
                input: [
                    .optional("NamePrefix", .name(1...256, .busName)),
                    .optional("NextToken", .string(length: 1...2048)),
                    .optional("Limit", .integer(1...100)),
                ],
                output: [
                    .optional("EventBuses", .list(.structure([]))), .optional("NextToken", .string()),
                ], handler: list),
        ]
    }

    /// Loads the buses into the directory.
    func start() async throws {
        let buses = try await database.maintain { transaction in
            try transaction.execute(
                "INSERT INTO buses (name, created) VALUES (?, ?) ON CONFLICT DO NOTHING", BusDirectory.defaultBus,
                transaction.now)
            return try BusStore.all(transaction.reading)
        }
        self.buses.replace(with: buses)
    }

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        if let source = input["EventSourceName"]?.string {
            // The sources of partners come from AWS: there is none here.
            throw ServiceError(.resourceNotFound, "Event source \(source) does not exist.")
        }
        if name.contains("/") {
            throw ServiceError(.validation, "Event bus name must not contain '/'.")
        }
        guard buses.snapshot.name(of: name) == nil else { throw BusOperations.exists(name) }
        let tags = try ResourceTags(input["Tags"])
        let arn = arn(name)
        let bus = try await database.write(context) { transaction in
            let count: Int? = try transaction.queryOne("SELECT count(*) FROM buses") { try $0[0] }
            guard (count ?? 0) < BusOperations.busesMax else {
                throw ServiceError(.limitExceeded, "The requested resource exceeds the maximum number allowed.")
            }
            if try BusStore.find(name, transaction.reading) != nil { throw BusOperations.exists(name) }
            var bus = EventBus(name: name, created: transaction.now, modified: transaction.now)
            bus.set(input)
            try BusStore.put(bus, transaction)
            try TagStore.add(tags, to: arn, transaction)
            try transaction.audit("CreateEventBus", on: Subject(.bus, name), outcome: .success)
            return bus
        }
        buses.put(bus)
        var output = bus.settings
        output["EventBusArn"] = .string(arn)
        return output
    }

    private static func exists(_ name: String) -> ServiceError {
        ServiceError(.resourceAlreadyExists, "Event bus \(name) already exists.")
    }

    private func update(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let bus = try await change(try buses.resolve(input, "Name"), "UpdateEventBus", context) { $0.set(input) }
        var output = bus.settings
        output["Name"] = .string(bus.name)
        output["Arn"] = .string(arn(bus.name))
        return output
    }

    /// Changes one existing bus.
    func change(
        _ name: String, _ action: String, _ context: OperationContext,
        _ edit: @escaping @Sendable (inout EventBus) throws -> Void
    ) async throws -> EventBus {
        let bus = try await database.write(context) { transaction in
            guard var bus = try BusStore.find(name, transaction.reading) else {
                throw ServiceError(.resourceNotFound, "Event bus \(name) does not exist.")
            }
            try edit(&bus)
            bus.modified = transaction.now
            try BusStore.put(bus, transaction)
            var detail = bus.settings
            detail["Policy"] = bus.policy.map { .string($0) }
            try transaction.audit(action, on: Subject(.bus, name), outcome: .success, detail: detail)
            return bus
        }
        buses.put(bus)
        return bus
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        if name == BusDirectory.defaultBus {
            throw ServiceError(.validation, "Cannot delete event bus default.")
        }
        let arn = arn(name)
        try await database.write(context) { transaction in
            let hasRules = try transaction.queryOne("SELECT 1 FROM rules WHERE bus = ? LIMIT 1", name) { _ in true }
            guard hasRules == nil else {
                throw ServiceError(.validation, "Event bus \(name) can't be deleted since it has rules.")
            }
            let archive: String? = try transaction.queryOne("SELECT name FROM archives WHERE bus = ?", name) {
                try $0[0]
            }
            if let archive {
                throw ServiceError(
                    .validation, "Event bus \(name) can't be deleted since the archive \(archive) keeps its events.")
            }
            try transaction.execute("DELETE FROM buses WHERE name = ?", name)
            try TagStore.removeAll(of: arn, transaction)
            try transaction.audit("DeleteEventBus", on: Subject(.bus, name), outcome: .success)
        }
        buses.remove(name)
        return [:]
    }

    private func describe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try buses.resolve(input, "Name")
        guard let bus = try await database.read({ try BusStore.find(name, $0) }) else {
            throw ServiceError(.resourceNotFound, "Event bus \(name) does not exist.")
        }
        var output: JSON = ["Name": .string(name), "Arn": .string(arn(name))]
        for member in bus.settings.object ?? JSONObject() { output[member.key] = member.value }
        output["Policy"] = bus.policy.map { .string($0) }
        output["CreationTime"] = .string(bus.created.millisecondDescription)
        output["LastModifiedTime"] = .string(bus.modified.millisecondDescription)
        return output
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let prefix = input["NamePrefix"]?.string ?? ""
        let (all, files) = try await database.read { (try BusStore.all($0), try FileResource.files(of: .bus, $0)) }
        let page = Page(all.filter { $0.name.hasPrefix(prefix) }, by: \.name, input)
        var output: JSON = [
            "EventBuses": .array(
                page.items.map { bus in
                    var json: JSON = ["Name": .string(bus.name), "Arn": .string(arn(bus.name))]
                    json["Description"] = bus.description.map { .string($0) }
                    json["Policy"] = bus.policy.map { .string($0) }
                    json["ManagedBy"] = files[bus.name].map { .string("file:\($0)") }
                    return json
                })
        ]
        output["NextToken"] = page.nextToken
        return output
    }

    private func arn(_ name: String) -> String { buses.snapshot.arn(of: name) }
}
