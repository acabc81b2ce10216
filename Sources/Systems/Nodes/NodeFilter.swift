internal import API
internal import Core

/// The filters of `DescribeInstanceInformation` and `DescribeInstanceProperties`: of one filter any value, of several
/// filters all.
/// - Source: SSM API model, `InstanceInformationStringFilter`, `InstanceInformationFilter`, `InstancePropertyFilter`
///   and `InstancePropertyStringFilter`.
struct NodeFilter: Sendable, Hashable {
    fileprivate enum Comparison: String {
        case equal = "Equal"
        case notEqual = "NotEqual"
        case beginWith = "BeginWith"
        case lessThan = "LessThan"
        case greaterThan = "GreaterThan"
    }

    fileprivate struct Condition: Sendable, Hashable {
        let key: String
        let values: [String]
        var comparison = Comparison.equal
    }

    private static let keys = [
        "InstanceIds", "AgentVersion", "PingStatus", "PlatformTypes", "ActivationIds", "IamRole", "ResourceType",
        "AssociationStatus", "SourceIds", "SourceTypes",
    ]
    private static let pingStatuses: Set<String> = ["Online", "ConnectionLost", "Inactive"]
    private static let platformTypes: Set<String> = ["Windows", "Linux", "MacOS"]
    private static let resourceTypes: Set<String> = ["ManagedInstance", "EC2Instance"]

    private let conditions: [Condition]

    /// Of `DescribeInstanceInformation`.
    /// - Throws: `ServiceError` `.invalidFilterKey`, `.invalidInstanceInformationFilterValue` or `.validation`.
    init(information input: JSON) throws(ServiceError) {
        let older = input["InstanceInformationFilterList"]?.array ?? []
        let newer = input["Filters"]?.array ?? []
        guard older.isEmpty || newer.isEmpty else {
            throw ServiceError(.validation, "Filters and InstanceInformationFilterList cannot be used together.")
        }
        try self.init(
            older.map { Condition(key: $0["key"]?.string ?? "", values: $0["valueSet"]?.strings ?? []) }
                + newer.map { Condition(key: $0["Key"]?.string ?? "", values: $0["Values"]?.strings ?? []) },
            invalidValue: .invalidInstanceInformationFilterValue)
        guard !conditions.contains(where: \.isTag) || conditions.allSatisfy(\.isTag) else {
            throw ServiceError(.validation, "Tag filters cannot be combined with others.")
        }
    }

    /// Of `DescribeInstanceProperties`.
    /// - Throws: `ServiceError` `.invalidFilterKey`, `.invalidInstancePropertyFilterValue` or `.validation`.
    init(properties input: JSON) throws(ServiceError) {
        let older = input["InstancePropertyFilterList"]?.array ?? []
        let newer = input["FiltersWithOperator"]?.array ?? []
        guard older.isEmpty || newer.isEmpty else {
            throw ServiceError(
                .validation, "FiltersWithOperator and InstancePropertyFilterList cannot be used together.")
        }
        try self.init(
            older.map { Condition(key: $0["key"]?.string ?? "", values: $0["valueSet"]?.strings ?? []) }
                + newer.map { filter in
                    let comparison = filter["Operator"]?.string.flatMap(Comparison.init(rawValue:)) ?? .equal
                    return Condition(
                        key: filter["Key"]?.string ?? "", values: filter["Values"]?.strings ?? [],
                        comparison: comparison)
                },
            invalidValue: .invalidInstancePropertyFilterValue)
    }

    private init(_ conditions: [Condition], invalidValue: ErrorCode) throws(ServiceError) {
        for condition in conditions where !condition.isTag && !NodeFilter.keys.contains(condition.key) {
            let near = nearest(to: condition.key, among: NodeFilter.keys).map { " Did you mean \($0)?" } ?? ""
            throw ServiceError(.invalidFilterKey, "There is no filter '\(condition.key)'.\(near)")
        }
        for condition in conditions where condition.comparison == .equal {
            let known: Set<String>
            switch condition.key {
            case "PingStatus": known = NodeFilter.pingStatuses
            case "PlatformTypes": known = NodeFilter.platformTypes
            case "ResourceType": known = NodeFilter.resourceTypes
            default: continue
            }
            for value in condition.values where !known.contains(value) {
                throw ServiceError(
                    invalidValue,
                    "'\(value)' is no value of \(condition.key): \(known.sorted().joined(separator: ", ")).")
            }
        }
        self.conditions = conditions
    }

    func matches(_ node: ManagedNode) -> Bool { conditions.allSatisfy { $0.matches(node) } }
}

extension NodeFilter.Condition {
    fileprivate var isTag: Bool { key == "tag-key" || key.hasPrefix("tag:") }

    fileprivate func matches(_ node: ManagedNode) -> Bool {
        switch key {
        case "InstanceIds": isMet(by: [node.id])
        case "AgentVersion": isMet(by: [node.agentVersion])
        case "PingStatus": isMet(by: [node.pingStatus.rawValue])
        case "PlatformTypes": isMet(by: [node.platformType])
        case "ActivationIds": isMet(by: node.activationID.map { [$0] } ?? [])
        case "IamRole": isMet(by: [node.iamRole])
        case "ResourceType": isMet(by: [ManagedNode.resourceType])
        // Nodes here have neither associations yet nor a source elsewhere.
        case "AssociationStatus", "SourceIds", "SourceTypes": isMet(by: [])
        case "tag-key": isMet(by: node.tags.map(\.key))
        default: isMet(by: node.tags.filter { "tag:" + $0.key == key }.map(\.value))
        }
    }

    private func isMet(by found: [String]) -> Bool {
        switch comparison {
        case .equal: found.contains { values.contains($0) }
        case .notEqual: !found.contains { values.contains($0) }
        case .beginWith: found.contains { text in values.contains { text.hasPrefix($0) } }
        case .lessThan: found.contains { text in values.contains { text < $0 } }
        case .greaterThan: found.contains { text in values.contains { text > $0 } }
        }
    }
}
