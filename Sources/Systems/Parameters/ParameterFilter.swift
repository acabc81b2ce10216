internal import API
internal import Core

/// The filters of `DescribeParameters` and `GetParametersByPath`: of one filter any value, of several filters all.
/// - Source: SSM API model, `ParameterStringFilter`, `ParametersFilter`.
struct ParameterFilter: Sendable {
    fileprivate struct Condition: Sendable {
        let key: String
        let option: String
        let values: [String]
        /// Of a filter by `Path`.
        var paths: [ParameterPath] = []
    }

    private static let describing = ["Path", "Name", "Type", "KeyId", "Tier"]
    private static let byPath = ["Type", "KeyId", "Label"]

    private let conditions: [Condition]

    /// Of `DescribeParameters`: `ParameterFilters`, or the older `Filters`.
    /// - Throws: `ServiceError`: `.validation`, `.invalidFilterKey`, `.invalidFilterOption` or `.invalidFilterValue`.
    init(describing input: JSON) throws(ServiceError) {
        let older = input["Filters"]?.array ?? []
        let newer = input["ParameterFilters"]?.array ?? []
        guard older.isEmpty || newer.isEmpty else {
            throw ServiceError(.validation, "You can use either Filters or ParameterFilters in a single request.")
        }
        // The older form compares the beginnings of names.
        let translated = older.map { filter -> JSON in
            var filter = filter
            if filter["Key"] == "Name" { filter["Option"] = "BeginsWith" }
            return filter
        }
        try self.init(translated + newer, keys: Self.describing, isDescribing: true)
    }

    /// Of `GetParametersByPath`.
    init(byPath input: JSON) throws(ServiceError) {
        try self.init(input["ParameterFilters"]?.array ?? [], keys: Self.byPath, isDescribing: false)
    }

    private init(_ filters: [JSON], keys: [String], isDescribing: Bool) throws(ServiceError) {
        var conditions: [Condition] = []
        for filter in filters {
            let key = filter["Key"]?.string ?? ""
            guard keys.contains(key) || isDescribing && (key.hasPrefix("tag:") || key == "DataType") else {
                throw ServiceError(
                    .invalidFilterKey,
                    "The following filter key is not valid: \(key). Valid filter keys include: "
                        + "[\(keys.joined(separator: ", "))].")
            }
            guard !conditions.contains(where: { $0.key == key }) else {
                throw ServiceError(
                    .invalidFilterKey,
                    "The following filter is duplicated in the request: \(key). A request can contain only one "
                        + "occurrence of a specific filter.")
            }
            conditions.append(try Self.condition(key, filter))
        }
        self.conditions = conditions
    }

    private static func condition(_ key: String, _ filter: JSON) throws(ServiceError) -> Condition {
        let options =
            switch key {
            case "Path": ["Recursive", "OneLevel"]
            case "Name": ["BeginsWith", "Contains", "Equals"]
            case "Label": ["Equals"]
            default: ["BeginsWith", "Equals"]
            }
        let option = filter["Option"]?.string ?? (key == "Path" ? "OneLevel" : "Equals")
        guard options.contains(option) else {
            throw ServiceError(
                .invalidFilterOption,
                "The following filter option is not valid: \(option). Valid options include: "
                    + "[\(options.joined(separator: ", "))].")
        }
        let values = filter["Values"]?.strings ?? []
        // A tag without values asks whether it is there.
        guard !values.isEmpty || key.hasPrefix("tag:") else {
            throw ServiceError(
                .invalidFilterValue, "The following filter values are missing : null for filter key \(key).")
        }
        var condition = Condition(key: key, option: option, values: values)
        switch key {
        case "Type": try check(values, among: ParameterVersion.Kind.allCases.map(\.rawValue), option)
        case "Tier":
            try check(values, among: ParameterVersion.Tier.allCases.map(\.rawValue) + ["Intelligent-Tiering"], option)
        case "Path": condition.paths = try values.map(path)
        default: break
        }
        return condition
    }

    private static func check(_ values: [String], among known: [String], _ option: String) throws(ServiceError) {
        for value in values where option == "Equals" && !known.contains(value) {
            throw ServiceError(
                .invalidFilterOption,
                "The following filter value is not valid: \(value). Valid values include: "
                    + "[\(known.joined(separator: ", "))].")
        }
    }

    private static func path(_ text: String) throws(ServiceError) -> ParameterPath {
        let lower = text.lowercased()
        guard !lower.hasPrefix("/aws"), !lower.hasPrefix("/ssm") else {
            throw ServiceError(
                .validation,
                "Filters for common parameters can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). When "
                    + "using global parameters, please specify within a global namespace.")
        }
        return try ParameterPath(text)
    }

    /// The labels that the versions answered are to have, any of them; empty where the latest version is.
    var labels: [String] { conditions.first { $0.key == "Label" }?.values ?? [] }

    var needsTags: Bool { conditions.contains { $0.key.hasPrefix("tag:") } }

    /// - Parameter tags: Of the parameter, where `needsTags`.
    func matches(_ parameter: ParameterVersion, tags: [ManagedNode.Tag]) -> Bool {
        conditions.allSatisfy { condition in
            switch condition.key {
            case "Path":
                condition.paths.contains { $0.contains(parameter.key, recursive: condition.option == "Recursive") }
            // The slash before a name of one level may be left out.
            case "Name" where condition.option != "Contains":
                condition.isMet(by: [parameter.key], values: condition.values.map(ParameterName.key))
            case "Name": condition.isMet(by: [parameter.key])
            case "Type": condition.isMet(by: [parameter.kind.rawValue])
            case "KeyId": condition.isMet(by: parameter.keyID.map { [$0] } ?? [])
            case "Tier": condition.isMet(by: [parameter.tier.rawValue])
            case "DataType": condition.isMet(by: [parameter.dataType])
            case "Label": true
            default:
                tags.contains { "tag:" + $0.key == condition.key }
                    && (condition.values.isEmpty
                        || condition.isMet(by: tags.filter { "tag:" + $0.key == condition.key }.map(\.value)))
            }
        }
    }
}

extension ParameterFilter.Condition {
    fileprivate func isMet(by found: [String], values: [String]? = nil) -> Bool {
        let values = values ?? self.values
        return found.contains { text in
            switch option {
            case "BeginsWith": values.contains { text.hasPrefix($0) }
            case "Contains": values.contains { text.contains($0) }
            default: values.contains(text)
            }
        }
    }
}
