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
                    .required("CommandId", NodeShapes.commandID),
                    .optional("InstanceIds", .list(NodeShapes.id, count: 0...CommandRequest.nodesMax)),
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
                    .required("CommandId", NodeShapes.commandID), .required("InstanceId", NodeShapes.id),
                    .optional("PluginName", .string()),
                ], handler: getCommandInvocation),
            Operation(
                "ssm:GetCommandOutput", "Read what a step of a command wrote on one node, however long", .reads,
                input: [
                    .required("CommandId", NodeShapes.commandID), .required("InstanceId", NodeShapes.id),
                    .optional("PluginName", .string()), .optional("Stream", .string(values: ["stdout", "stderr"])),
                    .optional("Offset", .integer(0...Int.max)),
                    .optional("MaxBytes", .integer(4...CommandService.outputPageBytesMax)),
                ], handler: getCommandOutput),
        ]
    }

    private static let outputPageBytesMax = 256 << 10

    // MARK: SendCommand

    @Sendable private nonisolated func sendCommand(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let request = try CommandRequest(input)
        let document = try await documents.resolve(request.documentName, version: request.documentVersion)
        try authorizer.authorize(
            context.principal, "ssm:SendCommand", on: account.arn("ssm", "document/\(document.name)").description)
        let executionSeconds = try request.check(document)
        let destinations = try OutputDestinations(input, documentName: document.name, hasStore: objects != nil)
        let targets = try await targets(of: request, context)
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
            targetCount: targets.invocations.count, completedCount: 0, errorCount: 0, deliveryTimedOutCount: 0,
            destinations: destinations)
        let sent = try await begin(record, targets, input: input)
        guard sent.isSameRequest(as: record) else {
            throw ServiceError(
                .idempotentParameterMismatch, "The ClientToken was used for another command, \(sent.id).")
        }
        return ["Command": sent.json]
    }

    /// The nodes a request means, in the order of dispatch, with those already ruled out.
    private nonisolated func targets(
        of request: CommandRequest, _ context: OperationContext
    ) async throws -> CommandTargets {
        let found: [ManagedNode]
        var named: [String]?
        if let targets = request.targets, targets.nodes == nil {
            var query: ResourceQuery?
            if let name = targets.group {
                guard let group = try await store.database.read({ try ResourceGroupStore.group(name, in: $0) }) else {
                    throw ServiceError(.invalidTarget, "There is no resource group \(name).")
                }
                do throws(ServiceError) {
                    try authorizer.authorize(
                        context.principal, "resource-groups:ListGroupResources", on: group.arn(in: account).description)
                } catch {
                    return CommandTargets(refusal: .accessDenied)
                }
                query = group.query
            }
            found = try await nodes.store.nodes().filter { targets.matches($0, query) }
        } else {
            let ids = request.targets?.nodes ?? request.instanceIDs
            found = try await nodes.store.nodes(ids)
            named = ids
        }
        let known = Dictionary(found.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var result = CommandTargets(isDynamic: request.targets != nil)
        for id in named ?? found.map(\.id) {
            let obstacle = obstacle(id, known[id], context)
            if let obstacle, request.targets == nil { throw obstacle.error }
            result.invocations.append(CommandMachine.Invocation(node: id, status: obstacle?.status ?? .pending))
            result.names[id] = known[id]?.name
        }
        return result
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

    private nonisolated var links: OutputLinks { OutputLinks(store: objects) }

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
            "CommandInvocations": .array(invocations.map { $1.json(of: $0, hasDetails: hasDetails, links) })
        ]
        output["NextToken"] = nextToken.map { .string($0) }
        return output
    }

    /// What a command came to on a node: a pair that has to be there.
    private nonisolated func invocation(_ input: JSON) async throws -> (CommandRecord, InvocationRecord) {
        let text = input["CommandId"]?.string ?? ""
        let node = input["InstanceId"]?.string ?? ""
        guard let id = Identifier(text) else { throw CommandQuery.unknown(text) }
        guard let record = try await store.command(id),
            let invocation = try await store.invocations(of: record, on: node).first
        else { throw ServiceError(.invocationDoesNotExist, "No command \(id) was sent to \(node).") }
        return (record, invocation)
    }

    @Sendable private nonisolated func getCommandInvocation(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let (record, invocation) = try await invocation(input)
        return invocation.json(of: record, step: try record.stepName(input["PluginName"]?.string), links)
    }

    /// An addition of ours: the other operations answer the beginning of the output alone.
    @Sendable private nonisolated func getCommandOutput(
        _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let (record, invocation) = try await invocation(input)
        let key = OutputStore.Key(
            command: record.id, node: invocation.node, step: try record.stepName(input["PluginName"]?.string),
            stream: input["Stream"]?.string ?? "stdout")
        let offset = input["Offset"]?.int ?? 0
        let bytesMax = input["MaxBytes"]?.int ?? CommandService.outputPageBytesMax
        let (piece, state) = try await store.database.read { transaction in
            (
                try OutputStore.read(key, from: offset, bytesMax: bytesMax, in: transaction),
                try OutputStore.state(of: key, in: transaction)
            )
        }
        var text = piece.bytes[...]
        // A character that the page cuts in two is left to the next.
        let cut = text.count == bytesMax ? text.count - text.completeUTF8Count : 0
        text = text.dropLast(cut)
        return [
            "Content": .string(String(decoding: text, as: UTF8.self)), "NextOffset": .integer(piece.next - cut),
            "Length": .integer(state?.length ?? 0), "KeptBytes": .integer(state?.kept ?? 0),
            "IsComplete": .bool(invocation.status.isTerminal && text.count < bytesMax && cut == 0),
        ]
    }
}

extension CommandRecord {
    /// The step of that name, or the only one.
    /// - Throws: `ServiceError` `.invalidPluginName`
    fileprivate func stepName(_ given: String?) throws(ServiceError) -> String {
        let names = steps.map(\.name)
        let name = given ?? (names.count == 1 ? names[0] : "")
        if names.contains(name) { return name }
        let known = names.joined(separator: ", ")
        throw ServiceError(
            .invalidPluginName,
            name.isEmpty
                ? "The document has several steps; give one of them as PluginName: \(known)."
                : "The document has no step '\(name)'; it has: \(known).")
    }
}

extension CommandRecord {
    /// Whether another record is of the same request, as its token claims.
    fileprivate func isSameRequest(as other: CommandRecord) -> Bool {
        documentName == other.documentName && parameters == other.parameters && targets == other.targets
            && instanceIDs == other.instanceIDs && comment == other.comment
            && timeoutSeconds == other.timeoutSeconds && maxConcurrency == other.maxConcurrency
            && maxErrors == other.maxErrors && streamsOutput == other.streamsOutput
            && destinations == other.destinations
    }
}
