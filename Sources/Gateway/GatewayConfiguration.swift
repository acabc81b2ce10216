internal import Platform

/// How clients of the gateway prove who they are.
public enum AuthenticationMode: String, Sendable, CaseIterable {
    /// Whoever connects is the administrator `local`, whatever access key is used or none; for this machine only.
    case development
    /// Every request is signed with a stored access key.
    case required
}

/// A server's certificate with its chain, and the key that belongs to it; both PEM.
public struct TLSIdentity: Sendable {
    let certificate: String
    let key: String

    /// - Throws: `GatewayError` `.tls` where a file cannot be read.
    public init(certificateFile: String, keyFile: String) throws(GatewayError) {
        func text(_ path: String) throws(GatewayError) -> String {
            do throws(FileError) {
                return String(decoding: try Files.read(path, bytesMax: 1 << 20), as: UTF8.self)
            } catch {
                throw GatewayError(.tls, "\(error)")
            }
        }
        certificate = try text(certificateFile)
        key = try text(keyFile)
    }
}

/// Where the gateway listens, and whom it lets in.
public struct GatewayConfiguration: Sendable {
    public var address: ListenAddress
    public var authentication: AuthenticationMode
    /// Needed by an `https` address.
    public var identity: TLSIdentity?
    /// Lets test suites wipe all state; nil: nobody can.
    public var resetToken: String?

    public init(
        address: ListenAddress, authentication: AuthenticationMode = .development, identity: TLSIdentity? = nil,
        resetToken: String? = nil
    ) {
        self.address = address
        self.authentication = authentication
        self.identity = identity
        self.resetToken = resetToken
    }

    /// - Throws: `GatewayError` `.securityRequired` for what other machines could misuse, `.tls` where the identity is
    ///   missing.
    func validate() throws(GatewayError) {
        if address.isEncrypted && identity == nil {
            throw GatewayError(.tls, "\(address) needs a certificate and its key (http-certificate, http-key)")
        }
        if address.isLoopback { return }
        if !address.isEncrypted {
            throw GatewayError(
                .securityRequired,
                "other machines can reach \(address), and read what is sent; listen on https:// with a certificate, or "
                    + "on 127.0.0.1")
        }
        if authentication == .development {
            throw GatewayError(
                .securityRequired,
                "other machines can reach \(address), and would be administrators; set http-auth to 'required'")
        }
    }
}
