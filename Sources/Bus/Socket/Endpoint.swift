internal import CShims
internal import Core
internal import Glibc
internal import Platform

/// Where a socket listens: `tcp://127.0.0.1:7401`, `ipc:///run/opsbus/requests`.
enum Endpoint {
    /// Checks an endpoint's form. libzmq would take a port of 99999 for 34463.
    /// - Throws: `.invalidEndpoint`.
    static func check(_ endpoint: String) throws(BusError) {
        if endpoint.hasPrefix("ipc://") && endpoint != "ipc://" { return }
        guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":"),
            colon > endpoint.index(endpoint.startIndex, offsetBy: "tcp://".count),
            let port = Int(endpoint[endpoint.index(after: colon)...]), (1...65_535).contains(port)
        else {
            throw BusError(
                .invalidEndpoint, "not an endpoint; write tcp://HOST:PORT (port 1 to 65535) or ipc://PATH",
                endpoint: endpoint)
        }
    }

    /// Whether only programs on this machine can connect: a loopback address, `ipc://`, or `inproc://`.
    static func isLocal(_ endpoint: String) -> Bool {
        if endpoint.hasPrefix("ipc://") || endpoint.hasPrefix("inproc://") { return true }
        guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else { return false }
        let host = endpoint[..<colon].dropFirst("tcp://".count)
        if host == "localhost" || host == "lo" || host == "[::1]" { return true }
        let octets = host.split(separator: ".", omittingEmptySubsequences: false)
        return octets.count == 4 && octets[0] == "127" && octets.allSatisfy { UInt8($0) != nil }
    }

    /// The path of an `ipc://` endpoint; nil for others and for abstract names (`ipc://@name`).
    static func path(_ endpoint: String) -> String? {
        guard endpoint.hasPrefix("ipc://") else { return nil }
        let path = String(endpoint.dropFirst("ipc://".count))
        return path.hasPrefix("@") || path.hasPrefix("*") ? nil : path
    }

    /// Makes the path of an `ipc://` endpoint ready to bind: removes a socket file that a crash left behind.
    /// - Throws: `.addressInUse` where a live process listens there, `.invalidEndpoint` where another kind of file is.
    static func clear(_ endpoint: String) throws(BusError) {
        guard let path = path(endpoint) else { return }
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw BusError(.invalidEndpoint, "a file that is no socket is in the way; remove it", endpoint: endpoint)
        }
        guard try !isListening(path, endpoint) else {
            throw BusError(.addressInUse, "another process listens there", endpoint: endpoint, errno: EADDRINUSE)
        }
        unlink(path)
    }

    private static func isListening(_ path: String, _ endpoint: String) throws(BusError) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity else {
            throw BusError(
                .invalidEndpoint, "the path is longer than \(capacity - 1) bytes; choose a shorter one",
                endpoint: endpoint, errno: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        } == 0
    }

    /// Keeps other users of this machine off an `ipc://` socket, since whoever connects is the principal `local`.
    static func restrict(_ endpoint: String) throws(BusError) {
        guard let path = path(endpoint) else { return }
        guard chmod(path, 0o600) == 0 else {
            throw BusError(.socket, "cannot restrict access to the socket file", endpoint: endpoint, errno: errno)
        }
    }
}
