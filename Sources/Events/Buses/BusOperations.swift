internal import API
internal import Core
internal import Storage

/// The operations on event buses, as in the EventBridge API.
struct BusOperations: Sendable {
    let database: Database
    let buses: BusDirectory
    let account: Account

    private static let busesMax = 1000

    var all: [Operation] {
        let name = Field.required("Name", .name(1...256, .busName))
        return [
            Operation(
                "events:CreateEventBus", "Creates an event bus.", .writes,
                input: [name, .optional("Description", .string(length: 0...512))], handler: create),
            Operation(
                "events:DeleteEventBus", "Deletes an event bus without rules.", .writes, input: [name], handler: delete),
            Operation(
                "events:DescribeEventBus", "Answers one event bus.", .reads,
                input: [.optional("Name", .string(length: 1...1600))], handler: describe),
            Operation(
                "events:ListEventBuses", "Lists event buses by name.", .reads,
                input: [
                    .optional("NamePrefix", .string(length: 1...256)),
                    .optional("NextToken", .string(length: 1...2048)),
                    .optional("Limit", .integer(1...100)),
                ], handler: list),
        ]
    }

    /// Loads the buses into the directory.
    func start() async throws {
        let names: [String] = try await database.read { transaction in
            try transaction.query("SELECT name FROM buses") { try $0[0] }
        }
        buses.replace(with: Set(names))
    }

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        if name.contains("/") {
            throw ServiceError(.validation, "Event bus name must not contain '/'.")
        }
        guard buses.snapshot.name(of: name) == nil else {
            throw ServiceError(.resourceAlreadyExists, "Event bus \(name) already exists.")
        }
        let description = input["Description"]?.string
        try await database.write(context) { transaction in
            let count: Int? = try transaction.queryOne("SELECT count(*) FROM buses") { try $0[0] }
            guard (count ?? 0) < BusOperations.busesMax else {
                throw ServiceError(.limitExceeded, "The requested resource exceeds the maximum number allowed.")
            }
            try transaction.execute(
                "INSERT INTO buses (name, description, created) VALUES (?, ?, ?)", name, description, transaction.now)
            try transaction.audit("CreateEventBus", on: Subject(.bus, name), outcome: .success)
        }
        buses.insert(name)
        var output: JSON = ["EventBusArn": .string(arn(name))]
        output["Description"] = input["Description"]
        return output
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        if name == BusDirectory.defaultBus {
            throw ServiceError(.validation, "Cannot delete event bus default.")
        }
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
            try transaction.audit("DeleteEventBus", on: Subject(.bus, name), outcome: .success)
        }
        buses.remove(name)
        return [:]
    }

    private func describe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let text = input["Name"]?.string ?? BusDirectory.defaultBus
        guard let name = buses.snapshot.name(of: text) else {
            throw ServiceError(.resourceNotFound, "Event bus \(text) does not exist.")
        }
        let description: String?? = try await database.read { transaction in
            try transaction.queryOne("SELECT description FROM buses WHERE name = ?", name) { try $0[0] }
        }
        var output: JSON = ["Name": .string(name), "Arn": .string(arn(name))]
        output["Description"] = (description ?? nil).map { .string($0) }
        return output
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let prefix = input["NamePrefix"]?.string ?? ""
        let page = Page(buses.names.filter { $0.hasPrefix(prefix) }, by: { $0 }, input)
        var output: JSON = [
            "EventBuses": .array(page.items.map { ["Name": .string($0), "Arn": .string(arn($0))] })
        ]
        output["NextToken"] = page.nextToken
        return output
    }

    private func arn(_ name: String) -> String { account.arn("events", "event-bus/\(name)").description }
}
