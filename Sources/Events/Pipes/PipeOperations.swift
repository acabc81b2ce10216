internal import API
internal import Core
internal import Platform
internal import Storage

/// The operations on pipes, as in the EventBridge Pipes API.
struct PipeOperations: Sendable {
    let database: Database
    let director: PipeDirector
    let journal: any Journal
    let account: Account
    let clock: any Clock

    var all: [Operation] {
        let path = "/v1/pipes/{Name}"
        let (name, times) = (PipeFields.name, PipeFields.times)
        return [
            Operation(
                "pipes:CreatePipe", "Creates a pipe, which runs unless it is to be stopped.", .writes,
                input: [
                    name, PipeFields.source, .required("Target", PipeFields.target), PipeFields.role,
                    .optional("Tags", PipeFields.tags),
                ] + PipeFields.shared, output: times, route: Route(.post, path), handler: create),
            Operation(
                "pipes:UpdatePipe", "Changes the members given of a pipe; the others stay.", .writes,
                input: [name, .optional("Target", PipeFields.target), PipeFields.role] + PipeFields.shared,
                output: times, route: Route(.put, path), handler: update),
            Operation(
                "pipes:DescribePipe", "Answers one pipe.", .reads, input: [name], output: times,
                route: Route(.get, path), handler: describe),
            Operation(
                "pipes:DeletePipe", "Deletes a pipe.", .writes, input: [name], output: times,
                route: Route(.delete, path), handler: delete),
            Operation(
                "pipes:StartPipe", "Lets a pipe run.", .writes, input: [name], output: times,
                route: Route(.post, path + "/start"), handler: { try await setWanted(true, "StartPipe", $0, $1) }),
            Operation(
                "pipes:StopPipe", "Lets a pipe stop; what it has in its hands it brings to an end.", .writes,
                input: [name], output: times, route: Route(.post, path + "/stop"),
                handler: { try await setWanted(false, "StopPipe", $0, $1) }),
            Operation(
                "pipes:ListPipes", "Lists pipes by name.", .reads,
                input: [
                    .optional("NamePrefix", .name(1...64, .resourceName)),
                    .optional("DesiredState", PipeFields.state), .optional("CurrentState", PipeOperations.states),
                    .optional("SourcePrefix", .string(length: 1...1600)),
                    .optional("TargetPrefix", .string(length: 1...1600)),
                    .optional("NextToken", .string(length: 1...2048)), .optional("Limit", .integer(1...100)),
                ],
                output: [.optional("Pipes", .list(.structure(times)))],
                route: Route(.get, "/v1/pipes", query: PipeOperations.query), handler: list),
        ] + PipeTagOperations(database: database).all
    }

    private static let states = Shape.string(
        values: Pipe.State.allCases.map(\.rawValue) + [
            "CREATE_FAILED", "UPDATE_FAILED", "START_FAILED", "STOP_FAILED", "DELETE_FAILED",
            "CREATE_ROLLBACK_FAILED", "DELETE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED",
        ])
    private static let query = Dictionary(
        uniqueKeysWithValues: [
            "NamePrefix", "DesiredState", "CurrentState", "SourcePrefix", "TargetPrefix", "NextToken", "Limit",
        ].map { ($0, $0) })

