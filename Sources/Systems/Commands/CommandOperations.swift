public import API
internal import Core
internal import Documents
internal import Platform
internal import Storage

extension CommandService {
    /// The operations of Run Command, for the table.
    public nonisolated var operations: [Operation] {
        [
            Operation(
                "ssm:SendCommand", "Run a command document on nodes", .writes, input: CommandRequest.fields,
                handler: sendCommand),
            Operation(
                "ssm:CancelCommand", "Stop a command, on all its nodes or on some", .writes,
                input: [
                    .required("CommandId", .string(length: 36...36)),
                    .optional("InstanceIds", .list(.string(), count: 0...CommandRequest.nodesMax)),
                ], handler: cancelCommand),
            Operation(
                "ssm:ListCommands", "List commands, the newest first", .reads, input: CommandQuery.fields,
                handler: listCommands),
            Operation(
                "ssm:ListCommandInvocations", "List what commands came to on each node", .reads,
                input: CommandQuery.fields + [.optional("Details", .boolean)], handler: listCommandInvocations),
            Operation(
                "ssm:GetCommandInvocation", "Show a command's status and output on one node", .reads,
                input: [
                    .required("CommandId", .string(length: 36...36)), .required("InstanceId", .string()),
                    .optional("PluginName", .string()),
                ], handler: getCommandInvocation),
        ]
    }

    // MARK: SendCommand

    @Sendable private nonisolated func sendCommand(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let request = try CommandRequest(input)
        let document = try await documents.resolve(request.documentName, version: request.documentVersion)
        try authorizer.authorize(
            context.principal, "ssm:SendCommand", on: account.arn("ssm", "document/\(document.name)").description)
        let executionSeconds = try request.check(document)
        let (invocations, names) = try await invocations(of: request, context)
        var generator = SystemRandomNumberGenerator()
        let now = clock.now
        let delivery = Duration.seconds(request.timeoutSeconds)
        let record = CommandRecord(
            id: Identifier(using: &generator), documentName: document.name, documentVersion: document.version,
            document: document.content,
            steps: document.document.commandSteps.map { CommandRecord.Step(name: $0.name, action: $0.action) },
            parameters: request.parameters, comment: request.comment,
            targets: request.targets == nil ? [] : input["Targets"] ?? [], instanceIDs: request.instanceIDs,
            timeoutSeconds: request.timeoutSeconds, maxConcurrency: request.maxConcurrency,
            maxErrors: request.maxErrors, streamsOutput: request.streamsOutput, requestedAt: now,
            deliveryExpiresAt: now + delivery, expiresAt: now + delivery + .seconds(executionSeconds),
            context: context, clientToken: request.clientToken, status: .pending, isCancelled: false,
            targetCount: invocations.count, completedCount: 0, errorCount: 0, deliveryTimedOutCount: 0)
        let sent = try await begin(record, invocations, nodeNames: names, input: input)
        guard sent.isSameRequest(as: record) else {
            throw ServiceError(
                .idempotentParameterMismatch, "The ClientToken was used for another command, \(sent.id).")
        }
        return ["Command": sent.json]
    }

