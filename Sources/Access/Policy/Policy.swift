public import Core

/// Who may do what with a resource: a policy of IAM's language as it is attached to a resource.
///
/// Principals, actions, resources and conditions; what contradicts the language is refused when the policy is read.
/// - Source: IAM user guide, "Grammar of the IAM JSON policy language" and "Policy evaluation logic".
public struct Policy: Sendable, Hashable {
    public enum Decision: Sendable, Hashable {
        /// A statement that fits allows it, and none denies it.
        case allow
        /// A statement that fits denies it, whatever others say.
        case deny
        /// No statement fits.
        case silent
    }

    /// `2012-10-17`, or the older `2008-10-17`.
    public let version: String
    public let statements: [PolicyStatement]

    private static let versions = ["2012-10-17", "2008-10-17"]

    /// - Throws: `PolicyError`.
    public init(parsing text: String) throws(PolicyError) {
        let json: JSON
        do {
            json = try JSON(parsing: text)
        } catch {
            throw PolicyError(.syntax, "the policy is not JSON: \(error)")
        }
        try self.init(json)
    }

    /// - Throws: `PolicyError`.
    public init(_ json: JSON) throws(PolicyError) {
        guard let object = json.object else { throw PolicyError(.syntax, "a policy is an object") }
        for member in object where !["Version", "Id", "Statement"].contains(member.key) {
            throw PolicyError(.member, "unknown member '\(member.key)'; a policy has Version, Id and Statement")
        }
        version = object["Version"]?.string ?? Policy.versions[1]
        guard Policy.versions.contains(version) else {
            throw PolicyError(.member, "must be \(Policy.versions.joined(separator: " or "))", at: "Version")
        }
        guard let statement = object["Statement"] else { throw PolicyError(.member, "the policy has no Statement") }
        var statements: [PolicyStatement] = []
        for (index, element) in (statement.array ?? [statement]).enumerated() {
            statements.append(try PolicyStatement(element, at: "Statement[\(index)]"))
        }
        if statements.isEmpty { throw PolicyError(.member, "the policy has no statements", at: "Statement") }
        let identifiers = statements.compactMap(\.identifier)
        guard Set(identifiers).count == identifiers.count else {
            throw PolicyError(.member, "two statements have the same Sid", at: "Statement")
        }
        self.statements = statements
    }

    /// What the policy says about a request.
    public func decision(_ request: PolicyRequest) -> Decision {
        var decision = Decision.silent
        for statement in statements where statement.fits(request) {
            if statement.effect == .deny { return .deny }
            decision = .allow
        }
        return decision
    }
}

/// What somebody asks to do.
public struct PolicyRequest: Sendable {
    /// `arn:aws:iam::123456789012:user/NAME`, or the root of the account.
    public var principal: ARN
    /// The service that acts, such as `events.amazonaws.com`; nil for a user.
    public var service: String?
    /// `events:PutEvents`.
    public var action: String
    /// The ARN of the resource.
    public var resource: String
    /// What conditions may ask about, by key in lower case. A key that is not here has no value.
    public var values: [String: [String]]

    public init(
        principal: ARN, service: String? = nil, action: String, resource: String, values: [String: [String]] = [:]
    ) {
        self.principal = principal
        self.service = service
        self.action = action
        self.resource = resource
        self.values = values
    }
}
