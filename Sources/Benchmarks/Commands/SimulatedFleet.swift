internal import CShims
internal import CZeroMQ
internal import Core
internal import Glibc
internal import Synchronization

/// Nodes of one server in one thread: each has a connection of its own and speaks as an agent does, but runs nothing.
///
/// A command is at once accepted, begun, answered with one line of output, and ended.
///
/// `@unchecked`: the nodes are touched by the thread alone once it runs.
final class SimulatedFleet: @unchecked Sendable {
    private struct Node {
        let socket: RawSocket
        let fingerprint: String
    }

    private let context: ZeroMQContext
    private var nodes: [Node] = []
    private let activation: JSON
    private let registered = Atomic<Int>(0)
    private let shouldEnd = Atomic<Bool>(false)
    private let hasEnded = Atomic<Bool>(false)
    private let frame = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)

    private static let heartbeatNanoseconds: Int64 = 20_000_000_000

    /// Connects and registers.
    /// - Parameter activation: The answer of `ssm:CreateActivation`.
    init(count: Int, endpoint: String, activation: JSON) throws {
        context = try ZeroMQContext()
        zmq_ctx_set(context.handle, ZMQ_MAX_SOCKETS, Int32(count + 16))
        self.activation = activation
        zmq_msg_init(frame)
        for number in 0..<count {
            let socket = try RawSocket(ZMQ_DEALER, context: context)
            try socket.connect(endpoint)
            nodes.append(Node(socket: socket, fingerprint: "bench-\(number)"))
        }
        let this = Unmanaged.passRetained(self)
        let status = ops_thread_start(
            { Unmanaged<SimulatedFleet>.fromOpaque($0!).takeRetainedValue().run() }, this.toOpaque())
        guard status == 0 else { throw BenchmarkError(description: "cannot start a thread") }
        for _ in 0..<6000 where registered.load(ordering: .relaxed) < count { usleep(10_000) }
        let known = registered.load(ordering: .relaxed)
        guard known == count else { throw BenchmarkError(description: "only \(known) of \(count) nodes registered") }
    }

    deinit {
        zmq_msg_close(frame)
        frame.deallocate()
    }

    func stop() {
        shouldEnd.store(true, ordering: .relaxed)
        while !hasEnded.load(ordering: .acquiring) { usleep(1000) }
    }

    private func run() {
        for node in nodes { register(node) }
        var items = nodes.map {
            zmq_pollitem_t(socket: $0.socket.handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)
        }
        var nextHeartbeat = ops_monotonic_nanoseconds() + SimulatedFleet.heartbeatNanoseconds
        while !shouldEnd.load(ordering: .relaxed) {
            zmq_poll(&items, Int32(items.count), 100)
            for index in items.indices where items[index].revents != 0 {
                while receive(nodes[index]) {}
            }
            if ops_monotonic_nanoseconds() >= nextHeartbeat {
                nextHeartbeat += SimulatedFleet.heartbeatNanoseconds
                for node in nodes { send("Heartbeat", [:], on: node) }
            }
        }
        nodes = []
        hasEnded.store(true, ordering: .releasing)
    }

    private func register(_ node: Node) {
        send(
            "Register",
            [
                "Fingerprint": .string(node.fingerprint), "ActivationId": activation["ActivationId"] ?? .null,
                "ActivationCode": activation["ActivationCode"] ?? .null, "ComputerName": .string(node.fingerprint),
                "PlatformType": "Linux", "PlatformName": "Simulated", "PlatformVersion": "1", "AgentVersion": "0.1.0",
                "IPAddress": "127.0.0.1", "Commands": [],
            ], on: node)
    }

    /// - Returns: Whether there was a message.
    private func receive(_ node: Node) -> Bool {
        guard zmq_msg_recv(frame, node.socket.handle, ZMQ_DONTWAIT) >= 0 else { return false }
        zmq_msg_recv(frame, node.socket.handle, 0)
        let kind = String(decoding: bytes, as: UTF8.self)
        zmq_msg_recv(frame, node.socket.handle, 0)
        switch kind {
        case "Registered": registered.add(1, ordering: .relaxed)
        case "Run": run(Array(bytes), on: node)
        default: break
        }
        return true
    }

    private var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: zmq_msg_data(frame), count: zmq_msg_size(frame))
    }

    private func run(_ body: [UInt8], on node: Node) {
        guard let command = (try? JSON(parsing: body))?["CommandId"] else { return }
        let time = JSON.string("2026-01-31T08:00:00.000Z")
        let step: JSON = [
            "CommandId": command, "StepName": "runShellScript", "Action": "aws:runShellScript", "Status": "Success",
            "ResponseCode": 0, "StandardOutput": "done\n", "StandardError": "", "StartTime": time, "EndTime": time,
        ]
        send("Accepted", ["CommandId": command], on: node)
        send(
            "StepStarted",
            ["CommandId": command, "StepName": "runShellScript", "Action": "aws:runShellScript", "Time": time],
            on: node)
        send(
            "Output",
            ["CommandId": command, "StepName": "runShellScript", "Stream": "stdout", "Offset": 0], payload: "done\n",
            on: node)
        send("StepFinished", step, on: node)
        send(
            "Finished",
            ["CommandId": command, "StatusDetails": "Success", "Message": "", "Steps": [step]], on: node)
    }

    private func send(_ kind: String, _ body: JSON, payload: String? = nil, on node: Node) {
        let text = body.bytes
        zmq_send(node.socket.handle, "OPS1", 4, ZMQ_SNDMORE)
        zmq_send(node.socket.handle, kind, kind.utf8.count, ZMQ_SNDMORE)
        zmq_send(node.socket.handle, text, text.count, payload == nil ? 0 : ZMQ_SNDMORE)
        if let payload { zmq_send(node.socket.handle, payload, payload.utf8.count, 0) }
    }
}
