public import Core

/// What a node says of itself: the body of `Register`.
public struct NodeRegistration: Sendable, Hashable {
    /// The identifier it was given before; nil the first time.
    public var node: String?
    /// Tells machines apart over re-registrations; chosen by the node and kept.
    public var fingerprint: String
    /// A hybrid activation; needed the first time, unless the connection's key or process vouches for the node.
    public var activationID: String?
    public var activationCode: String?
    public var computerName: String
    /// `Linux`
    public var platformType: String
    public var platformName: String
    public var platformVersion: String
    public var agentVersion: String
    public var ipAddress: String
    /// All commands on the node's disk whose end the server has not acknowledged.
    public var commands: [Identifier]

    public init(
        node: String?, fingerprint: String, activationID: String? = nil, activationCode: String? = nil,
        computerName: String = "", platformType: String = "Linux", platformName: String = "",
        platformVersion: String = "", agentVersion: String = "", ipAddress: String = "", commands: [Identifier] = []
    ) {
        self.node = node
        self.fingerprint = fingerprint
        self.activationID = activationID
        self.activationCode = activationCode
        self.computerName = computerName
        self.platformType = platformType
        self.platformName = platformName
        self.platformVersion = platformVersion
        self.agentVersion = agentVersion
        self.ipAddress = ipAddress
        self.commands = commands
    }

    /// Longest text taken in any member, in bytes; longer ones are cut.
    private static let textBytesMax = 256

    /// Nil where the fingerprint is missing.
    public init?(_ body: JSON) {
        func text(_ key: String) -> String? {
            body[key]?.string.map { String(decoding: $0.utf8.prefix(NodeRegistration.textBytesMax), as: UTF8.self) }
        }
        guard let fingerprint = text("Fingerprint"), !fingerprint.isEmpty else { return nil }
        self.init(
            node: text("NodeId"), fingerprint: fingerprint, activationID: text("ActivationId"),
            activationCode: text("ActivationCode"), computerName: text("ComputerName") ?? "",
            platformType: text("PlatformType") ?? "", platformName: text("PlatformName") ?? "",
            platformVersion: text("PlatformVersion") ?? "", agentVersion: text("AgentVersion") ?? "",
            ipAddress: text("IPAddress") ?? "",
            commands: (body["Commands"]?.array ?? []).compactMap { $0.string.flatMap { Identifier($0) } })
    }

    public var json: JSON {
        var body: JSON = [
            "Fingerprint": .string(fingerprint), "ComputerName": .string(computerName),
            "PlatformType": .string(platformType), "PlatformName": .string(platformName),
            "PlatformVersion": .string(platformVersion), "AgentVersion": .string(agentVersion),
            "IPAddress": .string(ipAddress), "Commands": .array(commands.map { .string($0.description) }),
        ]
        body["NodeId"] = node.map { .string($0) }
        body["ActivationId"] = activationID.map { .string($0) }
        body["ActivationCode"] = activationCode.map { .string($0) }
        return body
    }
}
