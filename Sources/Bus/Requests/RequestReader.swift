internal import API
internal import Core

/// Reads requests off a router socket: bus protocol OPS1, section 2.
struct RequestReader: ~Copyable {
    enum Outcome {
        /// Nothing is waiting.
        case none
        case publish([UInt8])
        case call(operation: String, [UInt8])
        case malformed(ServiceError)
    }

    /// Of the request read last.
    private(set) var envelope = Envelope()
    private(set) var principal: Principal
    /// Whether connections are authenticated, so that every frame names its principal.
    private let isAuthenticated: Bool
    private var frame = Frame()

    init(isAuthenticated: Bool) {
        self.isAuthenticated = isAuthenticated
        principal = .local
    }

    /// Reads one whole message, whatever it holds.
    mutating func next(from socket: UnsafeMutableRawPointer) -> Outcome {
        guard frame.receive(from: socket) else { return .none }
        envelope.routing.replace(with: frame.bytes)
        envelope.identifier.removeAll(keepingCapacity: true)
        envelope.hasDelimiter = false
        guard frame.hasMore else { return malformed("the message is empty") }
        advance(socket)
        if frame.bytes.isEmpty {
            envelope.hasDelimiter = true
            guard frame.hasMore else { return malformed("the message is empty") }
            advance(socket)
        }
        if isAuthenticated {
            guard let name = frame.property("User-Id"), !name.isEmpty else {
                drain(socket)
                return .malformed(ServiceError(.accessDenied, "The connection is not authenticated."))
            }
            principal = Principal(name)
        }
        return body(from: socket)
    }

    /// Reads what follows the tag, which is in `frame`.
    private mutating func body(from socket: UnsafeMutableRawPointer) -> Outcome {
        guard frame.equals("OPS1") else {
            drain(socket)
            return malformed("frame 1 must be the tag OPS1")
        }
        guard frame.hasMore else { return malformed("frame 2, the request id, is missing") }
        advance(socket)
        guard frame.bytes.count <= Limits.requestIdentifierBytesMax else {
            let count = frame.bytes.count
            drain(socket)
            return malformed(
                "frame 2, the request id, has \(count) bytes; at most \(Limits.requestIdentifierBytesMax) are allowed")
        }
        envelope.identifier.replace(with: frame.bytes)
        guard frame.hasMore else { return malformed("frame 3, the operation, is missing") }
        advance(socket)
        let isPublish = frame.equals("events:PutEvents")
        let operation = isPublish ? "" : String(validating: frame.bytes.prefix(256), as: UTF8.self)
        guard let operation else {
            drain(socket)
            return malformed("frame 3, the operation, is not UTF-8")
        }
        guard frame.hasMore else { return malformed("frame 4, the operation's input, is missing") }
        advance(socket)
        guard !frame.hasMore else {
            drain(socket)
            return malformed("a request has four frames, and this one has more")
        }
        guard frame.bytes.count <= Limits.requestBytesMax else {
            return .malformed(.tooLarge(bodyBytes: frame.bytes.count))
        }
        return isPublish ? .publish(Array(frame.bytes)) : .call(operation: operation, Array(frame.bytes))
    }

    private func malformed(_ what: String) -> Outcome {
        .malformed(ServiceError(.malformedRequest, "Malformed request: \(what)."))
    }

    /// The frames of a message arrive together, so the next one is there.
    private mutating func advance(_ socket: UnsafeMutableRawPointer) { _ = frame.receive(from: socket) }

    private mutating func drain(_ socket: UnsafeMutableRawPointer) {
        while frame.hasMore && frame.receive(from: socket) {}
    }
}

extension ServiceError {
    /// The refusal of a request whose body is longer than `Limits.requestBytesMax`.
    static func tooLarge(bodyBytes: Int) -> ServiceError {
        ServiceError(
            .requestTooLarge, "The body has \(bodyBytes) bytes; at most \(Limits.requestBytesMax) are allowed.")
    }
}