    /// The nodes a request means, in the order of dispatch, with those already ruled out.
    private nonisolated func invocations(
        of request: CommandRequest, _ context: OperationContext
    ) async throws -> ([CommandMachine.Invocation], names: [String: String]) {
        let found: [ManagedNode]
        var named: [String]?
        if let targets = request.targets, targets.nodes == nil {
            found = try await nodes.store.nodes().filter(targets.matches)
        } else {
            let ids = request.targets?.nodes ?? request.instanceIDs
            found = try await nodes.store.nodes(ids)
            named = ids
        }
        let known = Dictionary(found.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var invocations: [CommandMachine.Invocation] = []
        var names: [String: String] = [:]
        for id in named ?? found.map(\.id) {
            let obstacle = obstacle(id, known[id], context)
            if let obstacle, request.targets == nil { throw obstacle.error }
            invocations.append(CommandMachine.Invocation(node: id, status: obstacle?.status ?? .pending))
            names[id] = known[id]?.name
        }
        return (invocations, names)
    }

    /// Why a command cannot go to a node: a refusal where the node was named, a status where a target meant it.
    private nonisolated func obstacle(
        _ id: String, _ node: ManagedNode?, _ context: OperationContext
    ) -> (status: InvocationStatus, error: ServiceError)? {
        guard let node else {
            return (.undeliverable, ServiceError(.invalidInstanceID, "There is no managed node \(id)."))
        }
        guard node.platformType != "Windows" else {
            return (
                .invalidPlatform,
                ServiceError(.unsupportedPlatformType, "\(id) runs Windows; aws:runShellScript needs Linux or MacOS.")
            )
        }
        do throws(ServiceError) {
            try authorizer.authorize(
                context.principal, "ssm:SendCommand", on: node.arn(in: account).description)
            return nil
        } catch {
            return (.accessDenied, ServiceError(.invalidInstanceID, "\(id): \(error.message)"))
        }
    }

    // MARK: CancelCommand

    @Sendable private nonisolated func cancelCommand(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let (record, id) = try await command(input)
        let wanted = input["InstanceIds"]?.strings ?? []
        let known = try await store.invocations(of: record).map(\.node)
        for node in wanted where !known.contains(node) {
            throw ServiceError(.invalidInstanceID, "The command \(id) was not sent to \(node).")
        }
        let audit: @Sendable (borrowing Transaction) throws -> Void = { transaction in
            try transaction.audit(
                "CancelCommand", on: record.subject, outcome: .success,
                detail: ["InstanceIds": .array(wanted.map { .string($0) })], context: context)
        }
        if await change(id, writing: audit, { $0.cancel(wanted.isEmpty ? nil : wanted) }) { return [:] }
        // Over already: nothing to stop, which is no error.
        guard await activeRecord(id) == nil else {
            throw ServiceError(.internalFailure, "The cancellation of \(id) could not be recorded; try again.")
        }
        try await store.database.write(context, audit)
        return [:]
    }

    private nonisolated func command(_ input: JSON) async throws -> (CommandRecord, Identifier) {
        let text = input["CommandId"]?.string ?? ""
        guard let id = Identifier(text), let record = try await store.command(id) else {
            throw CommandQuery.unknown(text)
        }
        return (record, id)
    }

    // MARK: Reads

    @Sendable private nonisolated func listCommands(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let query = try CommandQuery(input, isOfInvocations: false)
        let (commands, nextToken) = try await store.commands(query)
        if commands.isEmpty, input["CommandId"] != nil { _ = try await command(input) }
        var output: JSON = ["Commands": .array(commands.map(\.json))]
        output["NextToken"] = nextToken.map { .string($0) }
        return output
    }

    @Sendable private nonisolated func listCommandInvocations(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let query = try CommandQuery(input, isOfInvocations: true)
        let (invocations, nextToken) = try await store.invocations(query)
        if invocations.isEmpty, input["CommandId"] != nil { _ = try await command(input) }
        let hasDetails = input["Details"]?.bool ?? false
        var output: JSON = [
            "CommandInvocations": .array(invocations.map { $1.json(of: $0, hasDetails: hasDetails) })
        ]
        output["NextToken"] = nextToken.map { .string($0) }
        return output
    }

    @Sendable private nonisolated func getCommandInvocation(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let (record, id) = try await command(input)
        let node = input["InstanceId"]?.string ?? ""
        guard let invocation = try await store.invocations(of: record, on: node).first else {
            throw ServiceError(.invocationDoesNotExist, "The command \(id) was not sent to \(node).")
        }
        let steps = record.steps.map(\.name)
        let name = input["PluginName"]?.string ?? (steps.count == 1 ? steps[0] : "")
        guard steps.contains(name) else {
            let known = steps.joined(separator: ", ")
            throw ServiceError(
                .invalidPluginName,
                name.isEmpty
                    ? "The document has several steps; give one of them as PluginName: \(known)."
                    : "The document has no step '\(name)'; it has: \(known).")
        }
        return invocation.json(of: record, step: name)
    }
}

extension CommandRecord {
    /// Whether another record is of the same request, as its token claims.
    fileprivate func isSameRequest(as other: CommandRecord) -> Bool {
        documentName == other.documentName && parameters == other.parameters && targets == other.targets
            && instanceIDs == other.instanceIDs && comment == other.comment
            && timeoutSeconds == other.timeoutSeconds && maxConcurrency == other.maxConcurrency
            && maxErrors == other.maxErrors && streamsOutput == other.streamsOutput
    }
}
