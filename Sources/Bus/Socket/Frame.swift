internal import CZeroMQ

/// One frame of a message, received and not copied.
struct Frame: ~Copyable {
    // On the heap, because libzmq keeps small frames inside this structure and so its address must not change.
    private let message: UnsafeMutablePointer<zmq_msg_t>

    init() {
        message = .allocate(capacity: 1)
        zmq_msg_init(message)
    }

    deinit {
        zmq_msg_close(message)
        message.deallocate()
    }

    /// Valid until the next frame is received into this one.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
    }

    /// Whether another frame of the same message follows.
    var hasMore: Bool { zmq_msg_more(message) != 0 }

    /// What is known of the sender's connection: `User-Id`, `Peer-Address`, `Socket-Type`.
    func property(_ name: StaticString) -> String? {
        name.withUTF8Buffer { buffer in
            buffer.withMemoryRebound(to: CChar.self) {
                zmq_msg_gets(message, $0.baseAddress).map { String(cString: $0) }
            }
        }
    }

    /// Receives the next frame without waiting.
    /// - Returns: False where there is none.
    func receive(from socket: UnsafeMutableRawPointer) -> Bool {
        zmq_msg_recv(message, socket, ZMQ_DONTWAIT) >= 0
    }

    func equals(_ text: StaticString) -> Bool {
        let bytes = bytes
        return bytes.count == text.utf8CodeUnitCount
            && text.withUTF8Buffer { $0.elementsEqual(bytes) }
    }
}
