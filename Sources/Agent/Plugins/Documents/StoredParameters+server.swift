internal import API
internal import Core
internal import Documents
internal import Platform

extension StoredParameters {
    /// The values that a document needs with its arguments, asked of the server before the first step, so that a name
    /// that is missing fails the document before anything has run.
    /// - Throws: `StepEnd` with what is missing, may not be read, or is not what the arguments may be.
    init(
        for machine: CommandDocumentMachine, in command: Identifier, agent: Agent, clock: any Clock
    ) async throws(StepEnd) {
        let names = machine.storedNames
        try await self.init(names, in: command, agent: agent, clock: clock)
        if names.isEmpty { return }
        do throws(DocumentError) {
            _ = try machine.parameters.resolving(self, in: machine.document)
        } catch {
            throw .failure("\(error)")
        }
    }

    /// - Throws: `StepEnd` with the names of which there are no parameters, or why they may not be read.
    init(
        _ names: [String], space: Space = .plain, in command: Identifier, agent: Agent, clock: any Clock
    ) async throws(StepEnd) {
        var values: [String: Value] = [:]
        var rest = names[...]
        while !rest.isEmpty {
            let request = NodeParameterRequest(
                command: command, number: 0, names: Array(rest.prefix(NodeParameterRequest.namesMax)),
                areSecret: space == .secret)
            rest = rest.dropFirst(NodeParameterRequest.namesMax)
            for found in try await agent.contents.parameters(request, for: agent, clock: clock) {
                values[found.name] = Value(type: found.type, text: found.value)
            }
        }
        let missing = names.filter { values[$0] == nil }
        guard missing.isEmpty else {
            throw .failure("Input contains invalid parameters [\(missing.joined(separator: ", "))]")
        }
        self.init(values, space: space)
    }
}
