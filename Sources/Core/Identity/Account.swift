/// Whose resources these are and where: the account and region that ARNs and events carry.
public struct Account: Sendable, Hashable {
    /// Twelve digits; text, because leading zeros count.
    public var id: String
    public var region: String

    public init(id: String = "123456789012", region: String = "us-east-1") {
        self.id = id
        self.region = region
    }

    /// The ARN of one of this account's resources.
    public func arn(_ service: String, _ resource: String) -> ARN {
        ARN(service: service, region: region, account: id, resource: resource)
    }

    /// The ARN with empty region and account filled in by this account's.
    public func resolve(_ arn: ARN) -> ARN {
        var arn = arn
        if arn.region.isEmpty { arn.region = region }
        if arn.account.isEmpty { arn.account = id }
        return arn
    }

    /// The ARN by which policies know a caller. The administrator of this machine is to the account what root is at
    /// AWS.
    public func arn(of principal: Principal) -> ARN {
        let isRoot = principal == .local || principal == .system
        return ARN(service: "iam", region: "", account: id, resource: isRoot ? "root" : "user/\(principal.name)")
    }
}
