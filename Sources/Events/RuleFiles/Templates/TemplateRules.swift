internal import API
internal import Core

/// The rules of a template, as rule files have them; and buses, archives and schedules beside them.
///
/// What is wrong in itself is an error, as CloudFormation would have it. What OpsBus cannot honour is a warning with
/// its place and reason, and the rest is used.
struct TemplateRules {
    /// Each as a node with the members of a rule file.
    private(set) var rules: [Node] = []
    private(set) var resources: [TemplateResource] = []
    private(set) var problems: [RuleProblem] = []

    private let template: Template
    private let file: String

    init(_ template: Template, file: String) {
        self.template = template
        self.file = file
        var others: [String: Int] = [:]
        for resource in template.resources {
            attempt(resource.name, resource.position) { this throws(Template.Failure) in
                guard try template.isWanted(resource) else { return }
                switch resource.type {
                case "AWS::Events::Rule": try this.addRule(resource)
                case "AWS::Events::EventBus": try this.add(.bus, resource, TemplateRules.busMembers)
                case "AWS::Events::Archive": try this.addArchive(resource)
                case "AWS::Scheduler::Schedule": try this.add(.schedule, resource, TemplateRules.scheduleMembers)
                case "AWS::Scheduler::ScheduleGroup": try this.add(.scheduleGroup, resource, ["Name"])
                case "AWS::Serverless::Function": this.addEvents(of: resource)
                default: others[resource.type, default: 0] += 1
                }
            }
        }
        for member in template.strangers {
            warn("\(member.key) is left out: it is no resource with a Type", at: member.keyPosition)
        }
        nameOthers(others)
    }

    private static let busMembers = ["Name", "Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"]
    private static let scheduleMembers = [
        "Name", "GroupName", "Description", "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate",
        "State", "FlexibleTimeWindow", "Target", "KmsKeyArn",
    ]

    // MARK: Problems

    /// Runs `body`; where it fails, what `name` is goes without, and the reason is told.
    private mutating func attempt(
        _ name: String, _ position: TextPosition,
        _ body: (inout TemplateRules) throws(Template.Failure) -> Void
    ) {
        do throws(Template.Failure) {
            try body(&self)
        } catch {
            problems.append(
                RuleProblem(
                    error.isMistake ? "\(name): \(error.message)" : "\(name) is left out: \(error.message)",
                    severity: error.isMistake ? .error : .warning, file: file, at: error.position))
        }
    }

    private mutating func warn(_ message: String, at position: TextPosition) {
        problems.append(RuleProblem(message, severity: .warning, file: file, at: position))
    }

    /// One line for all that is none of this system's: templates hold much else.
    private mutating func nameOthers(_ others: [String: Int]) {
        guard let position = template.resources.first?.position, !others.isEmpty else { return }
        let list = others.sorted { $0.key < $1.key }.map { $0.value == 1 ? $0.key : "\($0.key) (\($0.value))" }
        warn("not loaded, only rules, buses, archives and schedules are: \(list.joined(separator: ", "))", at: position)
    }

    // MARK: Rules

    private static let ruleMembers = [
        "Name", "Description", "EventPattern", "EventBusName", "ScheduleExpression", "State", "RoleArn", "Targets",
    ]

    private mutating func addRule(_ resource: Template.Resource) throws(Template.Failure) {
        warnOfUnknown(resource.properties, TemplateRules.ruleMembers, in: resource.name)
        if let policy = resource.deletionPolicy {
            warn("\(resource.name): DeletionPolicy is not honoured: a rule goes with its file", at: policy.position)
        }
        var rule = RuleNode(resource, name: try template.physicalName(of: resource))
        for member in resource.properties.members ?? [] {
            switch member.key {
            case "EventPattern", "ScheduleExpression", "State":
                rule.add(member.key, try template.value(of: member.value), member.keyPosition)
            case "EventBusName": rule.setBus(try template.text(of: member.value), member)
            // Neither changes what the rule does.
            case "Description", "RoleArn":
                if let value = try? template.value(of: member.value) {
                    rule.add(member.key, value, member.keyPosition)
                }
            case "Targets":
                let targets = member.value.elements == nil ? try template.value(of: member.value) : member.value
                rule.targets = (targets?.elements ?? []).compactMap { target(resource.name, $0) }
            default: break
            }
        }
        rules.append(rule.node)
    }

