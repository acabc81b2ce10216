internal import API
internal import Core

/// The filters of `DescribeInstanceInformation`: values OR, filters AND.
/// - Source: SSM API model, `InstanceInformationStringFilter` and the older `InstanceInformationFilter`.
struct NodeFilter: Sendable, Hashable {
    fileprivate struct Condition: Sendable, Hashable {
        let key: String
        let values: [String]
    }

    private static let keys = [
        "InstanceIds", "AgentVersion", "PingStatus", "PlatformTypes", "PlatformType", "ActivationIds", "IamRole",
        "ResourceType",
    ]

    private let conditions: [Condition]

    /// - Throws: `ServiceError` `.invalidFilterKey`, `.invalidFilterValue` or `.validation`.
    init(input: JSON) throws(ServiceError) {
        let older = input["InstanceInformationFilterList"]?.array ?? []
        let newer = input["Filters"]?.array ?? []
        guard older.isEmpty || newer.isEmpty else {
            throw ServiceError(.validation, "Filters and InstanceInformationFilterList cannot be used together.")
        }
        conditions =
            older.map { Condition(key: $0["key"]?.string ?? "", values: $0["valueSet"]?.strings ?? []) }
            + newer.map { Condition(key: $0["Key"]?.string ?? "", values: $0["Values"]?.strings ?? []) }
        for condition in conditions where !condition.isTag && !NodeFilter.keys.contains(condition.key) {
            let near = nearest(to: condition.key, among: NodeFilter.keys).map { " Did you mean \($0)?" } ?? ""
            throw ServiceError(.invalidFilterKey, "There is no filter '\(condition.key)'.\(near)")
        }
        if conditions.contains(where: \.isTag) && !conditions.allSatisfy(\.isTag) {
            throw ServiceError(.validation, "Tag filters cannot be combined with others.")
        }
    }

    func matches(_ node: ManagedNode) -> Bool { conditions.allSatisfy { $0.matches(node) } }
}

extension NodeFilter.Condition {
    fileprivate var isTag: Bool { key == "tag-key" || key.hasPrefix("tag:") }

    fileprivate func matches(_ node: ManagedNode) -> Bool {
        switch key {
        case "InstanceIds": values.contains(node.id)
        case "AgentVersion": values.contains(node.agentVersion)
        case "PingStatus": values.contains(node.pingStatus.rawValue)
        case "PlatformTypes", "PlatformType": values.contains(node.platformType)
        case "ActivationIds": node.activationID.map(values.contains) ?? false
        case "IamRole": values.contains(node.iamRole)
        case "ResourceType": values.contains("ManagedInstance")
        case "tag-key": node.tags.contains { values.contains($0.key) }
        default: node.tags.contains { "tag:" + $0.key == key && values.contains($0.value) }
        }
    }
}
