internal import CZeroMQ
internal import Synchronization

/// A libzmq context: the input/output thread that its sockets share, and the name space of their `inproc://` endpoints.
///
/// Every socket holds its context, so a context ends only after its sockets.
///
/// `@unchecked`: contexts of libzmq may be used from any thread.
final class Context: @unchecked Sendable {
    let handle: UnsafeMutableRawPointer

    init() throws(BusError) {
        guard let handle = zmq_ctx_new() else { throw .last("create a context") }
        self.handle = handle
    }

    /// Waits until closed sockets have sent what they hold, at most their linger time.
    deinit {
        while zmq_ctx_term(handle) != 0 && zmq_errno() == EINTR {}
    }
}
