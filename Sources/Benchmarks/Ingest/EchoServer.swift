internal import CShims
internal import CZeroMQ
internal import Core
internal import Glibc
internal import Synchronization

/// A ROUTER that answers at once what `events:PutEvents` would: the most that the transport allows.
final class EchoServer: Sendable {
    let endpoint: String
    private let batch: Int
    private let isStopping = Atomic<Bool>(false)
    private let hasEnded = Atomic<Bool>(false)

    /// - Parameter batch: Events a request.
    init(batch: Int) throws {
        self.batch = batch
        endpoint = "tcp://127.0.0.1:\(try freePorts(1)[0])"
        let this = Unmanaged.passRetained(self)
        let status = ops_thread_start(
            { Unmanaged<EchoServer>.fromOpaque($0!).takeRetainedValue().run() }, this.toOpaque())
        guard status == 0 else { throw BenchmarkError(description: "cannot start a thread") }
    }

    func stop() {
        isStopping.store(true, ordering: .relaxed)
        while !hasEnded.load(ordering: .acquiring) { usleep(1000) }
    }

    private func run() {
        do { try serve() } catch { print("raw ZeroMQ server: \(error)") }
        hasEnded.store(true, ordering: .releasing)
    }

    private func serve() throws {
        let socket = try RawSocket(ZMQ_ROUTER, context: ZeroMQContext())
        guard zmq_bind(socket.handle, endpoint) == 0 else {
            throw BenchmarkError(description: "cannot bind \(endpoint)")
        }
        let identifiers = [String](repeating: "{\"EventId\":\"12345678-1234-4234-8234-123456789012\"}", count: batch)
        let answer = ConstantBytes(
            Array("{\"Entries\":[\(identifiers.joined(separator: ","))],\"FailedEntryCount\":0}".utf8))
        var item = zmq_pollitem_t(socket: socket.handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)
        while !isStopping.load(ordering: .relaxed) {
            while echo(socket.handle, answer) {}
            zmq_poll(&item, 1, 10)
        }
    }

    /// Reads a request of five frames, routing included, and answers it.
    private func echo(_ socket: UnsafeMutableRawPointer, _ answer: ConstantBytes) -> Bool {
        var frame = zmq_msg_t()
        zmq_msg_init(&frame)
        guard zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) >= 0 else { return false }
        zmq_msg_send(&frame, socket, ZMQ_SNDMORE)
        zmq_msg_init(&frame)
        for _ in 0..<2 {
            zmq_msg_recv(&frame, socket, 0)
            zmq_msg_send(&frame, socket, ZMQ_SNDMORE)
            zmq_msg_init(&frame)
        }
        zmq_msg_recv(&frame, socket, 0)
        zmq_msg_recv(&frame, socket, 0)
        zmq_msg_close(&frame)
        zmq_send(socket, "200", 3, ZMQ_SNDMORE)
        zmq_send(socket, answer.bytes.baseAddress, answer.bytes.count, 0)
        return true
    }
}
