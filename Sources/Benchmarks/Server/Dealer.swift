internal import CZeroMQ
internal import Core
internal import Glibc

/// libzmq's context, ended with the last of its sockets.
final class ZeroMQContext {
    let handle: UnsafeMutableRawPointer

    init() throws {
        guard let handle = zmq_ctx_new() else { throw BenchmarkError(description: "cannot begin ZeroMQ") }
        self.handle = handle
    }

    deinit { zmq_ctx_term(handle) }
}

/// A bare libzmq socket: the measurements go past the client library, so that they cost as little as possible.
final class RawSocket {
    let handle: UnsafeMutableRawPointer
    private let context: ZeroMQContext

    init(_ kind: Int32, context: ZeroMQContext) throws {
        guard let handle = zmq_socket(context.handle, kind) else {
            throw BenchmarkError(description: "cannot make a socket: \(String(cString: zmq_strerror(zmq_errno())))")
        }
        self.handle = handle
        self.context = context
        set(ZMQ_LINGER, 0)
        set(ZMQ_SNDHWM, 0)
        set(ZMQ_RCVHWM, 0)
        // Started servers are found within a millisecond.
        set(ZMQ_RECONNECT_IVL, 1)
    }

    deinit { zmq_close(handle) }

    func set(_ option: Int32, _ value: Int32) {
        var value = value
        zmq_setsockopt(handle, option, &value, MemoryLayout<Int32>.size)
    }

    func connect(_ endpoint: String) throws {
        guard zmq_connect(handle, endpoint) == 0 else {
            throw BenchmarkError(description: "cannot connect to \(endpoint)")
        }
    }
}

/// Bytes that outlive all messages made of them, and so need not be copied for each.
final class ConstantBytes {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ source: [UInt8]) {
        bytes = .allocate(byteCount: source.count, alignment: 16)
        bytes.copyBytes(from: source)
    }

    deinit { bytes.deallocate() }
}

/// A pipelining client of the requests socket.
final class Dealer {
    let socket: RawSocket
    private let frame = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)

    init(context: ZeroMQContext, endpoint: String) throws {
        socket = try RawSocket(ZMQ_DEALER, context: context)
        try socket.connect(endpoint)
        zmq_msg_init(frame)
    }

    deinit {
        zmq_msg_close(frame)
        frame.deallocate()
    }

    /// Sends `events:PutEvents`; the body is lent to libzmq until it is sent.
    func publish(_ identifier: UInt32, _ body: ConstantBytes) {
        var identifier = identifier
        zmq_send(socket.handle, "OPS1", 4, ZMQ_SNDMORE)
        zmq_send(socket.handle, &identifier, 4, ZMQ_SNDMORE)
        zmq_send(socket.handle, "events:PutEvents", 16, ZMQ_SNDMORE)
        let message = frame
        zmq_msg_init_data(message, body.bytes.baseAddress, body.bytes.count, nil, nil)
        zmq_msg_send(message, socket.handle, 0)
        zmq_msg_init(message)
    }

    /// Takes the next answer, if there is one.
    /// - Parameter check: Looks at status and body.
    /// - Returns: The request's identifier.
    func receive(_ check: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void) throws -> UInt32? {
        guard zmq_msg_recv(frame, socket.handle, ZMQ_DONTWAIT) >= 0 else { return nil }
        zmq_msg_recv(frame, socket.handle, 0)
        let identifier = bytes.count == 4 ? bytes.loadUnaligned(as: UInt32.self) : 0
        zmq_msg_recv(frame, socket.handle, 0)
        // "200" and its like fit into the message structure, whose bytes the next frame overwrites.
        var status: (UInt8, UInt8, UInt8) = (0, 0, 0)
        let count = min(3, bytes.count)
        withUnsafeMutableBytes(of: &status) {
            $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
        }
        zmq_msg_recv(frame, socket.handle, 0)
        try withUnsafeBytes(of: &status) { try check($0, bytes) }
        return identifier
    }

    private var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: zmq_msg_data(frame), count: zmq_msg_size(frame))
    }

    /// Calls an operation and waits for its answer; nothing else may be in flight.
    @discardableResult
    func call(_ operation: String, _ input: JSON, timeoutMilliseconds: Int = 5000) throws -> JSON {
        let name = Array(operation.utf8)
        let body = input.bytes
        zmq_send(socket.handle, "OPS1", 4, ZMQ_SNDMORE)
        zmq_send(socket.handle, "call", 4, ZMQ_SNDMORE)
        zmq_send(socket.handle, name, name.count, ZMQ_SNDMORE)
        zmq_send(socket.handle, body, body.count, 0)
        var output: JSON = .null
        var item = zmq_pollitem_t(socket: socket.handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)
        guard zmq_poll(&item, 1, timeoutMilliseconds) > 0 else {
            throw BenchmarkError(description: "no answer to \(operation)")
        }
        _ = try receive { status, body in
            output = try JSON(parsing: Array(body))
            if !status.elementsEqual("200".utf8) { throw BenchmarkError(description: "\(operation): \(output)") }
        }
        return output
    }
}