    /// A target as far as its values can be had; what it cannot do is found when the rule is read.
    private mutating func target(_ rule: String, _ node: Node) -> Node? {
        var target: Node?
        let identifier = node["Id"]?.string ?? "at \(node.position)"
        attempt("target \(identifier) of \(rule)", node.position) { this throws(Template.Failure) in
            // One that is chosen by a condition is known when the condition is.
            let isFunction = node["Arn"] == nil
            guard let given = isFunction ? try this.template.value(of: node) : node else { return }
            var members: [Node.Member] = []
            for member in given.members ?? [] {
                if member.key == "RoleArn" { continue }
                guard var value = try this.template.value(of: member.value) else { continue }
                if member.key == "RetryPolicy" { value = TemplateRules.withNumbers(value) }
                members.append(Node.Member(key: member.key, keyPosition: member.keyPosition, value: value))
            }
            target = Node(.object(members), at: node.position)
        }
        return target
    }

    /// Templates may write numbers as texts.
    private static func withNumbers(_ node: Node) -> Node {
        guard let members = node.members else { return node }
        let converted = members.map { member -> Node.Member in
            guard let text = member.value.string, let number = Int(text) else { return member }
            var member = member
            member.value.value = .number(JSONNumber(uncheckedText: "\(number)"))
            return member
        }
        return Node(.object(converted), at: node.position)
    }

    private mutating func warnOfUnknown(_ node: Node, _ known: [String], in name: String) {
        for member in node.members ?? [] where !known.contains(member.key) {
            warn("\(name): \(member.key) is not honoured", at: member.keyPosition)
        }
    }

    // MARK: Functions of SAM

    private static let eventTypes = ["EventBridgeRule", "CloudWatchEvent", "Schedule"]
    private static let patternMembers = [
        "Pattern", "EventBusName", "Input", "InputPath", "InputTransformer", "RuleName", "State", "Enabled", "Target",
        "RetryPolicy", "DeadLetterConfig",
    ]
    private static let scheduledMembers = [
        "Schedule", "Name", "Description", "State", "Enabled", "Input", "RetryPolicy", "DeadLetterConfig",
    ]

    /// Each event source of a function becomes a rule of its own.
    private mutating func addEvents(of function: Template.Resource) {
        for event in function.properties["Events"]?.members ?? [] {
            let type = event.value["Type"]?.string ?? ""
            let name = "\(function.name).\(event.key)"
            if type == "ScheduleV2" {
                attempt(name, event.keyPosition) { this throws(Template.Failure) in
                    try this.addSchedule(of: function, event)
                }
                continue
            }
            guard TemplateRules.eventTypes.contains(type) else {
                if !type.isEmpty { warn("\(name) is left out: an event source of type \(type)", at: event.keyPosition) }
                continue
            }
            attempt(name, event.keyPosition) { this throws(Template.Failure) in
                try this.addEvent(of: function, event, isSchedule: type == "Schedule")
            }
        }
    }