    // MARK: Writing

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let definition = PipeOperations.definition(input)
        let plan = try PipePlan(definition, account: account)
        let now = clock.now
        let pipe = Pipe(
            name: name, definition: definition, tags: input["Tags"]?.object ?? JSONObject(),
            isWanted: input["DesiredState"] != "STOPPED", state: .creating, created: now, modified: now)
        let position = journal.lastSequence
        return try await write("CreatePipe", name, context) { existing, transaction in
            guard existing == nil else { throw PipeOperations.exists(name) }
            guard try PipeStore.count(transaction.reading) < Limits.pipesMax else {
                throw ServiceError(
                    .limitExceeded, "There are \(Limits.pipesMax) pipes; no more are allowed.",
                    members: PipeOperations.members(name, ["serviceCode": "pipes", "quotaCode": "L-00000000"]))
            }
            try PipeStore.put(pipe, transaction)
            if case .bus = plan.source { try PipeStore.setCursor(position, of: name, transaction) }
            return pipe
        }
    }

    private func update(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        let changes = PipeOperations.definition(input)
        try PipePlan.refuseForeign(changes)
        let account = account
        return try await write("UpdatePipe", name, context) { existing, transaction in
            guard var pipe = existing else { throw PipeOperations.absent(name) }
            for member in changes.object ?? JSONObject() { pipe.definition[member.key] = member.value }
            // What is set to nothing goes.
            for member in ["Enrichment", "KmsKeyIdentifier"] where pipe.definition[member] == "" {
                pipe.definition[member] = nil
            }
            _ = try PipePlan(pipe.definition, account: account)
            if let state = input["DesiredState"]?.string { pipe.isWanted = state == "RUNNING" }
            pipe.state = .updating
            pipe.modified = transaction.now
            try PipeStore.put(pipe, transaction)
            return pipe
        }
    }

    private func setWanted(
        _ isWanted: Bool, _ action: String, _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        return try await write(action, name, context) { existing, transaction in
            guard var pipe = existing else { throw PipeOperations.absent(name) }
            if pipe.isWanted == isWanted { return pipe }
            pipe.isWanted = isWanted
            pipe.state = isWanted ? .starting : .stopping
            pipe.modified = transaction.now
            try PipeStore.put(pipe, transaction)
            return pipe
        }
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        return try await write("DeletePipe", name, context) { existing, transaction in
            guard var pipe = existing else { throw PipeOperations.absent(name) }
            try PipeStore.delete(name, transaction)
            pipe.state = .deleting
            return pipe
        }
    }

    /// Changes a pipe, records it, and answers it as it is at that moment; then makes it do what it is to do now.
    private func write(
        _ action: String, _ name: String, _ context: OperationContext,
        _ body: @escaping @Sendable (Pipe?, borrowing Transaction) throws -> Pipe
    ) async throws -> JSON {
        let pipe = try await database.write(context) { transaction in
            let pipe = try body(try PipeStore.find(name, transaction.reading), transaction)
            try transaction.audit(
                action, on: pipe.subject, outcome: .success,
                detail: [
                    "Source": .string(pipe.source), "Target": .string(pipe.target),
                    "DesiredState": pipe.isWanted ? "RUNNING" : "STOPPED",
                ])
            return pipe
        }
        try await director.apply(name)
        return pipe.answer(in: account)
    }

    /// The members that make a pipe.
    private static func definition(_ input: JSON) -> JSON {
        var definition = input
        for member in ["Name", "DesiredState", "Tags"] { definition[member] = nil }
        for member in definition.object?.members ?? [] where member.value.isNull { definition[member.key] = nil }
        return definition
    }

    // MARK: Reading

    private func describe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Name"]?.string ?? ""
        guard let pipe = try await database.read({ try PipeStore.find(name, $0) }) else {
            throw PipeOperations.absent(name)
        }
        return pipe.json(in: account)
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let limit = input["Limit"]?.int ?? 100
        let after = input["NextToken"]?.string ?? ""
        func has(_ text: String, _ member: String) -> Bool { text.hasPrefix(input[member]?.string ?? "") }
        let pipes = try await database.read { try PipeStore.all(after: after, $0) }.filter { pipe in
            let wanted = pipe.isWanted ? "RUNNING" : "STOPPED"
            return has(pipe.name, "NamePrefix") && has(pipe.source, "SourcePrefix") && has(pipe.target, "TargetPrefix")
                && input["DesiredState"]?.string ?? wanted == wanted
                && input["CurrentState"]?.string ?? pipe.state.rawValue == pipe.state.rawValue
        }
        var output: JSON = ["Pipes": .array(pipes.prefix(limit).map { $0.summary(in: account) })]
        if pipes.count > limit { output["NextToken"] = .string(pipes[limit - 1].name) }
        return output
    }

    // MARK: Errors

    static func absent(_ name: String) -> ServiceError {
        ServiceError(.resourceNotFound, "Pipe \(name) does not exist.")
    }

    private static func exists(_ name: String) -> ServiceError {
        ServiceError(.resourceAlreadyExists, "Pipe \(name) already exists.", members: members(name))
    }

    /// What errors about a pipe carry besides their message.
    private static func members(_ name: String, _ more: [String: String] = [:]) -> JSONObject {
        var members = JSONObject()
        members["resourceId"] = .string(name)
        members["resourceType"] = "pipe"
        for (key, value) in more.sorted(by: { $0.key < $1.key }) { members[key] = .string(value) }
        return members
    }
}
