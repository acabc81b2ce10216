/// Where the gateway listens: `http://127.0.0.1:7400`, `https://0.0.0.0:7400`, `http://[::1]:7400`.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    public let isEncrypted: Bool
    /// Numeric, IPv6 without brackets.
    public let host: String
    /// 0 takes a free one.
    public let port: UInt16

    /// - Parameter text: `localhost` stands for 127.0.0.1; other names are not looked up.
    /// - Throws: `GatewayError` `.invalidAddress`.
    public init(_ text: String) throws(GatewayError) {
        let scheme = ["http://", "https://"].first(where: text.hasPrefix)
        var rest = text.dropFirst(scheme?.count ?? 0)
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        guard let scheme, let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...])
        else {
            throw GatewayError(.invalidAddress, "'\(text)' is not http://HOST:PORT or https://HOST:PORT")
        }
        var host = String(rest[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host == "localhost" { host = "127.0.0.1" }
        guard !host.isEmpty else {
            throw GatewayError(.invalidAddress, "'\(text)' names no host; 0.0.0.0 stands for all addresses")
        }
        isEncrypted = scheme == "https://"
        self.host = host
        self.port = port
    }

    /// Whether only programs on this machine can connect.
    public var isLoopback: Bool { ListenAddress.isLoopback(host) }

    public var description: String {
        "\(isEncrypted ? "https" : "http")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }

    /// - Parameter host: Numeric.
    static func isLoopback(_ host: String) -> Bool {
        if host == "::1" { return true }
        let octets = host.split(separator: ".", omittingEmptySubsequences: false)
        return octets.count == 4 && octets[0] == "127" && octets.allSatisfy { UInt8($0) != nil }
    }
}
