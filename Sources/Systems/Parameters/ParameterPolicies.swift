internal import API
internal import Core

/// What is to happen to a parameter in time: that it expires, that someone is told before, or told that nobody changed
/// it.
/// - Source: user guide, "Assigning parameter policies".
struct ParameterPolicies: Sendable, Hashable {
    enum Kind: String, Sendable, CaseIterable {
        case expiration = "Expiration"
        case expirationNotification = "ExpirationNotification"
        case noChangeNotification = "NoChangeNotification"
    }

    enum Rule: Sendable, Hashable {
        case expires(Timestamp)
        /// That long before the expiration.
        case notifiesBefore(Duration)
        /// That long after the last change.
        case notifiesUnchanged(Duration)

        var kind: Kind {
            switch self {
            case .expires: .expiration
            case .notifiesBefore: .expirationNotification
            case .notifiesUnchanged: .noChangeNotification
            }
        }
    }

    struct Policy: Sendable, Hashable {
        /// JSON, as it was given.
        let text: String
        let rule: Rule
        var isFinished = false
    }

    private(set) var all: [Policy]

    static let none = ParameterPolicies(all: [])
    private static let countMax = 10

    private init(all: [Policy]) { self.all = all }

    /// - Parameters:
    ///   - text: A JSON list of policies; `[{}]` stands for none.
    ///   - now: Expirations lie after it.
    /// - Throws: `ServiceError`: `.validation`, `.invalidPolicyType`, `.invalidPolicyAttribute`, `.incompatiblePolicy`
    ///   or `.policiesLimitExceeded`.
    init(_ text: String, now: Timestamp) throws(ServiceError) {
        guard let list = (try? JSON(parsing: text))?.array, list.allSatisfy({ $0.object != nil }) else {
            throw ServiceError(.validation, "Policies must be a JSON list of policies.")
        }
        let given = list == [[:]] ? [] : list
        guard given.count <= Self.countMax else {
            throw ServiceError(
                .policiesLimitExceeded, "A parameter may have \(Self.countMax) policies, these are \(given.count).")
        }
        var all: [Policy] = []
        for json in given { all.append(Policy(text: json.text, rule: try Rule(json, now: now))) }
        let expirations = all.count { $0.rule.kind == .expiration }
        guard expirations <= 1 else {
            throw ServiceError(.incompatiblePolicy, "A parameter can have one Expiration policy.")
        }
        guard expirations == 1 || !all.contains(where: { $0.rule.kind == .expirationNotification }) else {
            throw ServiceError(.incompatiblePolicy, "An ExpirationNotification policy needs an Expiration policy.")
        }
        self.all = all
    }

    var isEmpty: Bool { all.isEmpty }

    private var expiration: Timestamp? {
        for policy in all {
            if case .expires(let time) = policy.rule { return time }
        }
        return nil
    }

    /// The policies after the parameter's value was changed: what is due when nothing changes is due anew.
    var restarted: ParameterPolicies {
        var policies = self
        for index in policies.all.indices where policies.all[index].rule.kind == .noChangeNotification {
            policies.all[index].isFinished = false
        }
        return policies
    }

    /// Takes what is due out of the policies that are to be acted upon.
    /// - Parameter modified: When the parameter was changed last.
    /// - Returns: In the order given; an expiration comes alone, since nobody is told of a parameter that is gone.
    mutating func takeDue(modified: Timestamp, now: Timestamp) -> [Policy] {
        let due = all.indices.filter { !all[$0].isFinished && isDue(all[$0].rule, modified: modified, now: now) }
        if let last = due.first(where: { all[$0].rule.kind == .expiration }) { return [all[last]] }
        for index in due { all[index].isFinished = true }
        return due.map { all[$0] }
    }

    private func isDue(_ rule: Rule, modified: Timestamp, now: Timestamp) -> Bool {
        switch rule {
        case .expires(let time): time <= now
        case .notifiesBefore(let duration): expiration.map { $0 - duration <= now } ?? false
        case .notifiesUnchanged(let duration): modified + duration <= now
        }
    }

    // MARK: JSON

    /// `[ParameterInlinePolicy]`
    var json: JSON {
        .array(
            all.map { policy in
                [
                    "PolicyText": .string(policy.text), "PolicyType": .string(policy.rule.kind.rawValue),
                    "PolicyStatus": policy.isFinished ? "Finished" : "Pending",
                ]
            })
    }

    /// Policies as ``json`` was kept; those that cannot be read are left out.
    init(kept json: JSON) {
        all = (json.array ?? []).compactMap { kept in
            guard let text = kept["PolicyText"]?.string, let policy = try? JSON(parsing: text),
                let rule = try? Rule(policy, now: nil)
            else { return nil }
            return Policy(text: text, rule: rule, isFinished: kept["PolicyStatus"] == "Finished")
        }
    }
}

extension ParameterPolicies.Rule {
    /// - Parameter now: Expirations lie after it; nil for those of any time.
    fileprivate init(_ json: JSON, now: Timestamp?) throws(ServiceError) {
        let type = json["Type"]?.string ?? ""
        guard let kind = ParameterPolicies.Kind(rawValue: type) else {
            let known = ParameterPolicies.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw ServiceError(.invalidPolicyType, "'\(type)' is no type of a policy; there are \(known).")
        }
        guard json["Version"] == "1.0" else {
            throw ServiceError(.invalidPolicyAttribute, "The Version of a policy of type \(type) must be \"1.0\".")
        }
        let attributes = json["Attributes"] ?? [:]
        switch kind {
        case .expiration:
            guard let time = attributes["Timestamp"]?.string.flatMap({ Timestamp(rfc3339: $0) }) else {
                throw ServiceError(
                    .invalidPolicyAttribute, "Expiration needs a Timestamp such as 2030-01-02T15:04:05.000Z.")
            }
            guard now.map({ $0 < time }) ?? true else {
                throw ServiceError(.invalidPolicyAttribute, "The Timestamp \(time) of Expiration has passed.")
            }
            self = .expires(time)
        case .expirationNotification: self = .notifiesBefore(try Self.duration("Before", attributes, type))
        case .noChangeNotification: self = .notifiesUnchanged(try Self.duration("After", attributes, type))
        }
    }

    private static func duration(
        _ name: String, _ attributes: JSON, _ type: String
    ) throws(ServiceError) -> Duration {
        let unit: Int? =
            switch attributes["Unit"]?.string {
            case "Days": 86_400
            case "Hours": 3600
            default: nil
            }
        // A century, far from what overflows.
        guard let unit, let count = attributes[name]?.string.flatMap({ Int($0) }), (1...876_000).contains(count) else {
            throw ServiceError(
                .invalidPolicyAttribute, "\(type) needs \(name), a number as text, and Unit, Days or Hours.")
        }
        return .seconds(count * unit)
    }
}
