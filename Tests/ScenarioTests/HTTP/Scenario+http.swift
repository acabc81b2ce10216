import Foundation

extension Scenario {
    /// Starts a server whose HTTP endpoint is on a port that nobody has.
    /// - Returns: The endpoint.
    func startHTTPServer(_ flags: String..., scheme: String = "http") throws -> String {
        let endpoint = "\(scheme)://127.0.0.1:\(try Scenario.freePort())"
        try startServer(["--http", endpoint] + flags)
        return endpoint
    }

    /// A port of the loopback interface that nobody listens on.
    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
            }
        }
        guard status == 0 else { throw ScenarioError("no port is free: \(errno)") }
        return UInt16(bigEndian: address.sin_port)
    }
}
