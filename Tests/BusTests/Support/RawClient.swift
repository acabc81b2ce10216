import API
import CZeroMQ
import Core
import TestSupport
import Testing

@testable import Bus

/// A client that sends exactly the frames a test gives it.
final class RawClient {
    private let context: Context
    private let socket: Socket
    private var monitor: SocketMonitor
    private var frame = Frame()

    init(
        _ kind: Socket.Kind, _ endpoint: String, keys: ClientKeys? = nil, subscriptions: [String] = [],
        messagesQueuedMax: Int = 100_000, identity: String? = nil
    ) throws {
        context = try Context()
        socket = try Socket(kind, in: context)
        monitor = try SocketMonitor(of: socket, in: context)
        try socket.set(ZMQ_LINGER, 0)
        try socket.set(ZMQ_SNDHWM, messagesQueuedMax)
        try socket.set(ZMQ_RCVHWM, messagesQueuedMax)
        if let keys { try socket.useCurve(keys) }
        if let identity { try socket.set(ZMQ_ROUTING_ID, identity) }
        for prefix in subscriptions { try socket.set(ZMQ_SUBSCRIBE, prefix) }
        try socket.connect(endpoint)
    }

    /// The other side: a socket that clients connect to.
    init(_ kind: Socket.Kind, binding endpoint: String) throws {
        context = try Context()
        socket = try Socket(kind, in: context)
        monitor = try SocketMonitor(of: socket, in: context)
        try socket.set(ZMQ_LINGER, 0)
        try socket.bind(endpoint)
    }

    /// A subscriber whose subscriptions are in effect: the heartbeat, asked for last, has come.
    static func subscriber(
        _ endpoint: String, keys: ClientKeys? = nil, messagesQueuedMax: Int = 100_000, to prefixes: String...
    ) async throws -> RawClient {
        let client = try RawClient(
            .sub, endpoint, keys: keys, subscriptions: prefixes, messagesQueuedMax: messagesQueuedMax)
        try await eventually("the subscriber is connected") { client.connectionChange() == .connected }
        try client.subscribe(StreamTopic.heartbeat)
        _ = try await client.receiveHeartbeat()
        return client
    }

    /// What happened to the connection since the last question.
    func connectionChange() -> SocketMonitor.Change? { monitor.next() }

    func subscribe(_ prefix: String) throws { try socket.set(ZMQ_SUBSCRIBE, prefix) }

    func unsubscribe(_ prefix: String) throws { try socket.set(ZMQ_UNSUBSCRIBE, prefix) }

    func send(_ frames: [[UInt8]]) async throws {
        try await eventually("the message can be sent") {
            if case .sent = self.socket.send(frames) { true } else { false }
        }
    }

    /// Sends a message if that is possible now.
    @discardableResult
    func trySend(_ frames: [[UInt8]]) -> Bool {
        if case .sent = socket.send(frames) { true } else { false }
    }

    func send(_ frames: String...) async throws { try await send(frames.map { Array($0.utf8) }) }

    /// The message that has come, or nil.
    func poll() -> [[UInt8]]? {
        guard frame.receive(from: socket.handle) else { return nil }
        var frames = [Array(frame.bytes)]
        while frame.hasMore, frame.receive(from: socket.handle) { frames.append(Array(frame.bytes)) }
        return frames
    }

    func receive() async throws -> [[UInt8]] {
        var message: [[UInt8]]?
        try await eventually("a message comes") {
            message = self.poll()
            return message != nil
        }
        return try #require(message)
    }

    /// The frames of the next message on another topic than the heartbeats'.
    func receiveStreamFrames() async throws -> [[UInt8]] {
        while true {
            let frames = try await receive()
            if frames[0].text != StreamTopic.heartbeat { return frames }
        }
    }

    func receiveStream() async throws -> (topic: String, sequence: UInt64, body: String) {
        let frames = try await receiveStreamFrames()
        try #require(frames.count == 3)
        let sequences = try #require(frames[1].withUnsafeBytes { SequenceFrame($0) })
        return (frames[0].text, sequences.sequence, frames[2].text)
    }

    /// Waits for a heartbeat, passing over all else, and returns its body.
    func receiveHeartbeat() async throws -> JSON {
        while true {
            let frames = try await receive()
            if frames[0].text == StreamTopic.heartbeat { return try JSON(parsing: frames[2]) }
        }
    }

    /// A message as text, frame by frame.
    func receiveText() async throws -> [String] { try await receive().map { String(decoding: $0, as: UTF8.self) } }
}

extension [UInt8] {
    init(_ text: String) { self = Array(text.utf8) }

    var text: String { String(decoding: self, as: UTF8.self) }
}
