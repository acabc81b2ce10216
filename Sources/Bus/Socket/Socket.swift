internal import CZeroMQ
internal import Glibc

/// A libzmq socket. Used by one thread at a time, which its owner sees to: an actor pinned to a `BusLoop`.
struct Socket: ~Copyable {
    enum Kind {
        case router, dealer, request, xpub, sub, xsub, pair

        var number: Int32 {
            switch self {
            case .router: ZMQ_ROUTER
            case .dealer: ZMQ_DEALER
            case .xpub: ZMQ_XPUB
            case .sub: ZMQ_SUB
            case .xsub: ZMQ_XSUB
            case .pair: ZMQ_PAIR
            case .request: ZMQ_REQ
            }
        }
    }

    enum Sent {
        case sent
        /// The queue to the peer is full, or nobody is connected.
        case blocked
        /// A router knows no such peer, or no longer.
        case unreachable
    }

    let handle: UnsafeMutableRawPointer
    private let context: Context
    private var isClosed = false

    init(_ kind: Kind, in context: Context) throws(BusError) {
        handle = try Socket.open(kind, context)
        self.context = context
    }

    private static func open(_ kind: Kind, _ context: Context) throws(BusError) -> UnsafeMutableRawPointer {
        guard let handle = zmq_socket(context.handle, kind.number) else { throw .last("create a socket") }
        return handle
    }

    deinit {
        if !isClosed { zmq_close(handle) }
    }

    /// Closes the socket before its time; nothing else may be called after.
    mutating func close() {
        guard !isClosed else { return }
        isClosed = true
        zmq_close(handle)
    }

    func set(_ option: Int32, _ value: Int) throws(BusError) {
        var number = Int32(clamping: value)
        guard zmq_setsockopt(handle, option, &number, MemoryLayout<Int32>.size) == 0 else {
            throw .last("set socket option \(option) to \(value)")
        }
    }

    /// For the options that take 64 bits, such as `ZMQ_MAXMSGSIZE`.
    func set(_ option: Int32, wide value: Int64) throws(BusError) {
        var number = value
        guard zmq_setsockopt(handle, option, &number, MemoryLayout<Int64>.size) == 0 else {
            throw .last("set socket option \(option) to \(value)")
        }
    }

    func set(_ option: Int32, _ bytes: [UInt8]) throws(BusError) {
        guard zmq_setsockopt(handle, option, bytes, bytes.count) == 0 else {
            throw .last("set socket option \(option)")
        }
    }

    func set(_ option: Int32, _ text: String) throws(BusError) { try set(option, Array(text.utf8)) }

    func connect(_ endpoint: String) throws(BusError) {
        guard zmq_connect(handle, endpoint) == 0 else {
            throw .last("connect", endpoint: endpoint, code: .invalidEndpoint)
        }
    }

    func bind(_ endpoint: String) throws(BusError) {
        guard zmq_bind(handle, endpoint) == 0 else {
            let code: BusError.Code = zmq_errno() == EADDRINUSE ? .addressInUse : .invalidEndpoint
            throw .last("bind", endpoint: endpoint, code: code)
        }
    }

    /// Has libzmq take note of connections that were made and lost; sending looks only now and then.
    func settle() {
        var events: Int32 = 0
        var size = MemoryLayout<Int32>.size
        zmq_getsockopt(handle, ZMQ_EVENTS, &events, &size)
    }

    /// Sends one frame without waiting; the bytes are copied.
    func send(_ bytes: UnsafeRawBufferPointer, more: Bool) -> Sent {
        let flags = more ? ZMQ_DONTWAIT | ZMQ_SNDMORE : ZMQ_DONTWAIT
        while zmq_send(handle, bytes.baseAddress, bytes.count, flags) < 0 {
            switch zmq_errno() {
            case EINTR: continue
            case EAGAIN: return .blocked
            default: return .unreachable
            }
        }
        return .sent
    }

    /// Sends a message's last frame without waiting; the bytes are copied.
    /// - Parameter account: What the frame was reserved on; released once libzmq has sent or dropped the frame.
    func send(last bytes: UnsafeRawBufferPointer, account: ByteAccount?) {
        guard let account else {
            _ = send(bytes, more: false)
            return
        }
        guard bytes.count >= ByteAccount.countedBytesMin else {
            _ = send(bytes, more: false)
            account.release(bytes.count)
            return
        }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        copy.copyMemory(from: bytes)
        let hint = Unmanaged.passRetained(CountedFrame(copy, account)).toOpaque()
        var message = zmq_msg_t()
        zmq_msg_init_data(
            &message, copy.baseAddress, copy.count,
            { _, hint in Unmanaged<CountedFrame>.fromOpaque(hint!).release() }, hint)
        while zmq_msg_send(&message, handle, ZMQ_DONTWAIT) < 0 {
            if zmq_errno() == EINTR { continue }
            zmq_msg_close(&message)
            return
        }
    }

    func send(_ bytes: [UInt8], more: Bool) -> Sent { bytes.withUnsafeBytes { send($0, more: more) } }

    func send(_ text: StaticString, more: Bool) -> Sent {
        text.withUTF8Buffer { send(UnsafeRawBufferPointer($0), more: more) }
    }

    /// Sends a whole message without waiting. Whether it can go is decided with the first frame.
    func send(_ frames: [[UInt8]]) -> Sent {
        for (index, frame) in frames.enumerated() {
            let outcome = send(frame, more: index + 1 < frames.count)
            guard case .sent = outcome else { return outcome }
        }
        return .sent
    }
}

/// A frame that libzmq holds; its bytes are given back, and taken off the account, when libzmq lets go of it.
///
/// `@unchecked`: made by one thread and only ever released by another.
private final class CountedFrame: @unchecked Sendable {
    private let bytes: UnsafeMutableRawBufferPointer
    private let account: ByteAccount

    init(_ bytes: UnsafeMutableRawBufferPointer, _ account: ByteAccount) {
        self.bytes = bytes
        self.account = account
    }

    deinit {
        account.release(bytes.count)
        bytes.deallocate()
    }
}
