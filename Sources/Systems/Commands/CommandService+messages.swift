public import API
internal import Core
internal import Documents
internal import Platform
internal import Storage

/// What agents say of the commands they run.
extension CommandService {
    public func receive(_ message: NodeMessage, from node: String) async {
        guard let id = message.command else {
            return log.warning("\(node) sent a \(message.kind.rawValue) that names no command")
        }
        switch message.kind {
        case .accepted: await change(id, node: node) { $0.accepted(by: node) }
        case .stepStarted: await stepStarted(message.body, id, node)
        case .stepFinished: await stepFinished(message.body, id, node)
        case .output: await output(message, id, node)
        case .finished: await finished(message.body, id, node)
        case .fetch: await fetch(message.body, id, node)
        case .register, .registered, .refused, .heartbeat, .run, .outputCredit, .finishedReceived, .cancel, .fetched:
            log.warning("\(node) sent \(message.kind.rawValue), which only servers send")
        }
    }

    private func stepStarted(_ body: JSON, _ id: Identifier, _ node: String) async {
        guard let step = StepStart(body), let record = record(id, on: node) else { return }
        await keep("the start of step \(step.name)", of: record) {
            try await store.database.maintain { transaction in
                try CommandStore.start(step, of: id, on: node, in: transaction)
                try CommandProgress(record: record, node: node).emit(
                    ["StepName": .string(step.name), "Status": "InProgress"], in: transaction)
            }
        }
    }

    private func stepFinished(_ body: JSON, _ id: Identifier, _ node: String) async {
        guard let step = StepReport(body), let record = record(id, on: node) else { return }
        await keep("the end of step \(step.name)", of: record) {
            try await store.database.write(record.context) { transaction in
                try CommandService.write([step], of: record, on: node, in: transaction)
            }
        }
    }

    private func output(_ message: NodeMessage, _ id: Identifier, _ node: String) async {
        guard var output = NodeOutput(message.body) else {
            return log.warning("\(node) sent an Output that makes no sense: \(message.body)")
        }
        let bytes = message.payload
        if let record = record(id, on: node) {
            let (key, place) = (OutputStore.Key(output, on: node), output)
            let bytesMax = settings.outputBytesMax + NodeCommand.outputMarkBytesMax
            do {
                try await store.database.maintain { transaction in
                    let new = try OutputStore.append(
                        bytes, at: place.offset, of: key, bytesMax: bytesMax, in: transaction)
                    guard !new.bytes.isEmpty else { return }
                    try OutputDelivery.note(key, of: record, in: transaction)
                    guard record.streamsOutput else { return }
                    try CommandProgress(record: record, node: node).emit(
                        [
                            "StepName": .string(place.step), "Stream": .string(place.stream),
                            "Offset": .integer(new.offset),
                            "Output": .string(String(decoding: new.bytes, as: UTF8.self)),
                        ], in: transaction)
                }
            } catch {
                // Without credit the node sends it again on its next connection.
                return log.error("output of the command \(id) cannot be kept: \(error)")
            }
            outputAppended(bytes.count)
        }
        // Only now is the node asked for more.
        output.offset += bytes.count
        var credit = output.json
        credit["Bytes"] = .integer(bytes.count)
        _ = await nodes.send(NodeMessage(.outputCredit, credit), to: node)
    }

    /// Answers what a step needs to know; a node that runs no such command is told nothing.
    private func fetch(_ body: JSON, _ id: Identifier, _ node: String) async {
        guard let record = record(id, on: node), let number = body["Number"]?.int else { return }
        var answer: JSON = [:]
        var payload: [UInt8] = []
        do {
            if let request = ContentRequest(body) {
                let (piece, bytes) = try await documents.piece(request)
                answer = piece.json
                payload = bytes
            } else if let request = NodeParameterRequest(body) {
                payload = try await values(request, record, node).bytes
            } else {
                return log.warning("\(node) sent a Fetch that makes no sense: \(body)")
            }
        } catch let error as ServiceError {
            answer = ["Code": .string(error.code.rawValue), "Message": .string(error.message)]
        } catch {
            // Without an answer the agent asks again.
            return log.error("what \(node) needs for the command \(id) cannot be read: \(error)")
        }
        answer["CommandId"] = .string(id.description)
        answer["Number"] = .integer(number)
        _ = await nodes.send(NodeMessage(.fetched, answer, payload: payload), to: node)
    }