    private mutating func addEvent(
        of function: Template.Resource, _ event: Node.Member, isSchedule: Bool
    ) throws(Template.Failure) {
        let properties = event.value["Properties"] ?? Node(.object([]), at: event.value.position)
        let name = "\(function.name).\(event.key)"
        warnOfUnknown(
            properties, isSchedule ? TemplateRules.scheduledMembers : TemplateRules.patternMembers, in: name)
        let given = try properties[isSchedule ? "Name" : "RuleName"].map { node throws(Template.Failure) in
            try template.text(of: node)
        }
        var rule = RuleNode(
            at: event.keyPosition, metadata: nil,
            name: given ?? String("\(template.stack)-\(function.name)\(event.key)".prefix(64)))
        let arn = try template.attribute("\(function.name).Arn", at: event.keyPosition)
        var target = [
            Node.Member(
                key: "Id", keyPosition: event.keyPosition,
                value: Node(.string(try identifier(function, event, properties)), at: event.keyPosition)),
            Node.Member(key: "Arn", keyPosition: event.keyPosition, value: Node(.string(arn), at: event.keyPosition)),
        ]
        for member in properties.members ?? [] {
            guard let value = try template.value(of: member.value) else { continue }
            switch member.key {
            case "Pattern": rule.add("EventPattern", value, member.keyPosition)
            case "Schedule": rule.add("ScheduleExpression", value, member.keyPosition)
            case "EventBusName": rule.setBus(try template.text(of: member.value), member)
            case "Description", "State": rule.add(member.key, value, member.keyPosition)
            case "Enabled":
                let isEnabled = value.value != .bool(false) && value.string != "false"
                let state = Node(.string(isEnabled ? "ENABLED" : "DISABLED"), at: value.position)
                rule.add("State", state, member.keyPosition)
            case "Input", "InputPath", "InputTransformer":
                target.append(Node.Member(key: member.key, keyPosition: member.keyPosition, value: value))
            case "RetryPolicy":
                let policy = TemplateRules.withNumbers(value)
                target.append(Node.Member(key: member.key, keyPosition: member.keyPosition, value: policy))
            case "DeadLetterConfig" where value["Arn"] != nil:
                target.append(Node.Member(key: member.key, keyPosition: member.keyPosition, value: value))
            case "DeadLetterConfig": warn("\(name): a dead-letter queue of its own is not made", at: member.keyPosition)
            default: break
            }
        }
        rule.targets = [Node(.object(target), at: event.keyPosition)]
        rules.append(rule.node)
    }

    private func identifier(
        _ function: Template.Resource, _ event: Node.Member, _ properties: Node
    ) throws(Template.Failure) -> String {
        if let node = properties["Target"]?["Id"] { return try template.text(of: node) }
        return String("\(function.name)\(event.key)LambdaTarget".prefix(64))
    }

    private mutating func addSchedule(
        of function: Template.Resource, _ event: Node.Member
    ) throws(Template.Failure) {
        let properties = event.value["Properties"] ?? Node(.object([]), at: event.value.position)
        let arn = try template.attribute("\(function.name).Arn", at: event.keyPosition)
        var input: JSON = [:]
        var target: JSON = ["Arn": .string(arn), "RoleArn": .string(anyRole)]
        for member in properties.members ?? [] {
            guard let value = try template.value(of: member.value)?.json else { continue }
            if ["Input", "RetryPolicy", "DeadLetterConfig", "RoleArn"].contains(member.key) {
                target[member.key] = value
            } else if TemplateRules.scheduleMembers.contains(member.key) {
                input[member.key] = value
            }
        }
        if input["Name"] == nil { input["Name"] = .string("\(template.stack)-\(function.name)\(event.key)") }
        if input["FlexibleTimeWindow"] == nil { input["FlexibleTimeWindow"] = ["Mode": "OFF"] }
        input["Target"] = target
        resources.append(
            TemplateResource(kind: .schedule, input: input, file: file, position: event.keyPosition))
    }

    // MARK: Other resources

    private mutating func add(
        _ kind: TemplateResource.Kind, _ resource: Template.Resource, _ members: [String]
    ) throws(Template.Failure) {
        var input: JSON = ["Name": .string(try template.physicalName(of: resource))]
        for member in resource.properties.members ?? [] where members.contains(member.key) && member.key != "Name" {
            let isTarget = kind == .schedule && member.key == "Target"
            input[member.key] = isTarget ? try scheduled(member.value) : try template.value(of: member.value)?.json
        }
        warnOfUnknown(resource.properties, members, in: resource.name)
        try append(kind, input, resource)
    }

