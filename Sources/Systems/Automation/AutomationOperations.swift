public import API
internal import Core
internal import Storage

extension AutomationService {
    /// The operations on automation executions, as in the SSM API.
    public nonisolated var operations: [Operation] {
        let id = Field.required("AutomationExecutionId", .string(length: 36...36))
        return [
            Operation(
                "ssm:StartAutomationExecution", "Starts a runbook; the same ClientToken starts it once.", .writes,
                input: [
                    .required("DocumentName", DocumentShapes.name),
                    .optional("DocumentVersion", DocumentShapes.version),
                    .optional("Parameters", .map(.any, keys: .string(length: 1...50), count: 0...200)),
                    .optional("ClientToken", .string(length: 36...36)), .optional("Mode", .string(values: ["Auto"])),
                ] + AutomationService.unsupported,
                handler: { input, context in
                    ["AutomationExecutionId": .string(try await self.begin(input, context).description)]
                }),
            Operation(
                "ssm:GetAutomationExecution", "Answers an execution with its steps.", .reads, input: [id],
                handler: { input, _ in
                    ["AutomationExecution": try await self.execution(input).json(withSteps: true)]
                }),
            Operation(
                "ssm:DescribeAutomationExecutions", "Lists executions, the newest first.", .reads,
                input: [
                    .optional("MaxResults", .integer(1...50)), .optional("NextToken", .string(length: 1...64)),
                    .optional("Filters", .unsupported("all executions are listed")),
                ], handler: { input, _ in try await self.list(input) }),
            Operation(
                "ssm:StopAutomationExecution", "Cancels an execution.", .writes,
                input: [id, .optional("Type", .string(values: ["Cancel"]))],
                handler: { input, context in
                    try await self.cancel(try AutomationService.identifier(input), context)
                    return [:]
                }),
        ]
    }

    private static let manyTargets = Shape.unsupported("a runbook is started once, not for each of many targets")
    private static let locations = Shape.unsupported("there is one account and one region")
    private static let unsupported: [Field] = [
        .optional("TargetParameterName", manyTargets), .optional("Targets", manyTargets),
        .optional("TargetMaps", manyTargets), .optional("MaxConcurrency", manyTargets),
        .optional("MaxErrors", manyTargets), .optional("TargetLocations", locations),
        .optional("TargetLocationsURL", locations),
        .optional("AlarmConfiguration", .unsupported("there are no alarms")),
        .optional("Tags", .unsupported("executions have no tags")),
    ]

    private static func identifier(_ input: JSON) throws(ServiceError) -> Identifier {
        let text = input["AutomationExecutionId"]?.string ?? ""
        guard let id = Identifier(text) else { throw unknown(text) }
        return id
    }

    private func execution(_ input: JSON) async throws -> AutomationExecution {
        let id = try AutomationService.identifier(input)
        guard let found = try await database.read({ try AutomationStore.execution(id, $0) }) else {
            throw AutomationService.unknown(id.description)
        }
        return found
    }

    private func list(_ input: JSON) async throws -> JSON {
        let limit = input["MaxResults"]?.int ?? 50
        var before: AutomationStore.Place?
        if let token = input["NextToken"]?.string {
            guard let place = AutomationStore.Place(token) else {
                throw ServiceError(.invalidNextToken, "The NextToken is not valid.")
            }
            before = place
        }
        let start = before
        let found = try await database.read { try AutomationStore.list(before: start, limit: limit, $0) }
        var output: JSON = [
            "AutomationExecutionMetadataList": .array(found.map { $0.json(withSteps: false) })
        ]
        if found.count == limit, let last = found.last {
            output["NextToken"] = .string(AutomationStore.Place(last).token)
        }
        return output
    }
}
