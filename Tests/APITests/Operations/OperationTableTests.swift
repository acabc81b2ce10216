import Core
import TestSupport
import Testing

@testable import API

@Suite("The table of operations") struct OperationTableTests {
    private struct Unforeseen: Error, CustomStringConvertible {
        let description = "nobody thought of this"
    }

    private let recorder = CallList()

    private func table() -> OperationTable {
        let echo: Operation.Handler = { input, _ in input }
        return OperationTable(
            [
                Operation("a:Read", "Reads.", .reads, input: [.optional("X", .integer(0...9))], handler: echo),
                Operation(
                    "a:Write", "Writes.", .writes,
                    input: [
                        .optional("Code", .string(), sensitive: true), .optional("Y", .any),
                        .optional(
                            "Deep",
                            .list(.map(.structure([.optional("Key", .any, sensitive: true), .optional("Z", .any)])))),
                    ], handler: echo),
                Operation("a:Refuse", "Refuses.", .writes) { _, _ in throw ServiceError(.limitExceeded, "no more") },
                Operation("a:Break", "Breaks.", .writes) { _, _ in throw Unforeseen() },
                Operation("a:Cancel", "Is cancelled.", .writes) { _, _ in throw CancellationError() },
            ],
            authorizer: OpenAuthorizer(refusing: ["guest a:Read"]), recorder: recorder,
            translate: { $0 is CancellationError ? ServiceError(.serviceUnavailable, "stopping") : nil })
    }

    private func error(_ name: String, _ input: JSON = [:], as principal: Principal = .local) async -> ServiceError? {
        let table = table()
        return await refusal { try await table.call(name, input, OperationContext(principal: principal)) }
    }

    @Test("A read is recorded by the table; a write records itself")
    func records() async throws {
        let table = table()
        let context = OperationContext(principal: Principal("p"))
        #expect(try await table.call("a:Read", ["X": 1], context) == ["X": 1])
        #expect(try await table.call("a:Write", ["Y": 2], context) == ["Y": 2])
        #expect(recorder.calls.map(\.operation) == ["a:Read"])
        #expect(recorder.calls[0].principal == Principal("p") && recorder.calls[0].input == ["X": 1])
    }

    @Test("Who may not call is refused before the input is looked at, and that is recorded")
    func unauthorised() async {
        #expect(await error("a:Read", ["Nonsense": 1], as: Principal("guest"))?.code == .accessDenied)
        #expect(recorder.calls.map { $0.failure?.code } == [.accessDenied])
    }

    @Test("Input of another shape, a refusal and a failure are recorded with their errors")
    func failures() async {
        #expect(await error("a:Read", ["X": 10])?.code == .validation)
        #expect(await error("a:Refuse") == ServiceError(.limitExceeded, "no more"))
        #expect(await error("a:Break") == ServiceError(.internalFailure, "a:Break failed: nobody thought of this"))
        #expect(await error("a:Cancel") == ServiceError(.serviceUnavailable, "stopping"))
        #expect(
            recorder.calls.map { $0.failure?.code }
                == [.validation, .limitExceeded, .internalFailure, .serviceUnavailable])
    }

    @Test("An unknown operation is named, with the one that was likely meant")
    func unknown() async {
        #expect(await error("a:Reed") == ServiceError(.unknownOperation,
            "There is no operation a:Reed. Did you mean a:Read?"))
        #expect(await error("zzzzzzzzz") == ServiceError(.unknownOperation, "There is no operation zzzzzzzzz."))
    }

    @Test("What is secret is masked where it is recorded")
    func secrets() async {
        let deep: JSON = [["m": ["Key": "1234", "Z": 2, "Kye": "1234"]]]
        let failure = await error("a:Write", ["Code": "1234", "Cod": "1234", "Y": 1, "Deep": deep])
        #expect(failure?.code == .validation)
        #expect(
            recorder.calls.map(\.input) == [
                [
                    "Code": "****", "Cod": "****", "Y": 1,
                    "Deep": [["m": ["Key": "****", "Z": 2, "Kye": "****"]]],
                ]
            ])
    }

    @Test("Operations are listed by name")
    func all() {
        let names = ["a:Break", "a:Cancel", "a:Read", "a:Refuse", "a:Write", "opsbus:ListOperations"]
        #expect(table().all.map(\.name) == names)
    }
}

@Suite("Errors on the wire") struct ErrorCodeTests {
    @Test(
        "Every code has the status of its kind, and only what may pass is tried again",
        arguments: [
            (ErrorCode.accessDenied, 403, false), (.unknownOperation, 404, false), (.notFound, 404, false),
            (.requestTooLarge, 413, false), (.throttling, 429, true), (.internalFailure, 500, true),
            (.serviceUnavailable, 503, true), (.concurrentModification, 400, true),
            (.automationExecutionLimitExceeded, 400, true), (.resourceNotFound, 400, false),
            (.validation, 400, false), (.limitExceeded, 400, false),
        ])
    func table(code: ErrorCode, status: Int, isRetryable: Bool) {
        #expect(code.status == status && code.isRetryable == isRetryable)
    }

    @Test("An error is read as it was written, with its own members", arguments: ErrorCode.allCases)
    func json(code: ErrorCode) {
        let error = ServiceError(
            code, "why", members: JSONObject([.init(key: "OldestSequence", value: 7)]))
        #expect(error.json == ["__type": .string(code.rawValue), "message": "why", "OldestSequence": 7])
        #expect(ServiceError(json: error.json) == error)
    }

    @Test("What is no error body is not taken for one", arguments: [#"{"__type":"New"}"#, "{}", "[]", "null"])
    func noError(text: String) throws {
        #expect(ServiceError(json: try JSON(parsing: text)) == nil)
    }
}