    /// The parameters that a command's document refers to, told to a node that runs it, as far as who sent the command
    /// may read them. Secrets are told only where the command itself names them, so that a node cannot ask for others.
    private func values(_ request: NodeParameterRequest, _ record: CommandRecord, _ node: String) async throws -> JSON {
        if request.areSecret {
            let named = StoredParameters.names(in: [.string(record.document), record.parameters], space: .secret)
            if let other = request.names.first(where: { !named.contains($0) }) {
                throw ServiceError(
                    .accessDenied, "The command's own document does not refer to the secret {{ssm-secure:\(other)}}.")
            }
        }
        let context = record.context.caused(by: record.invocation(on: node))
        let found = try await parameters.values(
            request.names, decrypting: request.areSecret, for: context.principal)
        try await store.database.write(context) { transaction in
            for parameter in found {
                try transaction.audit(
                    "GetParameters", on: Subject(.parameter, parameter.name), outcome: .success,
                    detail: ["InstanceId": .string(node), "WithDecryption": .bool(request.areSecret)])
            }
        }
        return .array(found.map(\.json))
    }

    private func keep(_ what: String, of record: CommandRecord, _ write: () async throws -> Void) async {
        do {
            try await write()
        } catch {
            log.error("\(what) of the command \(record.id) is lost: \(error)")
        }
    }

    /// The end is acknowledged once it is durable, or where the invocation had already ended; else it comes again.
    private func finished(_ body: JSON, _ id: Identifier, _ node: String) async {
        guard let report = CommandReport(body) else {
            return log.warning("\(node) sent a Finished that makes no sense: \(body)")
        }
        if let record = record(id, on: node) {
            let isKept = await change(id, node: node) { transaction in
                try CommandService.write(report.steps, of: record, on: node, in: transaction)
                try CommandStore.setMessage(report.message, of: id, on: node, in: transaction)
            } _: {
                $0.finished(by: node, CommandMachine.Result(report.outcome))
            }
            guard isKept else { return }
        } else {
            guard await isOver(id, on: node) else { return }
            log.debug("\(node) reports the command \(id), which is over")
        }
        _ = await nodes.send(NodeMessage(.finishedReceived, command: id), to: node)
    }

    /// Whether nothing is expected of the node for this command, by what is durable.
    private func isOver(_ id: Identifier, on node: String) async -> Bool {
        do {
            let status: InvocationStatus? = try await store.database.read { transaction in
                try transaction.queryOne(
                    "SELECT status FROM invocations WHERE command = ? AND node = ?", id, node
                ) { row in try row[0] }
            }
            return status?.isTerminal ?? true
        } catch {
            log.error("the command \(id) cannot be read: \(error)")
            return false
        }
    }

    private static func write(
        _ steps: [StepReport], of record: CommandRecord, on node: String, in transaction: borrowing Transaction
    ) throws {
        for step in steps {
            guard try CommandStore.finish(step, of: record.id, on: node, in: transaction) else { continue }
            try transaction.audit(
                "FinishStep", on: Subject(.step, "\(record.id)/\(node)/\(step.name)"),
                outcome: step.status == .success ? .success : .failure(step.status.rawValue),
                detail: ["Action": .string(step.action), "ResponseCode": .integer(step.code)],
                context: record.context.caused(by: record.invocation(on: node)))
            try CommandProgress(record: record, node: node).emit(
                [
                    "StepName": .string(step.name), "Status": .string(step.status.rawValue),
                    "ResponseCode": .integer(step.code),
                ], in: transaction)
        }
    }
}

extension CommandMachine.Result {
    fileprivate init(_ outcome: CommandReport.Outcome) {
        switch outcome {
        case .success: self = .success
        case .failed: self = .failed
        case .executionTimedOut: self = .executionTimedOut
        case .cancelled: self = .cancelled
        case .deliveryTimedOut: self = .deliveryTimedOut
        }
    }
}
