import API
import Core
import Platform
import TestSupport

@testable import Gateway

/// Operations that answer what they are given, fail as told, or wait.
struct TestOperations {
    /// Holds `events:Wait` until it is opened.
    let gate = Gate()

    static let fields: [Field] = [
        .optional("Text", .string(length: 1...64)), .optional("Count", .integer(0...9)), .optional("Flag", .boolean),
        .optional("Time", .timestamp), .optional("Names", .list(.string(length: 1...8), count: 0...3)),
        .optional("Attributes", .map(.string(length: 0...8))),
        .optional("Rows", .list(.structure([.required("Key", .string()), .optional("Value", .integer())]))),
        .optional("Inner", .structure([.optional("Deep", .list(.string()))])),
    ]

    var all: [Operation] {
        let echo: Operation.Handler = { input, _ in input }
        func echoing(_ name: String, _ route: Route? = nil) -> Operation {
            Operation(
                name, "Answers its input.", .reads, input: TestOperations.fields, output: TestOperations.fields,
                route: route, handler: echo)
        }
        return [
            echoing("events:Echo"), echoing("sns:Echo"), echoing("logs:Echo"),
            echoing("scheduler:GetEcho", TestOperations.getRoute),
            echoing("scheduler:PutEcho", Route(.put, "/echo/{Text}", status: 201)),
            echoing("pipes:ListEcho", Route(.get, "/echo")),
            Operation("sns:Nothing", "Answers nothing.", .reads) { _, _ in [:] },
            Operation("events:Who", "Answers who asks.", .reads) { _, context in
                ["Who": .string(context.principal.name)]
            },
            Operation("sns:Follow", "Answers who follows a link.", .reads, allowsUnsigned: true) { _, context in
                ["Who": .string(context.principal.name)]
            },
            queues, failing("events"), failing("sns"), failing("sqs"), failing("scheduler", Route(.post, "/fail")),
            Operation("events:Wait", "Waits.", .reads) { [gate] _, _ in
                await gate.pass()
                return [:]
            },
            Operation(
                "events:Long", "Answers a long text.", .reads, input: [.required("Bytes", .integer(0...(64 << 20)))]
            ) { input, _ in ["Text": .string(String(repeating: "x", count: input["Bytes"]?.int ?? 0))] },
        ]
    }

    private static let getRoute = Route(
        .get, "/echo/{Text}", query: ["count": "Count", "names": "Names", "time": "Time"], headers: ["x-flag": "Flag"])

    private func failing(_ service: String, _ route: Route? = nil) -> Operation {
        Operation(
            "\(service):Fail", "Fails.", .reads, input: [.required("Code", .string())], route: route
        ) { input, _ in
            let code = input["Code"]?.string.flatMap(ErrorCode.init) ?? .internalFailure
            throw ServiceError(code, "as <told>", members: JSONObject([.init(key: "Extra", value: 1)]))
        }
    }

    /// With members as the queue service has them.
    private var queues: Operation {
        let attributes = Field.optional("MessageAttributes", .map(.structure([.optional("DataType", .string())])))
        return Operation(
            "sqs:SendMessageBatch", "Answers its input.", .reads,
            input: [
                .required("QueueUrl", .string()),
                .optional("Entries", .list(.structure([.required("Id", .string()), attributes]))),
                .optional("AttributeNames", .list(.string())), .optional("Attributes", .map(.string())),
                .optional("Tags", .map(.string())),
            ],
            output: [
                .optional("Successful", .list(.structure([.required("Id", .string())]))),
                .optional("Attributes", .map(.string())), .optional("Input", .any),
            ]
        ) { input, _ in
            [
                "Successful": input["Entries"] ?? [], "Attributes": input["Attributes"] ?? [:],
                "Input": .string(input.text),
            ]
        }
    }

    /// A table of these operations, which asks nobody and records nothing.
    var table: OperationTable {
        OperationTable(all, authorizer: OpenAuthorizer(), recorder: NoRecorder(), translate: { _ in nil })
    }
}

private struct NoRecorder: CallRecorder {
    func record(_ operation: String, _ input: JSON, _ context: OperationContext, failure: ServiceError?) async {}
}

/// Takes every PutEvents request and answers how long it was.
struct EchoingPublisher: PublishHandler {
    func publish(_ requests: [PublishRequest]) {
        for request in requests {
            if request.body.isEmpty {
                request.reply(400, ServiceError(.validation, "empty").json.bytes)
            } else {
                request.reply(200, (["Bytes": .integer(request.body.count)] as JSON).bytes)
            }
        }
    }
}