    private mutating func append(
        _ kind: TemplateResource.Kind, _ input: JSON, _ resource: Template.Resource
    ) throws(Template.Failure) {
        var policy: TemplateResource.DeletionPolicy?
        if let node = resource.deletionPolicy {
            switch try template.text(of: node) {
            case "Delete": policy = .delete
            case "Retain", "RetainExceptOnCreate": policy = .retain
            case let other:
                throw .mistake(
                    "DeletionPolicy must be Delete, Retain or RetainExceptOnCreate, not \(other)", at: node.position)
            }
        }
        resources.append(
            TemplateResource(
                kind: kind, input: input, deletionPolicy: policy, file: file, position: resource.position))
    }

    /// The target of a schedule. It must name a role, which need not be one that is known.
    private func scheduled(_ target: Node) throws(Template.Failure) -> JSON {
        var json: JSON = ["RoleArn": .string(anyRole)]
        for member in target.members ?? [] {
            if member.key == "RoleArn" {
                if let role = (try? template.value(of: member.value))??.string { json["RoleArn"] = .string(role) }
            } else {
                json[member.key] = try template.value(of: member.value)?.json
            }
        }
        return json
    }

    private var anyRole: String { "arn:aws:iam::\(template.account.id):role/\(template.stack)" }

    private mutating func addArchive(_ resource: Template.Resource) throws(Template.Failure) {
        guard let source = resource.properties["SourceArn"] else {
            throw .mistake("an archive needs SourceArn, the ARN of its bus", at: resource.position)
        }
        var input: JSON = [
            "ArchiveName": .string(try template.physicalName(of: resource)),
            "EventSourceArn": .string(try template.text(of: source)),
        ]
        if let description = resource.properties["Description"] {
            input["Description"] = .string(try template.text(of: description))
        }
        if let pattern = resource.properties["EventPattern"], let value = try template.value(of: pattern) {
            input["EventPattern"] = .string(value.string ?? value.json.text)
        }
        if let days = resource.properties["RetentionDays"] {
            guard let number = Int(try template.text(of: days)) else {
                throw .mistake("RetentionDays must be a whole number", at: days.position)
            }
            input["RetentionDays"] = .integer(number)
        }
        warnOfUnknown(
            resource.properties, ["ArchiveName", "SourceArn", "Description", "EventPattern", "RetentionDays"],
            in: resource.name)
        try append(.archive, input, resource)
    }
}

/// Builds a rule as a rule file would have it.
private struct RuleNode {
    private let position: TextPosition
    private var members: [Node.Member] = []
    var targets: [Node]?

    init(at position: TextPosition, metadata: Node?, name: String) {
        self.position = position
        add("Name", Node(.string(name), at: position), position)
        // Templates keep what is for other programs in Metadata; so are the tests of a rule.
        if let tests = metadata?["OpsBus"]?.member("Tests") { add("Tests", tests.value, tests.keyPosition) }
    }

    init(_ resource: Template.Resource, name: String) {
        self.init(at: resource.position, metadata: resource.metadata, name: name)
    }

    mutating func add(_ key: String, _ value: Node?, _ keyPosition: TextPosition) {
        if let value { members.append(Node.Member(key: key, keyPosition: keyPosition, value: value)) }
    }

    /// A bus by its name or its ARN.
    mutating func setBus(_ text: String, _ member: Node.Member) {
        let name = ARN(text)?.name(ofType: "event-bus") ?? text
        add("EventBusName", Node(.string(name), at: member.value.position), member.keyPosition)
    }

    var node: Node {
        var members = members
        let targets = Node(.array(targets ?? []), at: position)
        if self.targets != nil { members.append(Node.Member(key: "Targets", keyPosition: position, value: targets)) }
        return Node(.object(members), at: position)
    }
}
