public import API
public import Core
internal import Platform
public import Storage
internal import Synchronization

/// Lets everything pass but what is named.
public struct OpenAuthorizer: Authorizer {
    /// `PRINCIPAL ACTION`, one of each refused.
    public var refused: Set<String>

    public init(refusing refused: Set<String> = []) { self.refused = refused }

    public func authorize(_ principal: Principal, _ action: String, on resource: String) throws(ServiceError) {
        if refused.contains("\(principal) \(action)") {
            throw ServiceError(.accessDenied, "\(principal) is not allowed to perform \(action)")
        }
    }
}

/// Keeps the calls that it is told of.
public final class CallList: CallRecorder {
    public struct Call: Sendable {
        public let operation: String
        public let input: JSON
        public let principal: Principal
        public let failure: ServiceError?
    }

    private let list = Mutex<[Call]>([])

    public init() {}

    public var calls: [Call] { list.withLock { $0 } }

    public func record(_ operation: String, _ input: JSON, _ context: OperationContext, failure: ServiceError?) async {
        let call = Call(operation: operation, input: input, principal: context.principal, failure: failure)
        list.withLock { $0.append(call) }
    }
}

/// Operations that go as the test says.
public final class CallerDouble: OperationCaller {
    public struct Call: Sendable {
        public let operation: String
        public let input: JSON
        public let context: OperationContext
    }

    public typealias Answer = @Sendable (Call) async throws(ServiceError) -> JSON

    private let state: Mutex<(calls: [Call], answer: Answer)>

    /// - Parameter answer: What each call comes to.
    public init(_ answer: @escaping Answer = { _ throws(ServiceError) in [:] }) { state = Mutex(([], answer)) }

    public var calls: [Call] { state.withLock { $0.calls } }

    /// Says what calls come to from now on.
    public func answer(_ answer: @escaping Answer) { state.withLock { $0.answer = answer } }

    /// Every call from now on fails.
    public func fail(_ code: ErrorCode, _ message: String = "as the test says") {
        answer { _ throws(ServiceError) in throw ServiceError(code, message) }
    }

    /// Every call from now on succeeds.
    public func succeed() { answer { _ throws(ServiceError) in [:] } }

    public func call(_ name: String, _ input: JSON, _ context: OperationContext) async throws(ServiceError) -> JSON {
        let call = Call(operation: name, input: input, context: context)
        let answer = state.withLock { state in
            state.calls.append(call)
            return state.answer
        }
        return try await answer(call)
    }
}

extension OperationCaller {
    /// Doubles find none.
    public func find(_ name: String) -> API.Operation? { nil }
}

/// Web servers that answer as the test says.
public final class WebDouble: HTTPSender {
    public typealias Answer = @Sendable (HTTPCall) async throws(HTTPFailure) -> HTTPAnswer

    private let state: Mutex<(calls: [HTTPCall], answer: Answer)>

    public init(_ answer: @escaping Answer = { _ throws(HTTPFailure) in HTTPAnswer(status: 200) }) {
        state = Mutex(([], answer))
    }

    /// Requests in the order in which they came.
    public var calls: [HTTPCall] { state.withLock { $0.calls } }

    /// Says what calls come to from now on.
    public func answer(_ answer: @escaping Answer) { state.withLock { $0.answer = answer } }

    public func send(_ request: HTTPCall) async throws(HTTPFailure) -> HTTPAnswer {
        let answer = state.withLock { state in
            state.calls.append(request)
            return state.answer
        }
        return try await answer(request)
    }
}

/// A journal in memory whose appends can be made to fail.
public final class FaultyJournal: Journal {
    private let journal: MemoryJournal
    private let fault = Mutex<StorageError?>(nil)

    public init(_ journal: MemoryJournal) { self.journal = journal }

    /// Every append fails with this from now on, after it was taken; nil lets them succeed again.
    public func fail(_ error: StorageError?) { fault.withLock { $0 = error } }

    public var epoch: Identifier { journal.epoch }
    public var lastSequence: UInt64 { journal.lastSequence }
    public var oldestSequence: UInt64 { journal.oldestSequence }

    public func append(
        _ batch: consuming JournalBatch, completion: @escaping @Sendable (Result<JournalReceipt, StorageError>) -> Void
    ) throws(StorageError) {
        if let error = fault.withLock({ $0 }) {
            Task { completion(.failure(error)) }
        } else {
            try journal.append(batch, completion: completion)
        }
    }

    public func read(after sequence: UInt64, bytesMax: Int) throws(StorageError) -> JournalSlice {
        try journal.read(after: sequence, bytesMax: bytesMax)
    }

    public func observe(_ observer: @escaping @Sendable (JournalSlice) -> Void) { journal.observe(observer) }

    @discardableResult
    public func trim(olderThan time: Timestamp, keepingBytes bytesMin: Int, keepingAfter sequence: UInt64)
        throws(StorageError) -> JournalTrim
    {
        try journal.trim(olderThan: time, keepingBytes: bytesMin, keepingAfter: sequence)
    }

    public func close() { journal.close() }
}

extension Database {
    /// Makes the database refuse statements, as a full disk would: `DELETE ON outbox`, `INSERT ON deliveries`.
    public func refuse(_ statement: String) async throws {
        let name = statement.replacing(" ", with: "_")
        _ = try await maintain { transaction in
            try transaction.execute(
                "CREATE TRIGGER refuse_\(name) BEFORE \(statement) BEGIN SELECT RAISE(ABORT, 'refused'); END")
        }
    }

    public func allow(_ statement: String) async throws {
        let name = statement.replacing(" ", with: "_")
        _ = try await maintain { try $0.execute("DROP TRIGGER refuse_\(name)") }
    }
}

/// Answers the error that a call comes to; nil where it succeeds.
public func refusal(_ call: () async throws -> JSON) async -> ServiceError? {
    do {
        _ = try await call()
        return nil
    } catch {
        return error as? ServiceError ?? ServiceError(.internalFailure, "not a service error: \(error)")
    }
}
