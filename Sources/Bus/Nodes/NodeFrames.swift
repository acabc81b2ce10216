internal import API
internal import Core

/// The frames of a node message: `OPS1`, type, JSON body, and for bulk data one raw frame more.
/// - Source: bus protocol OPS1, section 5.
enum NodeFrames {
    static func encode(_ message: NodeMessage) -> [[UInt8]] {
        var frames = [Array("OPS1".utf8), Array(message.kind.rawValue.utf8), message.body.bytes]
        if !message.payload.isEmpty { frames.append(message.payload) }
        return frames
    }

    /// - Throws: `ServiceError` `.malformedRequest`, `.serialization` or `.requestTooLarge`, which names the frame.
    static func decode(_ frames: [[UInt8]]) throws(ServiceError) -> NodeMessage {
        guard let tag = frames.first, tag.elementsEqual("OPS1".utf8) else {
            throw malformed("frame 1 must be the tag OPS1")
        }
        guard (3...4).contains(frames.count) else {
            throw malformed("a node message has three or four frames, and this one has \(frames.count)")
        }
        guard let type = String(validating: frames[1], as: UTF8.self), let kind = NodeMessage.Kind(rawValue: type)
        else {
            throw malformed("frame 2, the type, is not known: \(String(decoding: frames[1].prefix(64), as: UTF8.self))")
        }
        for (index, frame) in frames.enumerated() where frame.count > Limits.requestBytesMax {
            throw ServiceError(
                .requestTooLarge,
                "Frame \(index + 1) has \(frame.count) bytes; at most \(Limits.requestBytesMax) are allowed.")
        }
        let body = try JSON(objectIn: frames[2], named: "Frame 3, the body of \(type),")
        return NodeMessage(kind, body, payload: frames.count == 4 ? frames[3] : [])
    }

    private static func malformed(_ what: String) -> ServiceError {
        ServiceError(.malformedRequest, "Malformed node message: \(what).")
    }
}

extension NodeMessage {
    static func refused(_ error: ServiceError) -> NodeMessage {
        NodeMessage(.refused, ["Code": .string(error.code.rawValue), "Message": .string(error.message)])
    }
}

extension NodeMessage.Kind {
    /// Whether agents send it.
    var isFromAgent: Bool {
        switch self {
        case .register, .heartbeat, .accepted, .stepStarted, .output, .stepFinished, .finished, .fetch: true
        case .registered, .refused, .run, .outputCredit, .finishedReceived, .cancel, .fetched: false
        }
    }

    /// Whether servers send it.
    var isFromServer: Bool { self == .heartbeat || !isFromAgent }
}
