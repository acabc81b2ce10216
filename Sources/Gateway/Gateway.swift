public import API
public import Access
internal import CShims
public import Core
internal import Glibc
public import Platform

/// The HTTP edge: the operations of the table for clients of AWS, as they are.
///
///     HTTPServer ──► RequestHandler ──► Authentication          who asks
///                         │         ──► RequestRouter           which service and operation, in which protocol
///                         │         ──► JSON, Query, REST       input and output
///                         ▼
///                   OperationTable, PublishHandler
public final class Gateway: Sendable {
    /// What the gateway calls.
    public struct Ports: Sendable {
        let operations: OperationTable
        let account: Account
        let publisher: any PublishHandler
        let credentials: any CredentialSource
        let attachments: (any AttachmentReader)?
        let reset: @Sendable (OperationContext) async throws -> Void

        /// - Parameters:
        ///   - account: Whose resources the operations are about.
        ///   - attachments: What links to attachments lead to; nil for nothing.
        ///   - reset: Wipes all state; called only where the configuration has a reset token.
        public init(
            operations: OperationTable, account: Account, publisher: any PublishHandler,
            credentials: any CredentialSource, attachments: (any AttachmentReader)? = nil,
            reset: @escaping @Sendable (OperationContext) async throws -> Void
        ) {
            self.operations = operations
            self.account = account
            self.publisher = publisher
            self.credentials = credentials
            self.attachments = attachments
            self.reset = reset
        }
    }

    private let configuration: GatewayConfiguration
    private let clock: any Clock
    private let log: Log
    private let server = Once<HTTPServer>()

    /// - Throws: `GatewayError` `.securityRequired` or `.tls` for what must not be served.
    public init(_ configuration: GatewayConfiguration, clock: any Clock, log: Log) throws(GatewayError) {
        try configuration.validate()
        self.configuration = configuration
        self.clock = clock
        self.log = log
    }

    /// Begins to serve.
    /// - Returns: The port, which the configuration may leave to the system.
    /// - Throws: `GatewayError` `.addressInUse`, `.invalidAddress`, `.tls` or `.server`.
    @discardableResult
    public func start(_ ports: Ports) throws(GatewayError) -> UInt16 {
        try start(ports, HTTPServer.Limits())
    }

    func start(_ ports: Ports, _ given: HTTPServer.Limits) throws(GatewayError) -> UInt16 {
        let address = configuration.address
        var limits = given
        // On this machine all clients have one address.
        if !address.isLoopback, limits.connectionsPerAddressMax == nil {
            limits.connectionsPerAddressMax = limits.connectionsMax / 4
        }
        let handler = RequestHandler(
            operations: ports.operations, account: ports.account, publisher: ports.publisher,
            authentication: Authentication(
                mode: configuration.authentication, verifier: SignatureVerifier(ports.credentials), clock: clock),
            maintenance: MaintenanceRoutes(
                resetToken: configuration.resetToken, reset: ports.reset, attachments: ports.attachments),
            scheme: address.isEncrypted ? "https" : "http")
        let server = HTTPServer(handler: handler, limits: limits, clock: clock)
        let socket = try Gateway.listen(on: address)
        let port = ops_local_port(socket)
        try server.start(on: socket, identity: address.isEncrypted ? configuration.identity : nil)
        self.server.set(server)
        log.info(
            configuration.authentication == .development
                ? "\(address): DEVELOPMENT MODE: every client of this machine is the administrator, whatever key it "
                    + "signs with; --http-auth required switches that off"
                : "\(address): requests must be signed with a stored access key (opsbus access-keys)")
        if configuration.resetToken != nil {
            log.warning("\(address): whoever knows the reset token can wipe all state")
        }
        return port
    }

    /// Refuses new work and lets what is under way end.
    public func stop() async { await server.value?.stop() }

    /// Open connections; for tests.
    var connectionCount: Int { server.value?.connectionCount ?? 0 }

    private static func listen(on address: ListenAddress) throws(GatewayError) -> Int32 {
        var socket: Int32 = -1
        let status = ops_listen(address.host, address.port, &socket)
        switch status {
        case 0: return socket
        case EADDRINUSE:
            throw GatewayError(
                .addressInUse, "another process listens at \(address); choose another address with --http, or 'none'")
        case EINVAL:
            throw GatewayError(.invalidAddress, "'\(address.host)' is no numeric address; names are not looked up")
        default:
            throw GatewayError(.server, "cannot listen at \(address): \(String(cString: strerror(status)))")
        }
    }
}
