import Glibc
import Platform

/// There is no connection, or nothing more comes from it.
struct ConnectionEnded: Error {
    /// An errno; 0 where the other side closed it.
    let cause: Int32
}

/// A connection on which a test writes what it likes. Its calls block, on a thread of its own.
actor RawConnection {
    /// An answer as it came.
    struct Answer {
        var status = 0
        var headers: [(name: String, value: String)] = []
        var body: [UInt8] = []

        var text: String { String(decoding: body, as: UTF8.self) }

        func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
    }

    private nonisolated let thread = WorkerThread(name: "raw-connection")
    private let socket: Int32
    private var received: [UInt8] = []
    private var isClosed = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(port: UInt16) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        let descriptor = socket
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            Glibc.close(socket)
            throw ConnectionEnded(cause: errno)
        }
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit {
        if !isClosed { Glibc.close(socket) }
        thread.stop()
    }

    /// - Returns: Whether all of it could be sent.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// Sends, with a pause after each piece, so that they arrive by themselves.
    func send(_ text: String, inPiecesOf size: Int, pauseMilliseconds: UInt32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            guard send(Array(rest.prefix(size))) else { return }
            rest = rest.dropFirst(size)
            usleep(pauseMilliseconds * 1000)
        }
    }

    /// The next answer. `100 Continue` is one by itself.
    /// - Throws: `ConnectionEnded` where the connection ends before it is whole.
    func answer(hasBody: Bool = true) throws -> Answer {
        var answer = Answer()
        let head = try line(until: "\r\n\r\n")
        let lines = head.split(separator: "\r\n").map(String.init)
        answer.status = Int(lines.first?.split(separator: " ").dropFirst().first ?? "") ?? 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            answer.headers.append((parts[0].lowercased(), parts[1].drop { $0 == " " }.description))
        }
        let length = hasBody ? Int(answer.header("content-length") ?? "0") ?? 0 : 0
        while received.count < length { try fill() }
        answer.body = Array(received.prefix(length))
        received.removeFirst(length)
        return answer
    }

    /// Whether the other side closes the connection, after whatever it still sends.
    func isEnded() -> Bool {
        while true {
            do { try fill() } catch { return (error as? ConnectionEnded)?.cause != EAGAIN }
        }
    }

    /// Says that nothing more will be sent.
    func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    func close() {
        if !isClosed { Glibc.close(socket) }
        isClosed = true
    }

    private func line(until end: String) throws -> String {
        let end = Array(end.utf8)
        while true {
            if let range = received.firstRange(of: end) {
                let head = received[..<range.lowerBound]
                received.removeSubrange(..<range.upperBound)
                return String(decoding: head, as: UTF8.self)
            }
            try fill()
        }
    }

    private func fill() throws {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        errno = 0
        let count = recv(socket, &buffer, buffer.count, 0)
        guard count > 0 else { throw ConnectionEnded(cause: errno) }
        received.append(contentsOf: buffer.prefix(count))
    }
}
