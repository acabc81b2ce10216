import API
import Core
import Synchronization

@testable import Bus

/// Operations with a known answer, one that waits until told, and one that fails.
final class FakeOperations: OperationCaller {
    private let waiting = Mutex<[CheckedContinuation<Void, Never>]>([])
    let calls = Mutex<[(name: String, principal: String)]>([])

    var waitingCount: Int { waiting.withLock { $0.count } }

    func call(_ name: String, _ input: JSON, _ context: OperationContext) async throws(ServiceError) -> JSON {
        calls.withLock { $0.append((name, context.principal.name)) }
        switch name {
        case "test:Echo": return input
        case "test:WhoAmI": return ["Principal": .string(context.principal.name)]
        case "test:Wait":
            await withCheckedContinuation { continuation in waiting.withLock { $0.append(continuation) } }
            return input
        case "test:Fail": throw ServiceError(.sequenceExpired, "too old", members: JSONObject([.init(key: "OldestSequence", value: 7)]))
        default: throw ServiceError(.unknownOperation, "There is no operation \(name).")
        }
    }

    func releaseAll() {
        let released = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for continuation in released { continuation.resume() }
    }
}

/// Keeps what is published, and answers at once or when told.
final class FakePublisher: PublishHandler {
    let answersAtOnce: Bool
    let batches = Mutex<[[PublishRequest]]>([])

    init(answersAtOnce: Bool = true) { self.answersAtOnce = answersAtOnce }

    func publish(_ requests: [PublishRequest]) {
        batches.withLock { $0.append(requests) }
        guard answersAtOnce else { return }
        PublishRequest.reply(to: requests.map { PublishReply(to: $0, status: 200, body: $0.body.bytes) })
    }

    var requests: [PublishRequest] { batches.withLock { $0.flatMap { $0 } } }
}
