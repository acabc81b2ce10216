internal import API
public import Core
internal import Storage

/// A registered machine.
public struct ManagedNode: Sendable, Hashable {
    /// Whether the server hears from it.
    public enum PingStatus: String, Sendable, Hashable, CaseIterable {
        case online = "Online"
        case connectionLost = "ConnectionLost"
    }

    /// `mi-` and 17 hexadecimal digits.
    public var id: String
    public var fingerprint: String
    /// Whose connection registered it, and must hold it again.
    public var principal: Principal
    /// Nil where the connection itself vouched for the node.
    public var activationID: String?
    public var iamRole: String
    /// The activation's `DefaultInstanceName`.
    public var name: String
    public var computerName: String
    /// `Linux`, `Windows` or `MacOS`
    public var platformType: String
    public var platformName: String
    public var platformVersion: String
    public var agentVersion: String
    public var ipAddress: String
    public var registeredAt: Timestamp
    public var lastPingAt: Timestamp
    public var pingStatus: PingStatus
    /// Deregistered: kept so that its agent stays refused.
    public var isRemoved: Bool
    /// In the order of their keys.
    public var tags: [Tag]

    public struct Tag: Sendable, Hashable {
        public var key: String
        public var value: String

        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    /// The node's own ARN in an account: that of a managed instance.
    public func arn(in account: Account) -> ARN { account.arn("ssm", "managed-instance/\(id)") }

    /// A random identifier of the right form.
    static func newID(using generator: inout some RandomNumberGenerator) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let id = (0..<17).map { _ in digits[Int.random(in: 0..<16, using: &generator)] }
        return "mi-" + String(decoding: id, as: UTF8.self)
    }

    /// Takes over what the node says of itself now.
    mutating func update(from registration: NodeRegistration) {
        computerName = registration.computerName
        platformType = registration.platformType
        platformName = registration.platformName
        platformVersion = registration.platformVersion
        agentVersion = registration.agentVersion
        ipAddress = registration.ipAddress
    }

    /// What all nodes here are, to the API.
    static let resourceType = "ManagedInstance"

    /// An element of `DescribeInstanceInformation`'s answer.
    var informationJSON: JSON {
        var body = json
        body["IsLatestVersion"] = true
        return body
    }

    /// An element of `DescribeInstanceProperties`' answer.
    var propertiesJSON: JSON {
        var body = json
        body["InstanceState"] = .string(pingStatus == .online ? "running" : "unknown")
        body["InstanceRole"] = .string(iamRole)
        return body
    }

    private var json: JSON {
        var body: JSON = [
            "InstanceId": .string(id), "PingStatus": .string(pingStatus.rawValue),
            "LastPingDateTime": JSON(epoch: lastPingAt), "AgentVersion": .string(agentVersion),
            "PlatformType": .string(platformType), "PlatformName": .string(platformName),
            "PlatformVersion": .string(platformVersion), "IamRole": .string(iamRole),
            "RegistrationDate": JSON(epoch: registeredAt), "ResourceType": .string(ManagedNode.resourceType),
            "Name": .string(name), "IPAddress": .string(ipAddress), "ComputerName": .string(computerName),
        ]
        body["ActivationId"] = activationID.map { .string($0) }
        return body
    }
}

/// Leave to register a number of nodes.
struct Activation: Sendable, Hashable {
    var id: String
    var description: String
    var defaultName: String
    var iamRole: String
    var limit: Int
    var registrations: Int
    var expiresAt: Timestamp
    var createdAt: Timestamp
    /// Given to each node when it registers.
    var tags: [ManagedNode.Tag]

    func json(now: Timestamp) -> JSON {
        [
            "ActivationId": .string(id), "Description": .string(description),
            "DefaultInstanceName": .string(defaultName), "IamRole": .string(iamRole),
            "RegistrationLimit": .integer(limit), "RegistrationsCount": .integer(registrations),
            "ExpirationDate": JSON(epoch: expiresAt), "Expired": .bool(expiresAt <= now),
            "CreatedDate": JSON(epoch: createdAt), "Tags": tags.json,
        ]
    }
}

extension [ManagedNode.Tag] {
    /// `[{Key, Value}…]`
    var json: JSON { .array(map { ["Key": .string($0.key), "Value": .string($0.value)] }) }

    /// Reads the same; the last of a repeated key counts.
    init(json: JSON?) {
        var values: [String: String] = [:]
        for tag in json?.array ?? [] {
            if let key = tag["Key"]?.string { values[key] = tag["Value"]?.string ?? "" }
        }
        self = values.sorted { $0.key < $1.key }.map { ManagedNode.Tag(key: $0.key, value: $0.value) }
    }
}
