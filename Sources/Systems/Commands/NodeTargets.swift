internal import API
internal import Core

/// The `Targets` of a command: of one key any value, of several keys all.
/// - Source: SSM API model, `Target`; Systems Manager user guide, "Using targets and rate controls".
struct NodeTargets: Sendable, Hashable {
    private enum Condition: Sendable, Hashable {
        case tag(key: String, values: [String])
        case tagKey([String])
    }

    /// Nodes named one by one, in their order; nil where tags choose them.
    let nodes: [String]?
    /// The resource group whose members are meant; nil for none.
    let group: String?
    /// Of the group, only resources of these types.
    private let groupTypes: [String]?
    private let conditions: [Condition]

    static let shape = Shape.list(
        .structure([
            .required("Key", .string(length: 1...163)), .required("Values", .list(.string(), count: 1...50)),
        ]), count: 0...5)

    /// - Throws: `ServiceError` `.invalidTarget`.
    init(_ targets: JSON) throws(ServiceError) {
        var nodes: [String]?
        var conditions: [Condition] = []
        var group: String?
        var groupTypes: [String]?
        for target in targets.array ?? [] {
            let key = target["Key"]?.string ?? ""
            let values = target["Values"]?.strings ?? []
            if key.lowercased() == "instanceids" {
                nodes = (nodes ?? []) + values
            } else if key == "tag-key" {
                conditions.append(.tagKey(values))
            } else if key.hasPrefix("tag:") && key != "tag:" {
                conditions.append(.tag(key: String(key.dropFirst(4)), values: values))
            } else if key == "resource-groups:Name" {
                guard group == nil, values.count == 1 else {
                    throw ServiceError(.invalidTarget, "resource-groups:Name names exactly one group.")
                }
                group = values[0]
            } else if key == "resource-groups:ResourceTypeFilters" {
                guard groupTypes == nil, values.count <= NodeTargets.groupTypesMax else {
                    throw ServiceError(
                        .invalidTarget, "\(key) names at most \(NodeTargets.groupTypesMax) types, once.")
                }
                groupTypes = values
            } else {
                throw ServiceError(
                    .invalidTarget,
                    "The target key '\(key)' is not supported; "
                        + "InstanceIds, tag:KEY, tag-key and resource-groups:Name are.")
            }
        }
        if nodes != nil && !(conditions.isEmpty && group == nil) {
            throw ServiceError(.invalidTarget, "InstanceIds cannot be mixed with tags or groups.")
        }
        guard groupTypes == nil || group != nil else {
            throw ServiceError(
                .invalidTarget, "resource-groups:ResourceTypeFilters needs resource-groups:Name beside it.")
        }
        if nodes?.contains("*") == true {
            throw ServiceError(.invalidTarget, "'*' is not a node of a command; choose nodes by a tag.")
        }
        var seen: Set<String> = []
        self.nodes = nodes?.filter { seen.insert($0).inserted }
        self.conditions = conditions
        self.group = group
        self.groupTypes = groupTypes
    }

    private static let groupTypesMax = 5

    /// Whether tags, and the group where there is one, choose the node.
    /// - Parameter query: The group's.
    func matches(_ node: ManagedNode, _ query: ResourceQuery?) -> Bool {
        if let query, !query.matches(node) { return false }
        if let groupTypes, !groupTypes.contains(ResourceQuery.nodeType) { return false }
        return conditions.allSatisfy { condition in
            switch condition {
            case .tag(let key, let values): node.tags.contains { $0.key == key && values.contains($0.value) }
            case .tagKey(let keys): node.tags.contains { keys.contains($0.key) }
            }
        }
    }
}
