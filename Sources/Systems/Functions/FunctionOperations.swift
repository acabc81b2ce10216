internal import API
internal import Core
internal import Platform
internal import Storage

/// Functions: programs of this machine, called as Lambda functions are.
/// - Source: botocore's model of `lambda`, 2015-03-31.
struct FunctionOperations: Sendable {
    let database: Database
    let service: FunctionService
    let account: Account

    private static let eventBytesMax = 1 << 20
    private static let environmentBytesMax = 4096
    private static let pageSize = 50
    /// Its name or ARN, whose region and account may be left out, with a qualifier or without.
    private static let name = Field.required(
        "FunctionName",
        .string(
            length: 1...256,
            pattern: TextPattern(
                stringLiteral: #"(arn:(aws[a-zA-Z-]*)?:lambda:)?([\w-]*:)?(\d*:)?(function:)?([a-zA-Z0-9_.-]+)"#
                    + #"(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9_-]+))?"#)))
    private static let plainName = CharacterRule(pattern: "[a-zA-Z0-9-_]+", lettersDigitsAnd: "-_")
    private static let qualifier = Field.optional(
        "Qualifier", .string(length: 1...128, pattern: #"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9_$-]+"#))
    private static let path = "/2015-03-31/functions"

    /// Members of `CreateFunction` that nothing is asked of: the operation is refused as a whole.
    private static let created = [
        "FunctionName", "Runtime", "Role", "Handler", "Code", "Description", "Timeout", "MemorySize", "Publish",
        "PublishTo", "VpcConfig", "PackageType", "DeadLetterConfig", "Environment", "KMSKeyArn", "TracingConfig",
        "Tags", "Layers", "FileSystemConfigs", "CodeSigningConfigArn", "ImageConfig", "Architectures",
        "EphemeralStorage",
        "SnapStart", "LoggingConfig", "TenancyConfig", "CapacityProviderConfig", "DurableConfig", "RuntimeConfig",
        "AcceleratorConfig",
    ]

    var all: [Operation] {
        let path = FunctionOperations.path
        let one: [Field] = [FunctionOperations.name, FunctionOperations.qualifier]
        let query = ["Qualifier": "Qualifier"]
        return [
            invocation, registration,
            Operation(
                "lambda:ListFunctions", "Lists functions by name.", .reads,
                input: [
                    .optional("Marker", .string()), .optional("MaxItems", .integer(1...10_000)),
                    .optional("FunctionVersion", .string(values: ["ALL"])),
                    .optional("MasterRegion", .unsupported("there is one region")),
                ], output: [.optional("Functions", .list(.any)), .optional("NextMarker", .string())],
                route: Route(
                    .get, path,
                    query: [
                        "Marker": "Marker", "MaxItems": "MaxItems", "FunctionVersion": "FunctionVersion",
                        "MasterRegion": "MasterRegion",
                    ]), handler: list),
            Operation(
                "lambda:GetFunction", "Answers how a function is set up.", .reads, input: one,
                route: Route(.get, "\(path)/{FunctionName}", query: query), handler: get),
            Operation(
                "lambda:GetFunctionConfiguration", "Answers how a function is set up.", .reads, input: one,
                route: Route(.get, "\(path)/{FunctionName}/configuration", query: query), handler: getConfiguration),
            Operation(
                "lambda:DeleteFunction", "Removes a function; its program stays where it is.", .writes, input: one,
                route: Route(.delete, "\(path)/{FunctionName}", query: query, status: 204), handler: delete),
            Operation(
                "lambda:CreateFunction", "Is refused: OpsBus takes no packages of code.", .writes,
                input: FunctionOperations.created.map { .optional($0, .any) }, route: Route(.post, path, status: 201),
                handler: create),
        ]
    }

    private var invocation: Operation {
        Operation(
            "lambda:Invoke", "Runs a function with an event, at once or some time.", .writes,
            input: [
                FunctionOperations.name,
                .optional("InvocationType", .string(values: ["Event", "RequestResponse", "DryRun"])),
                .optional("LogType", .string(values: ["None", "Tail"])), .optional("ClientContext", .string()),
                FunctionOperations.qualifier, .optional("Payload", .any),
                .optional("OpsBusToken", .string(length: 1...200)),
                .optional("DurableExecutionName", .unsupported("an invocation ends with the server")),
                .optional("TenantId", .unsupported("there are no tenants")),
            ],
            output: [
                .optional("StatusCode", .integer()), .optional("FunctionError", .string()),
                .optional("LogResult", .string()), .optional("ExecutedVersion", .string()),
                .optional("Payload", .string()),
            ],
            route: Route(
                .post, "\(FunctionOperations.path)/{FunctionName}/invocations", query: ["Qualifier": "Qualifier"],
                headers: [
                    "x-amz-invocation-type": "InvocationType", "x-amz-log-type": "LogType",
                    "x-amz-client-context": "ClientContext", "x-amz-tenant-id": "TenantId",
                    "x-amz-durable-execution-name": "DurableExecutionName",
                ],
                body: Route.RawBody(
                    "Payload",
                    headers: [
                        "X-Amz-Function-Error": "FunctionError", "X-Amz-Log-Result": "LogResult",
                        "X-Amz-Executed-Version": "ExecutedVersion",
                    ], status: "StatusCode")), handler: invoke)
    }

    private var registration: Operation {
        Operation(
            "functions:RegisterFunction", "Registers a program as a function, or changes how one is set up.",
            .writes,
            input: [
                .required("FunctionName", .string(length: 1...64)),
                .required("Executable", .string(length: 1...4096)),
                .optional("Arguments", .list(.string(length: 0...4096), count: 0...100)),
                .optional("Description", .string(length: 0...256)),
                .optional("Timeout", .integer(1...Function.timeoutSecondsMax)),
                .optional("MemorySize", .integer(1...1_048_576)),
                .optional("Concurrency", .integer(1...Function.concurrencyMax)),
                .optional("Environment", .map(.string(), count: 0...200), sensitive: true),
                .optional("DeadLetterTargetArn", .string(length: 0...1011)),
            ], output: [.optional("FunctionArn", .string())], handler: register)
    }

    // MARK: Setting up

    private func register(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["FunctionName"]?.string ?? ""
        guard FunctionOperations.plainName.allows(name) else {
            throw FunctionOperations.invalid("FunctionName must be letters, digits, hyphens and underscores.")
        }
        let executable = input["Executable"]?.string ?? ""
        guard executable.hasPrefix("/"), Files.isExecutable(executable) else {
            throw FunctionOperations.invalid(
                "Executable must be the absolute path of a program on the server that may be run; \(executable) is "
                    + "not.")
        }
        let function = try function(name, executable, input)
        try await database.write(context) { transaction in
            var function = function
            function.modified = transaction.now
            try FunctionStore.put(function, transaction)
            try transaction.audit(
                "RegisterFunction", on: function.subject, outcome: .success,
                detail: [
                    "Executable": .string(executable), "Arguments": .array(function.arguments.map { .string($0) }),
                ])
        }
        return ["FunctionArn": .string(arn(name))]
    }

    private func function(_ name: String, _ executable: String, _ input: JSON) throws(ServiceError) -> Function {
        var function = Function(name: name, executable: executable, modified: Timestamp(microseconds: 0))
        function.arguments = (input["Arguments"]?.array ?? []).compactMap(\.string)
        function.description = input["Description"]?.string ?? ""
        function.timeoutSeconds = input["Timeout"]?.int ?? function.timeoutSeconds
        function.memoryMiB = input["MemorySize"]?.int
        function.concurrency = input["Concurrency"]?.int ?? function.concurrency
        function.environment = input["Environment"] ?? [:]
        for member in function.environment.object ?? JSONObject() {
            guard !member.key.isEmpty, !member.key.contains("="), !member.key.contains("\0") else {
                throw FunctionOperations.invalid("Environment has a name that no variable can have.")
            }
        }
        guard function.environment.bytes.count <= FunctionOperations.environmentBytesMax else {
            throw FunctionOperations.invalid(
                "Environment must be \(FunctionOperations.environmentBytesMax) bytes or less.")
        }
        if let text = input["DeadLetterTargetArn"]?.string, !text.isEmpty {
            guard let arn = ARN(text), arn.service == "sqs" || arn.service == "sns" else {
                throw FunctionOperations.invalid("DeadLetterTargetArn must be the ARN of a queue or a topic.")
            }
            function.deadLetterTarget = account.resolve(arn).description
        }
        return function
    }

    private func create(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        throw ServiceError(
            .unsupportedOperation,
            "OpsBus takes no packages of code: a function is a program on the server. Register it with "
                + "functions:RegisterFunction, or 'opsbus functions add NAME EXECUTABLE'.")
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try name(input)
        try await database.write(context) { transaction in
            guard try FunctionStore.delete(name, transaction) else { throw notFound(name) }
            try transaction.audit("DeleteFunction", on: Subject(.function, name), outcome: .success)
        }
        return [:]
    }

    // MARK: Finding

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let limit = min(input["MaxItems"]?.int ?? FunctionOperations.pageSize, FunctionOperations.pageSize)
        let functions = try await database.read {
            try FunctionStore.list(after: input["Marker"]?.string ?? "", limit: limit + 1, $0)
        }
        var output: JSON = ["Functions": .array(functions.prefix(limit).map(describe))]
        if functions.count > limit { output["NextMarker"] = .string(functions[limit - 1].name) }
        return output
    }

    private func get(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let function = try await function(input)
        return [
            "Configuration": describe(function),
            "Code": ["RepositoryType": "file", "Location": .string(function.executable)],
            "Concurrency": ["ReservedConcurrentExecutions": .integer(function.concurrency)],
        ]
    }

    private func getConfiguration(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        describe(try await function(input))
    }

    private func describe(_ function: Function) -> JSON {
        var json: JSON = [
            "FunctionName": .string(function.name), "FunctionArn": .string(arn(function.name)),
            "Description": .string(function.description), "Timeout": .integer(function.timeoutSeconds),
            "LastModified": .string(function.modified.millisecondDescription), "Version": "$LATEST", "State": "Active",
            "LastUpdateStatus": "Successful", "Handler": .string(function.executable),
            "LoggingConfig": ["LogFormat": "Text", "LogGroup": .string(function.logGroup)],
        ]
        json["MemorySize"] = function.memoryMiB.map { .integer($0) }
        if function.environment.object?.isEmpty == false { json["Environment"] = ["Variables": function.environment] }
        json["DeadLetterConfig"] = function.deadLetterTarget.map { ["TargetArn": .string($0)] }
        return json
    }

    // MARK: Invoking

    private func invoke(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let function = try await function(input)
        let payload = try FunctionOperations.payload(input["Payload"])
        var random = BlockRandom()
        let requestID = Identifier(using: &random).description
        switch input["InvocationType"]?.string {
        case "DryRun": return ["StatusCode": 204]
        case "Event":
            try await enqueue(function, payload, requestID, input["OpsBusToken"]?.string, context)
            return ["StatusCode": 202]
        default:
            let result = try await service.run(function, payload, requestID: requestID, context)
            var output: JSON = [
                "StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": .string(result.payload),
            ]
            if result.isFailure { output["FunctionError"] = "Unhandled" }
            if input["LogType"]?.string == "Tail" {
                output["LogResult"] = .string(Base64.encode(Array(result.tail.utf8)))
            }
            return output
        }
    }

    private func enqueue(
        _ function: Function, _ payload: String, _ requestID: String, _ token: String?, _ context: OperationContext
    ) async throws {
        guard payload.utf8.count <= FunctionOperations.eventBytesMax else {
            throw FunctionOperations.tooLarge(payload, FunctionOperations.eventBytesMax)
        }
        let service = service
        try await database.write(context) { transaction in
            guard try FunctionStore.waitingCount(transaction) < FunctionService.waitingMax else {
                throw ServiceError(.throttling, "\(FunctionService.waitingMax) events wait for functions already.")
            }
            var detail: JSON = ["RequestId": .string(requestID), "InvocationType": "Event"]
            if let token, let earlier = try FunctionStore.take(token, for: requestID, transaction) {
                detail = ["RequestId": .string(earlier), "InvocationType": "Event", "Repeated": true]
            } else {
                try FunctionStore.enqueue(payload, for: function.name, requestID: requestID, transaction)
                transaction.afterCommit { service.wake() }
            }
            try transaction.audit("Invoke", on: function.subject, outcome: .started, detail: detail)
        }
    }

    /// The event's text; JSON that is no text stands for itself.
    private static func payload(_ value: JSON?) throws(ServiceError) -> String {
        guard let value, !value.isNull else { return "{}" }
        let text = value.string ?? value.text
        if text.isEmpty { return "{}" }
        guard text.utf8.count <= Limits.functionPayloadBytesMax else {
            throw tooLarge(text, Limits.functionPayloadBytesMax)
        }
        do throws(JSONError) {
            _ = try JSON(parsing: text)
        } catch {
            throw ServiceError(.invalidRequestContent, "Could not parse request body into json: \(error)")
        }
        return text
    }

    private static func tooLarge(_ payload: String, _ bytesMax: Int) -> ServiceError {
        ServiceError(
            .requestTooLarge,
            "\(payload.utf8.count) byte payload is too large for the invocation type (limit \(bytesMax) bytes)")
    }

    // MARK: Names

    private func arn(_ name: String) -> String { account.arn("lambda", "function:\(name)").description }

    private func function(_ input: JSON) async throws -> Function {
        let name = try name(input)
        guard let function = try await database.read({ try FunctionStore.find(name, $0) }) else { throw notFound(name) }
        return function
    }

    private func notFound(_ name: String) -> ServiceError {
        ServiceError(.resourceNotFound, "Function not found: \(arn(name))")
    }

    /// The function's name in its ARN, in the end of one, or by itself; only the version `$LATEST` is there.
    private func name(_ input: JSON) throws(ServiceError) -> String {
        let text = input["FunctionName"]?.string ?? ""
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if let marker = parts.firstIndex(of: "function") {
            let own = ["arn", "aws", "lambda", account.region, account.id].suffix(marker)
            // Regions and accounts may be left out.
            guard zip(parts, own).allSatisfy({ $0 == $1 || $0.isEmpty }) else {
                throw ServiceError(.resourceNotFound, "Function not found: \(text)")
            }
            parts.removeFirst(marker + 1)
        }
        let qualifier = parts.count == 2 ? parts[1] : input["Qualifier"]?.string ?? "$LATEST"
        guard parts.count <= 2, let name = parts.first, qualifier == "$LATEST" || qualifier.isEmpty else {
            throw ServiceError(.resourceNotFound, "Function not found: \(text):\(qualifier)")
        }
        return name
    }

    private static func invalid(_ reason: String) -> ServiceError { ServiceError(.invalidParameterValue, reason) }
}
