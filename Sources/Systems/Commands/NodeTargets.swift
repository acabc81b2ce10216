internal import API
internal import Core

/// The `Targets` of a command: values OR, keys AND.
/// - Source: SSM API model, `Target`; Systems Manager user guide, "Using targets and rate controls".
struct NodeTargets: Sendable, Hashable {
    private enum Condition: Sendable, Hashable {
        case tag(key: String, values: [String])
        case tagKey([String])
    }

    /// Nodes named one by one, in their order; nil where tags choose them.
    let nodes: [String]?
    private let conditions: [Condition]

    static let shape = Shape.list(
        .structure([
            .required("Key", .string(length: 1...163)), .required("Values", .list(.string(), count: 1...50)),
        ]), count: 0...5)

    /// - Throws: `ServiceError` `.invalidTarget`.
    init(_ targets: JSON) throws(ServiceError) {
        var nodes: [String]?
        var conditions: [Condition] = []
        for target in targets.array ?? [] {
            let key = target["Key"]?.string ?? ""
            let values = target["Values"]?.strings ?? []
            if key.lowercased() == "instanceids" {
                nodes = (nodes ?? []) + values
            } else if key == "tag-key" {
                conditions.append(.tagKey(values))
            } else if key.hasPrefix("tag:") && key != "tag:" {
                conditions.append(.tag(key: String(key.dropFirst(4)), values: values))
            } else {
                throw ServiceError(
                    .invalidTarget, "The target key '\(key)' is not supported; InstanceIds, tag:KEY and tag-key are.")
            }
        }
        if nodes != nil && !conditions.isEmpty {
            throw ServiceError(.invalidTarget, "InstanceIds cannot be mixed with tags.")
        }
        if nodes?.contains("*") == true {
            throw ServiceError(.invalidTarget, "'*' is not a node of a command; choose nodes by a tag.")
        }
        var seen: Set<String> = []
        self.nodes = nodes?.filter { seen.insert($0).inserted }
        self.conditions = conditions
    }

    /// Whether tags choose the node.
    func matches(_ node: ManagedNode) -> Bool {
        conditions.allSatisfy { condition in
            switch condition {
            case .tag(let key, let values): node.tags.contains { $0.key == key && values.contains($0.value) }
            case .tagKey(let keys): node.tags.contains { keys.contains($0.key) }
            }
        }
    }
}
