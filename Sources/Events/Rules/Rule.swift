public import Core
internal import API

/// A named binding: which events, or which times, go to which targets.
/// - Source: `PutRule` and `PutTargets` of the EventBridge API, field by field.
public struct Rule: Sendable, Hashable {
    public enum State: String, Sendable, CaseIterable {
        case enabled = "ENABLED"
        case disabled = "DISABLED"
        case enabledWithManagementEvents = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"

        public var isEnabled: Bool { self != .disabled }
    }

    public var name: String
    public var bus: String
    /// JSON text as it was given.
    public var eventPattern: String?
    public var scheduleExpression: String?
    public var state: State
    public var description: String?
    public var roleARN: String?
    public var options: RuleOptions
    /// In the order given.
    public var targets: [Target]
    /// The rules file that owns this rule; nil for rules made by `PutRule`.
    public var file: String?

    public init(
        name: String, bus: String = BusDirectory.defaultBus, eventPattern: String? = nil,
        scheduleExpression: String? = nil, state: State = .enabled, description: String? = nil,
        roleARN: String? = nil, options: RuleOptions = RuleOptions(), targets: [Target] = [], file: String? = nil
    ) {
        self.name = name
        self.bus = bus
        self.eventPattern = eventPattern
        self.scheduleExpression = scheduleExpression
        self.state = state
        self.description = description
        self.roleARN = roleARN
        self.options = options
        self.targets = targets
        self.file = file
    }

    /// `rule/<name>` on the default bus, `rule/<bus>/<name>` on others.
    public func arn(in account: Account) -> ARN {
        account.arn("events", bus == BusDirectory.defaultBus ? "rule/\(name)" : "rule/\(bus)/\(name)")
    }

    /// What the audit log calls it.
    public var subject: Subject { Subject(.rule, "\(bus)/\(name)") }

    /// The members that `DescribeRule` and `ListRules` answer.
    func json(in account: Account) -> JSON {
        var json: JSON = [
            "Name": .string(name), "Arn": .string(arn(in: account).description), "State": .string(state.rawValue),
            "EventBusName": .string(bus),
        ]
        json["EventPattern"] = eventPattern.map { .string($0) }
        json["ScheduleExpression"] = scheduleExpression.map { .string($0) }
        json["Description"] = description.map { .string($0) }
        json["RoleArn"] = roleARN.map { .string($0) }
        json["Options"] = options.json
        json["ManagedBy"] = file.map { .string("file:\($0)") }
        return json
    }
}
