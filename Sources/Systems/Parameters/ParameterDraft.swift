internal import API
internal import Core

/// The version of a parameter that `PutParameter` asks for: what is given, over what the version before has.
///
/// A value that decides and does nothing; only sealing is left to the caller.
struct ParameterDraft: Sendable {
    enum TierWish: String, Sendable {
        case standard = "Standard"
        case advanced = "Advanced"
        /// Advanced where the parameter needs it.
        case intelligent = "Intelligent-Tiering"
    }

    /// What the decision depends on beside the request.
    struct Situation: Sendable {
        /// Nil for a new parameter.
        var existing: ParameterVersion?
        /// Of the service's settings.
        var defaultTier: TierWish
        /// Parameters that there are.
        var parameterCount: Int
    }

    let name: ParameterName
    let value: String
    let kind: ParameterVersion.Kind
    let tier: ParameterVersion.Tier
    let dataType: ParameterDataType
    let allowedPattern: String?
    let description: String?
    let keyID: String?
    let policies: ParameterPolicies
    let version: Int

    static let versionsMax = 100
    private static let standardBytesMax = 4096
    private static let advancedBytesMax = 8192
    private static let standardCountMax = 10_000
    private static let advancedCountMax = 100_000

    /// - Parameter input: Of `PutParameter`, of the right shape.
    /// - Throws: `ServiceError` with what the request may not ask for.
    init(_ input: JSON, name: ParameterName, in situation: Situation, now: Timestamp) throws(ServiceError) {
        let existing = situation.existing
        self.name = name
        value = input["Value"]?.string ?? ""
        kind = try Self.kind(input, existing)
        version = (existing?.version ?? 0) + 1
        description = input["Description"]?.string ?? existing?.description
        allowedPattern = (input["AllowedPattern"]?.string ?? existing?.allowedPattern).flatMap { $0.isEmpty ? nil : $0 }
        let typeName = input["DataType"]?.string ?? existing?.dataType ?? ""
        dataType = try ParameterDataType(checking: typeName.isEmpty ? "text" : typeName)
        policies = try input["Policies"]?.string.map { text throws(ServiceError) in
            try ParameterPolicies(text, now: now)
        } ?? existing?.policies.restarted ?? .none
        keyID = try Self.keyID(input, kind, existing)
        tier = try Self.tier(input, situation, needsAdvanced: Self.need(value, policies, dataType))
        try checkValue()
        try checkCount(situation)
    }

    private static func kind(
        _ input: JSON, _ existing: ParameterVersion?
    ) throws(ServiceError) -> ParameterVersion.Kind {
        let given = input["Type"]?.string.flatMap { ParameterVersion.Kind(rawValue: $0) }
        guard let existing else {
            if let given { return given }
            throw ServiceError(.validation, "A parameter type is required when you create a parameter.")
        }
        guard input["Overwrite"]?.bool == true else {
            throw ServiceError(
                .parameterAlreadyExists,
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to "
                    + "true.")
        }
        guard given == nil || given == existing.kind else {
            throw ServiceError(
                .hierarchyTypeMismatch,
                "The parameter is of type \(existing.kind.rawValue); the type of a parameter cannot be changed. Delete "
                    + "it and create it anew.")
        }
        return existing.kind
    }

    private static func keyID(
        _ input: JSON, _ kind: ParameterVersion.Kind, _ existing: ParameterVersion?
    ) throws(ServiceError) -> String? {
        let given = input["KeyId"]?.string
        guard kind == .secure else {
            guard given == nil else {
                throw ServiceError(.validation, "KeyId is required for SecureString type parameter only.")
            }
            return nil
        }
        return given ?? existing?.keyID ?? ParameterSecrets.keyID
    }

    // MARK: Tier

    /// Why the parameter must be Advanced; nil where it need not.
    private static func need(
        _ value: String, _ policies: ParameterPolicies, _ dataType: ParameterDataType
    ) -> String? {
        if value.utf8.count > standardBytesMax {
            return "Standard tier parameters support a maximum parameter value of \(standardBytesMax) characters. To "
                + "create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more "
                + "information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/"
                + "parameter-store-advanced-parameters.html"
        }
        if !policies.isEmpty { return "Parameter policies are for parameters of the tier Advanced." }
        if dataType.isAdvanced {
            return "The data type \(dataType.rawValue) is for parameters of the tier Advanced."
        }
        return nil
    }

    private static func tier(
        _ input: JSON, _ situation: Situation, needsAdvanced reason: String?
    ) throws(ServiceError) -> ParameterVersion.Tier {
        let existing = situation.existing
        let inherited = situation.defaultTier == .intelligent ? nil : existing.flatMap { TierWish($0.tier) }
        let wish = input["Tier"]?.string.flatMap(TierWish.init) ?? inherited ?? situation.defaultTier
        switch wish {
        case .advanced: return .advanced
        case .standard:
            guard existing?.tier != .advanced else {
                throw ServiceError(
                    .validation,
                    "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
                        + "advanced-parameter tier to the standard-parameter tier. Delete it and create it anew.")
            }
            if let reason { throw ServiceError(.validation, reason) }
            return .standard
        case .intelligent:
            let isCrowded = existing == nil && situation.parameterCount >= standardCountMax
            return reason != nil || isCrowded || existing?.tier == .advanced ? .advanced : .standard
        }
    }

    private func checkCount(_ situation: Situation) throws(ServiceError) {
        guard situation.existing == nil else { return }
        let countMax = tier == .standard ? Self.standardCountMax : Self.advancedCountMax
        guard situation.parameterCount < countMax else {
            throw ServiceError(
                .parameterLimitExceeded,
                "There are \(situation.parameterCount) parameters; of the tier \(tier.rawValue) there can be "
                    + "\(countMax).")
        }
    }

    // MARK: Value

    private func checkValue() throws(ServiceError) {
        guard !value.isEmpty else {
            throw ServiceError(
                .validation,
                "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have "
                    + "length greater than or equal to 1.")
        }
        guard value.utf8.count <= Self.advancedBytesMax else {
            throw ServiceError(
                .validation, "A parameter's value may have \(Self.advancedBytesMax) bytes, this one has "
                    + "\(value.utf8.count).")
        }
        if let start = value.firstRange(of: "{{"), value[start.upperBound...].contains("}}") {
            throw ServiceError(
                .validation, "A parameter's value can't nest another parameter. Do not use \"{{}}\" in the value.")
        }
        try dataType.check(value, of: kind)
        if let allowedPattern { try check(against: allowedPattern) }
    }

    private func check(against pattern: String) throws(ServiceError) {
        let expression: RegularExpression
        do throws(RegularExpressionError) {
            expression = try RegularExpression("^(?:\(pattern))$")
        } catch {
            throw ServiceError(.invalidAllowedPattern, "The allowed pattern \(pattern) is not valid: \(error)")
        }
        guard expression.matches(value) == true else {
            let shown = kind == .secure ? "" : " '\(value)'"
            throw ServiceError(
                .parameterPatternMismatch,
                "Parameter value\(shown), cannot be validated against allowedPattern: \(pattern)")
        }
    }
}

extension ParameterDraft.TierWish {
    fileprivate init(_ tier: ParameterVersion.Tier) { self = tier == .standard ? .standard : .advanced }
}
