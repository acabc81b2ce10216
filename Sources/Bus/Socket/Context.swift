internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// A libzmq context: the input/output thread that its sockets share, and the name space of their `inproc://` endpoints.
///
/// Every socket holds its context, so a context ends only after its sockets.
///
/// `@unchecked`: contexts of libzmq may be used from any thread.
final class Context: @unchecked Sendable {
    let handle: UnsafeMutableRawPointer
    private let isTerminated = Atomic<Bool>(false)

    init() throws(BusError) {
        guard let handle = zmq_ctx_new() else { throw .last("create a context") }
        self.handle = handle
    }

    deinit { terminate() }

    /// Waits until all sockets are closed and have sent what they hold, at most their linger time. After that their
    /// addresses are free.
    func terminate() {
        guard !isTerminated.exchange(true, ordering: .sequentiallyConsistent) else { return }
        while zmq_ctx_term(handle) != 0 && zmq_errno() == EINTR {}
    }
}
