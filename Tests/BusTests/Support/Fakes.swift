import API
import Core
import Synchronization
import TestSupport

@testable import Bus

/// Operations with a known answer, one that waits until told, and one that fails.
final class FakeOperations: OperationCaller {
    private let waiting = Mutex<[CheckedContinuation<Void, Never>]>([])
    let calls = Mutex<[(name: String, principal: String)]>([])
    let journal = FakeJournal()

    var waitingCount: Int { waiting.withLock { $0.count } }

    func find(_ name: String) -> API.Operation? { nil }

    func call(_ name: String, _ input: JSON, _ context: OperationContext) async throws(ServiceError) -> JSON {
        calls.withLock { $0.append((name, context.principal.name)) }
        switch name {
        case "test:Echo": return input
        case "bus:ReadStream": return try journal.read(input)
        case "bus:Acknowledge": return journal.acknowledge(input)
        case "test:WhoAmI": return ["Principal": .string(context.principal.name)]
        case "test:Wait":
            await withCheckedContinuation { continuation in waiting.withLock { $0.append(continuation) } }
            return input
        case "test:Fail":
            throw ServiceError(
                .sequenceExpired, "too old", members: JSONObject([.init(key: "OldestSequence", value: 7)]))
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
        for request in requests { request.reply(200, request.body) }
    }

    var requests: [PublishRequest] { batches.withLock { $0.flatMap { $0 } } }
}

/// A journal in memory: what `bus:ReadStream` reads, and what goes to the stream socket.
final class FakeJournal: Sendable {
    struct Entry: Sendable, Hashable {
        var topic: String
        var sequence: UInt64
        var previousSequence: UInt64
        var body: String
    }

    struct State: Sendable {
        var epoch = "epoch-1"
        var entries: [Entry] = []
        var lastOfTopic: [String: UInt64] = [:]
        var lastSequence: UInt64 = 0
        var oldest: UInt64 = 0
        var cursors: [String: Int] = [:]
        var readCount = 0
    }

    let state = Mutex(State())

    var position: StreamPosition { state.withLock { StreamPosition(epoch: $0.epoch, sequence: $0.lastSequence) } }

    /// Adds a message to each topic, in order, and hands them to the stream unless told to lose them.
    @discardableResult
    func append(_ topics: [String], to stream: StreamServer?, body: String = "{}") -> [Entry] {
        let added = state.withLock { state in
            topics.map { topic in
                state.lastSequence += 1
                let entry = Entry(
                    topic: topic, sequence: state.lastSequence, previousSequence: state.lastOfTopic[topic] ?? 0,
                    body: body)
                state.lastOfTopic[topic] = entry.sequence
                state.entries.append(entry)
                return entry
            }
        }
        if let stream { publish(added[...], to: stream) }
        return added
    }

    private func publish(_ entries: ArraySlice<Entry>, to stream: StreamServer) {
        var bytes: [UInt8] = []
        var ranges: [(topic: Range<Int>, body: Range<Int>)] = []
        for entry in entries {
            let start = bytes.count
            bytes.append(contentsOf: entry.topic.utf8)
            let middle = bytes.count
            bytes.append(contentsOf: entry.body.utf8)
            ranges.append((start..<middle, middle..<bytes.count))
        }
        bytes.withUnsafeBytes { bytes in
            stream.publish(
                zip(entries, ranges).map { entry, range in
                    StreamRecord(
                        topic: UnsafeRawBufferPointer(rebasing: bytes[range.topic]),
                        payload: UnsafeRawBufferPointer(rebasing: bytes[range.body]), sequence: entry.sequence,
                        previousSequence: entry.previousSequence)
                })
        }
    }

    func read(_ input: JSON) throws(ServiceError) -> JSON {
        let prefixes = (input["TopicPrefixes"]?.array ?? []).compactMap(\.string)
        let limit = input["Limit"]?.int ?? 1000
        return try state.withLock { state throws(ServiceError) -> JSON in
            state.readCount += 1
            if let epoch = input["Epoch"]?.string, epoch != state.epoch {
                throw ServiceError(.epochChanged, "the epoch is \(state.epoch)")
            }
            let after = input["AfterSequence"]?.int ?? state.cursors[input["Subscriber"]?.string ?? ""] ?? 0
            if UInt64(after) + 1 < state.oldest {
                throw ServiceError(
                    .sequenceExpired, "too old",
                    members: JSONObject([.init(key: "OldestSequence", value: .integer(state.oldest))]))
            }
            let messages = state.entries.lazy
                .filter { entry in entry.sequence > after && prefixes.contains { entry.topic.hasPrefix($0) } }
                .prefix(limit)
            return [
                "Epoch": .string(state.epoch),
                "Messages": .array(
                    messages.map { entry in
                        [
                            "Topic": .string(entry.topic), "Sequence": .integer(entry.sequence),
                            "PreviousSequence": .integer(entry.previousSequence),
                            "Body": (try? JSON(parsing: entry.body)) ?? .null,
                        ]
                    }),
                "NextSequence": .integer(messages.last.map { Int($0.sequence) } ?? after),
            ]
        }
    }

    func acknowledge(_ input: JSON) -> JSON {
        state.withLock { $0.cursors[input["Subscriber"]?.string ?? ""] = input["Sequence"]?.int }
        return [:]
    }
}

/// Allows what its rule allows.
final class FakeAuthorizer: Authorizer {
    let asked = Mutex<[String]>([])
    let rule: @Sendable (_ principal: Principal, _ action: String, _ resource: String) -> Bool

    init(_ rule: @escaping @Sendable (Principal, String, String) -> Bool = { _, _, _ in true }) { self.rule = rule }

    func authorize(_ principal: Principal, _ action: String, on resource: String) throws(ServiceError) {
        asked.withLock { $0.append("\(principal) \(action) \(resource)") }
        guard rule(principal, action, resource) else {
            throw ServiceError(.accessDenied, "\(principal) may not \(action) on \(resource)")
        }
    }
}

/// Keeps what agents send; answers each `Register`.
final class FakeNodes: NodeMessageHandler {
    let received = Mutex<[(message: NodeMessage, connection: NodeConnection)]>([])
    private let gate: Gate?

    /// - Parameter gate: Held shut, messages wait in `receive`.
    init(gate: Gate? = nil) { self.gate = gate }

    func receive(_ message: NodeMessage, from connection: NodeConnection) async {
        received.withLock { $0.append((message, connection)) }
        await gate?.pass()
    }

    var messages: [NodeMessage] { received.withLock { $0.map(\.message) } }
    var connections: [NodeConnection] { received.withLock { $0.map(\.connection) } }
}

/// Registered keys, which may change at any time.
final class FakeKeys: KeyDirectory {
    let principals = Mutex<[String: Principal]>([:])

    func principal(forKey publicKey: String) -> Principal? { principals.withLock { $0[publicKey] } }

    /// Makes a key pair and registers it.
    func register(_ name: String) throws -> CurveKeyPair {
        let pair = try CurveKeyPair()
        principals.withLock { $0[pair.publicKey] = Principal(name) }
        return pair
    }
}
