import API
import CZeroMQ
import Core
import Testing

@testable import Bus

/// A client that sends exactly the frames a test gives it.
final class RawClient {
    private var context: Context
    private var socket: Socket
    private var frame = Frame()

    init(_ kind: Socket.Kind, _ endpoint: String, keys: ClientKeys? = nil) throws {
        context = try Context()
        socket = try Socket(kind, in: context)
        try socket.set(ZMQ_LINGER, 0)
        if let keys { try socket.useCurve(keys) }
        try socket.connect(endpoint)
    }

    func send(_ frames: [[UInt8]]) async throws {
        try await eventually("the message can be sent") {
            if case .sent = self.socket.send(frames) { true } else { false }
        }
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

    /// A message as text, frame by frame.
    func receiveText() async throws -> [String] { try await receive().map { String(decoding: $0, as: UTF8.self) } }

    func set(_ option: Int32, _ value: Int) throws { try socket.set(option, value) }

    func set(_ option: Int32, _ text: String) throws { try socket.set(option, text) }
}

struct DeadlineExceeded: Error, CustomStringConvertible {
    let description: String
}

/// Waits until a condition holds, looking every millisecond.
/// - Throws: `DeadlineExceeded` when it does not hold within the time.
func eventually(
    _ condition: String, within limit: Duration = .seconds(20), isolation: isolated (any Actor)? = #isolation,
    _ holds: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !holds() {
        guard ContinuousClock.now < end else { throw DeadlineExceeded(description: "waited in vain until \(condition)") }
        try await Task.sleep(for: .milliseconds(1))
    }
}

extension [UInt8] {
    init(_ text: String) { self = Array(text.utf8) }

    var text: String { String(decoding: self, as: UTF8.self) }
}
