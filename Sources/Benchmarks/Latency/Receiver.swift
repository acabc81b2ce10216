internal import CShims
internal import CZeroMQ
internal import Core
internal import Glibc
internal import Synchronization

/// A subscriber in a thread of its own that notes when each numbered message came.
///
/// `@unchecked`: `times` is written by the thread alone and read after it has ended.
final class Receiver: @unchecked Sendable {
    private let topic: String
    private let endpoint: String
    private var times: [Int64]
    private var starts: [Int64]
    private let missing: Atomic<Int>
    private let hasEnded = Atomic<Bool>(false)

    /// - Parameter count: Messages to wait for, numbered from 0 by their member `benchNumber`.
    init(_ topic: String, of server: RunningServer, count: Int) throws {
        self.topic = topic
        endpoint = server.stream
        times = [Int64](repeating: 0, count: count)
        starts = times
        missing = Atomic(count)
        let this = Unmanaged.passRetained(self)
        let status = ops_thread_start(
            { Unmanaged<Receiver>.fromOpaque($0!).takeRetainedValue().run() }, this.toOpaque())
        guard status == 0 else { throw BenchmarkError(description: "cannot start a thread") }
    }

    /// Waits for the last message.
    /// - Returns: When each came, as `ops_monotonic_nanoseconds`.
    func finish() throws -> [Int64] {
        while !hasEnded.load(ordering: .acquiring) { usleep(1000) }
        let count = missing.load(ordering: .relaxed)
        if let first = times.firstIndex(of: 0) {
            throw BenchmarkError(description: "\(count) messages of \(topic) did not come, the first is \(first)")
        }
        return times
    }

    /// When the server handled each, by the message's `Timestamp`: nanoseconds since 1970, to whole milliseconds and
    /// rounded up. 0 for messages without one. After `finish`.
    var handled: [Int64] { starts }

    private func run() {
        do { try receive() } catch { print("subscriber: \(error)") }
        hasEnded.store(true, ordering: .releasing)
    }

    private func receive() throws {
        let socket = try RawSocket(ZMQ_SUB, context: ZeroMQContext())
        zmq_setsockopt(socket.handle, ZMQ_SUBSCRIBE, topic, topic.utf8.count)
        socket.set(ZMQ_RCVTIMEO, 10_000)
        try socket.connect(endpoint)
        var frame = zmq_msg_t()
        zmq_msg_init(&frame)
        defer { zmq_msg_close(&frame) }
        while missing.load(ordering: .relaxed) > 0 {
            for _ in 0..<3 where zmq_msg_recv(&frame, socket.handle, 0) < 0 { return }
            let now = ops_monotonic_nanoseconds()
            let bytes = UnsafeRawBufferPointer(start: zmq_msg_data(&frame), count: zmq_msg_size(&frame))
            guard let number = Receiver.number(in: bytes), times.indices.contains(number), times[number] == 0 else {
                continue
            }
            times[number] = now
            starts[number] = Receiver.timestamp(in: bytes)
            missing.subtract(1, ordering: .relaxed)
        }
    }

    private static func number(in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let found = value(of: "benchNumber", in: bytes) else { return nil }
        return Int(String(decoding: found.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }, as: UTF8.self))
    }

    private static func timestamp(in bytes: UnsafeRawBufferPointer) -> Int64 {
        guard let found = value(of: "Timestamp", in: bytes),
            let time = Timestamp(rfc3339: String(decoding: found.prefix(24), as: UTF8.self))
        else { return 0 }
        return (time.microseconds + 1000) * 1000
    }

    /// What follows a member's name, from its first digit.
    private static func value(of member: String, in bytes: UnsafeRawBufferPointer) -> Slice<UnsafeRawBufferPointer>? {
        let name = Array(member.utf8)
        guard let start = bytes.baseAddress, let found = ops_find(start, bytes.count, name, name.count) else {
            return nil
        }
        return bytes[(found - start)...].drop { $0 < UInt8(ascii: "0") || $0 > UInt8(ascii: "9") }
    }
}
