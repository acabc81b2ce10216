internal import Glibc

/// Whether anything listens at an endpoint, so that a command need not wait for an answer that cannot come.
///
/// ZeroMQ connects in the background and waits for a server that may yet start; a person at a terminal is better served
/// by an error at once.
enum Reachability {
    private static let timeoutSeconds = 5

    /// - Returns: Why nothing can be reached there; nil where something accepted the connection, or where only ZeroMQ
    ///   can tell.
    static func problem(_ endpoint: String) -> String? {
        if endpoint.hasPrefix("ipc://") { return problem(unixSocket: String(endpoint.dropFirst(6))) }
        guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else { return nil }
        let host = endpoint[endpoint.index(endpoint.startIndex, offsetBy: 6)..<colon].filter { $0 != "[" && $0 != "]" }
        return problem(host: host, port: String(endpoint[endpoint.index(after: colon)...]))
    }

    private static func problem(host: String, port: String) -> String? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, port, &hints, &list)
        guard status == 0 else { return String(cString: gai_strerror(status)) }
        defer { freeaddrinfo(list) }
        var problem: String?
        var next = list
        while let address = next?.pointee {
            problem = connectProblem(address.ai_family, address.ai_addr, address.ai_addrlen)
            if problem == nil { return nil }
            next = address.ai_next
        }
        return problem
    }

    private static func problem(unixSocket path: String) -> String? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // Abstract sockets and paths that do not fit are for ZeroMQ to judge.
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path), bytes.first != UInt8(ascii: "@") else {
            return nil
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connectProblem(AF_UNIX, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func connectProblem(
        _ family: Int32, _ address: UnsafePointer<sockaddr>?, _ length: socklen_t
    ) -> String? {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0, let address else { return String(cString: strerror(errno)) }
        defer { close(descriptor) }
        // A `timeval`, which the C library's module keeps to itself: seconds and microseconds.
        var timeout = (timeoutSeconds, 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<(Int, Int)>.size))
        guard connect(descriptor, address, length) != 0 else { return nil }
        // The send timeout, which Linux also applies to connecting, shows as this.
        return errno == EINPROGRESS ? "no answer within \(timeoutSeconds) seconds" : String(cString: strerror(errno))
    }
}
