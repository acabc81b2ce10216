/// An Amazon Resource Name: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
///
/// In rule files an empty region or account means this system's own.
/// - Source: AWS General Reference, "Amazon Resource Names".
public struct ARN: Sendable, Hashable, CustomStringConvertible {
    public var partition: String
    public var service: String
    public var region: String
    public var account: String
    /// All after the fifth colon; may itself hold colons and slashes.
    public var resource: String

    public init(partition: String = "aws", service: String, region: String, account: String, resource: String) {
        self.partition = partition
        self.service = service
        self.region = region
        self.account = account
        self.resource = resource
    }

    /// Nil where the text is not of an ARN's form: partition, service and resource are not empty.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, parts[0] == "arn", !parts[1].isEmpty, !parts[2].isEmpty, !parts[5].isEmpty else {
            return nil
        }
        self.init(partition: parts[1], service: parts[2], region: parts[3], account: parts[4], resource: parts[5])
    }

    public var description: String { "arn:\(partition):\(service):\(region):\(account):\(resource)" }

    /// The resource after its type: `rule/a/b` gives `a/b`, `document/X` gives `X`; all of it where there is no type.
    public func name(ofType type: String) -> String? {
        guard resource.hasPrefix(type), let separator = resource.dropFirst(type.count).first,
            separator == "/" || separator == ":"
        else { return nil }
        return String(resource.dropFirst(type.count + 1))
    }
}
