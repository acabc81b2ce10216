internal import API
internal import Core
internal import Storage

/// What a schedule calls: a target that rules have too, or any operation of the table by its name in the SDKs.
struct SchedulerTarget: Sendable {
    enum Action: Sendable {
        case target(TargetAction)
        /// `arn:aws:scheduler:::aws-sdk:SERVICE:apiAction`; the input is the request.
        case operation(Operation)
    }

    let arn: ARN
    let action: Action
    /// JSON text with placeholders, as it was given.
    let input: String?
    let retryPolicy: RetryPolicy
    let deadLetterQueue: ARN?

    /// The members of a target that OpsBus has no use for, and what they belong to.
    private static let foreign = [
        "EcsParameters": "ECS", "KinesisParameters": "Kinesis", "SageMakerPipelineParameters": "SageMaker",
        "EventBridgePutEventsV2Parameters": "PutEventsV2", "EventBridgePutRawEventsParameters": "PutRawEvents",
    ]

    static let fields: [Field] =
        [
            .required("Arn", .string(length: 1...1600)),
            .required(
                "RoleArn", .string(length: 1...1600, pattern: #"arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@\/-]+"#)),
            .optional(
                "DeadLetterConfig",
                .structure([
                    .optional(
                        "Arn",
                        .string(
                            length: 1...1600, pattern: #"arn:aws[a-z-]*:sqs:[a-z0-9\-]+:\d{12}:[a-zA-Z0-9\-_]+"#))
                ])),
            .optional(
                "RetryPolicy",
                .structure([
                    .optional("MaximumEventAgeInSeconds", .integer(60...Limits.retryAgeSecondsMax)),
                    .optional("MaximumRetryAttempts", .integer(0...Limits.retryAttemptsMax)),
                ])),
            .optional("Input", .string(length: 1...Limits.scheduleInputCharactersMax)),
            .optional(
                "EventBridgeParameters",
                .structure([
                    .required("DetailType", .string(length: 1...128)),
                    .required(
                        "Source",
                        .string(
                            length: 1...256,
                            pattern: #"(?=[/\.\-_A-Za-z0-9]+)((?!aws\.).*)|(\$(\.[\w_-]+(\[(\d+|\*)\])*)*)"#)),
                ])),
            .optional("SqsParameters", .structure([.optional("MessageGroupId", .string(length: 1...128))])),
        ] + foreign.keys.sorted().map { .optional($0, .any) }

    /// - Parameters:
    ///   - json: Of the shape of `fields`.
    ///   - operations: The table's operations by name.
    /// - Throws: `ServiceError` `.validation` for what OpsBus cannot call, and for an input that the target cannot
    ///   take.
    init(_ json: JSON, account: Account, operations: (String) -> Operation?) throws(ServiceError) {
        for member in json.object?.keys.sorted() ?? [] {
            if let service = SchedulerTarget.foreign[member], json[member]?.isNull == false {
                throw ServiceError(.validation, "Target.\(member) is not supported: OpsBus has no \(service).")
            }
        }
        let text = json["Arn"]?.string ?? ""
        guard let given = ARN(text) else {
            throw ServiceError(.validation, "Provided Arn is not in correct format: \(text)")
        }
        arn = account.resolve(given)
        input = json["Input"]?.string
        retryPolicy = RetryPolicy(json: json["RetryPolicy"])
        deadLetterQueue = json["DeadLetterConfig"]?["Arn"]?.string.flatMap { ARN($0) }
        if arn.service == "scheduler" {
            let operation = try SchedulerTarget.operation(arn, operations)
            action = .operation(operation)
            try SchedulerTarget.check(input ?? "{}", for: operation)
        } else {
            action = .target(try SchedulerTarget.target(arn, json))
            try checkInput()
        }
    }

    private static func target(_ arn: ARN, _ json: JSON) throws(ServiceError) -> TargetAction {
        var parameters = TargetParameters()
        parameters.messageGroup = json["SqsParameters"]?["MessageGroupId"]?.string
        if arn.name(ofType: "event-bus") != nil {
            guard let source = json["EventBridgeParameters"]?["Source"]?.string,
                let detailType = json["EventBridgeParameters"]?["DetailType"]?.string
            else {
                throw ServiceError(
                    .validation, "An event bus as target needs EventBridgeParameters with Source and DetailType.")
            }
            parameters.envelope = TargetParameters.Envelope(source: source, detailType: detailType)
        }
        if arn.service == "ssm", arn.name(ofType: "document") != nil {
            throw ServiceError(
                .validation,
                "A schedule cannot say on which nodes \(arn) runs; use the target "
                    + "arn:aws:scheduler:::aws-sdk:ssm:sendCommand with DocumentName and Targets in its Input.")
        }
        return try TargetAction(arn, parameters, at: "Target")
    }

    // MARK: Universal targets

    /// How the SDKs call services that are called otherwise here.
    private static let services = ["eventbridge": "events", "cloudwatchlogs": "logs"]

    private static func operation(
        _ arn: ARN, _ operations: (String) -> Operation?
    ) throws(ServiceError) -> Operation {
        let parts = arn.resource.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts[0] == "aws-sdk", let initial = parts[2].first else {
            throw ServiceError(
                .validation, "\(arn) is no target; write arn:aws:scheduler:::aws-sdk:SERVICE:apiAction.")
        }
        let name = "\(services[parts[1]] ?? parts[1]):\(initial.uppercased())\(parts[2].dropFirst())"
        guard initial.isLowercase, let operation = operations(name) else {
            throw ServiceError(
                .validation,
                "\(parts[1]) is not a supported service or \(parts[2]) is not one of its API actions here.")
        }
        // Receiving changes something too, but only for who sees the answer.
        guard operation.effect == .writes, !parts[2].hasPrefix("receive") else {
            throw ServiceError(
                .validation, "\(parts[1]):\(parts[2]) only reads; nobody would see what it answers.")
        }
        return operation
    }

    /// Checks a request now that would otherwise fail whenever the schedule fires.
    private static func check(_ input: String, for operation: Operation) throws(ServiceError) {
        guard let request = try? JSON(parsing: input), request.object != nil else {
            throw ServiceError(
                .validation, "Input of the target must be the request of \(operation.name), a JSON object.")
        }
        // What placeholders become is not known yet.
        if input.contains(SchedulerTarget.placeholderPrefix) { return }
        do throws(ServiceError) {
            try Shape.structure(operation.input).validate(request)
        } catch {
            throw ServiceError(.validation, "Input of the target is no request of \(operation.name): \(error.message)")
        }
    }

    private func checkInput() throws(ServiceError) {
        guard let input, arn.service == "events" || arn.service == "lambda" || arn.service == "ssm" else { return }
        let json = try? JSON(parsing: input)
        guard json != nil, arn.service == "lambda" || json?.object != nil else {
            let kind = arn.service == "lambda" ? "JSON" : "a JSON object"
            throw ServiceError(.validation, "Input of the target \(arn) must be \(kind).")
        }
    }

    // MARK: Calls

    private static let placeholderPrefix = "<aws.scheduler."

    /// The input with its placeholders filled in; where none was given, the event that AWS sends then.
    /// - Parameter attempt: Which of the invocation's it is for, counted from 1.
    func payload(of invocation: Invocation, attempt: Int, in account: Account) -> String {
        let scheduleARN = invocation.scheduleARN(in: account)
        guard let input else {
            if case .operation = action { return "{}" }
            // As the service has it, the detail is the text of an object.
            var event = EventEnvelope(
                id: invocation.id, source: "aws.scheduler", detailType: "Scheduled Event", account: account,
                time: invocation.scheduled, resources: [scheduleARN], detail: "{}"
            ).json
            if case .target(.putEvent) = action { event = [:] }
            return event.text
        }
        guard input.contains(SchedulerTarget.placeholderPrefix) else { return input }
        return
            input
            .replacing("<aws.scheduler.schedule-arn>", with: scheduleARN)
            .replacing("<aws.scheduler.scheduled-time>", with: invocation.scheduled.description)
            .replacing("<aws.scheduler.execution-id>", with: invocation.id.description)
            .replacing("<aws.scheduler.attempt-number>", with: String(attempt))
    }

    /// Members by which operations know a request that is sent again, of which the first one counts that they have.
    private static let tokenMembers = ["ClientToken", "ClientRequestToken", "OpsBusToken", "OpsBusMessageId"]

    /// The request of a universal target.
    /// - Throws: `TargetFailure`.
    static func request(
        _ payload: String, of operation: Operation, token: Identifier
    ) throws(TargetFailure) -> JSON {
        guard var request = try? JSON(parsing: payload), request.object != nil else {
            throw TargetFailure(
                code: "INVALID_PARAMETER",
                message: "The target's input is no JSON object once its placeholders are filled in.")
        }
        let member = tokenMembers.first { name in operation.input.contains { $0.name == name } }
        if let member, request[member] == nil { request[member] = .string(token.description) }
        return request
    }
}
