internal import API
internal import Core
internal import Patterns
internal import Platform
internal import Storage

/// The operations on rules and their targets, as in the EventBridge API.
struct RuleOperations: Sendable {
    let matcher: Matcher
    let managed: ManagedRules
    let buses: BusDirectory
    let account: Account
    let targetsPerRule: Int
    /// Called after rules with schedules may have changed.
    let onScheduleChange: @Sendable () async -> Void

    static let ruleName = Field.required("Name", .name(1...64, .resourceName))
    /// The name of a bus, or its ARN, whose region and account may be left out.
    static let bus = Shape.string(
        length: 1...1600, pattern: #"(arn:aws[\w-]*:events:[\w-]*:\d*:event-bus\/)?[/\.\-_A-Za-z0-9]+"#)
    static let busName = Field.optional("EventBusName", bus)
    /// Lets a rule be changed that is kept in a file; the file brings it back when it is next loaded.
    private static let force = Field.optional("Force", .boolean)

    var all: [Operation] {
        let rule = Field.required("Rule", .name(1...64, .resourceName))
        let targets = Shape.list(.structure(Target.fields), count: 1...100)
        return [
            Operation(
                "events:PutRule", "Creates a rule or replaces the one of that name.", .writes,
                input: [
                    RuleOperations.ruleName, RuleOperations.busName,
                    .optional("EventPattern", .string(length: 0...Limits.eventPatternBytesMax)),
                    .optional("ScheduleExpression", .string(length: 0...256)),
                    .optional("State", .string(values: Rule.State.allCases.map(\.rawValue))),
                    .optional("Description", .string(length: 0...512)),
                    .optional("RoleArn", .string(length: 1...1600)), .optional("Tags", ResourceTags.shape),
                    .optional("Options", .structure(RuleOptions.fields)),
                ], handler: put),
            Operation(
                "events:DeleteRule", "Deletes a rule without targets; one that does not exist is no error.", .writes,
                input: [RuleOperations.ruleName, RuleOperations.busName, RuleOperations.force], handler: delete),
            Operation(
                "events:DescribeRule", "Answers one rule.", .reads,
                input: [RuleOperations.ruleName, RuleOperations.busName], handler: describe),
            Operation(
                "events:ListRules", "Lists the rules of a bus by name.", .reads,
                input: [
                    .optional("NamePrefix", .name(1...64, .resourceName)), RuleOperations.busName,
                    .optional("NextToken", .string(length: 1...2048)), .optional("Limit", .integer(1...100)),
                ], handler: list),
            Operation(
                "events:EnableRule", "Lets a rule match again.", .writes,
                input: [RuleOperations.ruleName, RuleOperations.busName],
                handler: { try await setState(.enabled, "EnableRule", $0, $1) }),
            Operation(
                "events:DisableRule", "Stops a rule from matching and its pending deliveries from being made.", .writes,
                input: [RuleOperations.ruleName, RuleOperations.busName],
                handler: { try await setState(.disabled, "DisableRule", $0, $1) }),
            Operation(
                "events:PutTargets", "Adds targets to a rule, replacing those of the same ids.", .writes,
                input: [rule, RuleOperations.busName, .required("Targets", targets)],
                handler: putTargets),
            Operation(
                "events:RemoveTargets", "Removes targets from a rule.", .writes,
                input: [
                    rule, RuleOperations.busName, .required("Ids", .list(.name(1...64, .resourceName), count: 1...100)),
                    RuleOperations.force,
                ], handler: removeTargets),
            Operation(
                "events:ListTargetsByRule", "Lists a rule's targets.", .reads,
                input: [
                    rule, RuleOperations.busName, .optional("NextToken", .string(length: 1...2048)),
                    .optional("Limit", .integer(1...100)),
                ], handler: listTargets),
        ]
    }

    // MARK: Rules

    private func put(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let bus = try bus(input)
        var rule = Rule(
            name: input["Name"]?.string ?? "", bus: bus, eventPattern: RuleOperations.given(input["EventPattern"]),
            scheduleExpression: RuleOperations.given(input["ScheduleExpression"]),
            state: input["State"]?.string.flatMap(Rule.State.init) ?? .enabled,
            description: input["Description"]?.string, roleARN: input["RoleArn"]?.string,
            options: try RuleOptions(json: input["Options"]))
        try await managed.refuse(rule.name, on: bus)
        try RuleOperations.check(rule)
        let proposed = rule
        let tags = try ResourceTags(input["Tags"])
        let arn = rule.arn(in: account).description
        let change = try await matcher.change(context) { catalog in
            var rule = proposed
            if let existing = catalog.entry(bus, rule.name)?.rule {
                try RuleOperations.refuseFile(existing)
                rule.targets = existing.targets
                // Tags are of a new rule only; TagResource changes them afterwards.
                return RuleChange(puts: [rule], action: "PutRule")
            } else if catalog.count(on: bus) >= Limits.rulesPerBusMax {
                throw ServiceError(.limitExceeded, "The requested resource exceeds the maximum number allowed.")
            }
            return RuleChange(puts: [rule], tags: [arn: tags], action: "PutRule")
        }
        rule = change.puts[0]
        await onScheduleChange()
        return ["RuleArn": .string(arn)]
    }

    /// An empty text is none, as clients send it.
    private static func given(_ text: JSON?) -> String? {
        guard let text = text?.string, !text.isEmpty else { return nil }
        return text
    }

    /// What holds for every rule, wherever it comes from.
    /// - Throws: `ServiceError` in the service's words.
    static func check(_ rule: Rule) throws(ServiceError) {
        if rule.eventPattern == nil && rule.scheduleExpression == nil {
            throw ServiceError(
                .validation, "Parameter(s) EventPattern or ScheduleExpression must be specified.")
        }
        _ = try RuleCatalog.compile(rule.eventPattern)
        guard let text = rule.scheduleExpression else { return }
        guard rule.bus == BusDirectory.defaultBus else {
            throw ServiceError(.validation, "ScheduleExpression is supported only on the default event bus.")
        }
        do throws(ScheduleError) {
            _ = try ScheduleExpression(parsing: text)
        } catch {
            throw ServiceError(.validation, "Parameter ScheduleExpression is not valid. Reason: \(error.message).")
        }
    }

    private static func refuseFile(_ rule: Rule, force: JSON? = nil) throws(ServiceError) {
        guard let file = rule.file, force?.bool != true else { return }
        throw ServiceError(
            .managedRule, "Rule \(rule.name) is kept in the file \(file); change it there, it is loaded at once.")
    }

    private func delete(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let bus = try bus(input)
        let name = input["Name"]?.string ?? ""
        try await managed.refuse(name, on: bus)
        _ = try await matcher.change(context) { catalog in
            guard let rule = catalog.entry(bus, name)?.rule else { return RuleChange(action: "DeleteRule") }
            try RuleOperations.refuseFile(rule, force: input["Force"])
            guard rule.targets.isEmpty else {
                throw ServiceError(.validation, "Rule can't be deleted since it has targets.")
            }
            return RuleChange(deletions: [rule], action: "DeleteRule")
        }
        await onScheduleChange()
        return [:]
    }

    private func describe(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let bus = try bus(input)
        let name = input["Name"]?.string ?? ""
        if let managed = await managed.describe(name, on: bus) { return managed }
        var output = try await rule(name, bus).json(in: account)
        output["CreatedBy"] = .string(account.id)
        return output
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let prefix = input["NamePrefix"]?.string ?? ""
        let bus = try bus(input)
        // Only the rules of the page are written out.
        var rules: [(name: String, json: () -> JSON)] = await matcher.catalog.rules(on: bus).map { rule in
            (name: rule.name, json: { rule.json(in: account) })
        }
        for (name, json) in await managed.list(on: bus) { rules.append((name: name, json: { json })) }
        let page = Page(rules.filter { $0.name.hasPrefix(prefix) }, by: \.name, input)
        var output: JSON = ["Rules": .array(page.items.map { $0.json() })]
        output["NextToken"] = page.nextToken
        return output
    }

    private func setState(
        _ state: Rule.State, _ action: String, _ input: JSON, _ context: OperationContext
    ) async throws -> JSON {
        let bus = try bus(input)
        let name = input["Name"]?.string ?? ""
        try await change(name, bus, action, context) { $0.state = state }
        await onScheduleChange()
        return [:]
    }

    // MARK: Targets

    private func putTargets(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let given = input["Targets"]?.array ?? []
        for (index, target) in given.enumerated() {
            try Target.checkForm(target, at: "targets.\(index + 1).member")
        }
        let bus = try bus(input)
        let name = input["Rule"]?.string ?? ""
        try await managed.refuse(name, on: bus)
        _ = try await rule(name, bus)
        let targets = try given.map { try Target(json: $0, account: account) }
        for target in targets {
            try target.checkInput()
            if case .forward(let other) = try TargetAction(target), buses.snapshot.name(of: other.description) == nil {
                let name = other.account == account.id ? other.name(ofType: "event-bus") : nil
                throw ServiceError(.resourceNotFound, "Event bus \(name ?? "\(other)") does not exist.")
            }
        }
        try await change(name, bus, "PutTargets", context) { rule in
            for target in targets {
                if let index = rule.targets.firstIndex(where: { $0.id == target.id }) {
                    rule.targets[index] = target
                } else {
                    rule.targets.append(target)
                }
            }
            if rule.targets.count > targetsPerRule {
                throw ServiceError(.limitExceeded, "The requested resource exceeds the maximum number allowed.")
            }
        }
        return ["FailedEntryCount": 0, "FailedEntries": []]
    }

    private func removeTargets(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let identifiers = (input["Ids"]?.array ?? []).compactMap(\.string)
        let name = input["Rule"]?.string ?? ""
        let bus = try bus(input)
        let known = Set(try await rule(name, bus).targets.map(\.id))
        try await change(name, bus, "RemoveTargets", context, force: input["Force"]) { rule in
            rule.targets.removeAll { identifiers.contains($0.id) }
        }
        let failed: [JSON] = identifiers.filter { !known.contains($0) }.map { identifier in
            [
                "TargetId": .string(identifier), "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": .string("Rule '\(name)' does not have a target with the Id '\(identifier)'."),
            ]
        }
        return ["FailedEntryCount": .integer(failed.count), "FailedEntries": .array(failed)]
    }

    private func listTargets(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let bus = try bus(input)
        let name = input["Rule"]?.string ?? ""
        var targets = await managed.targets(name, on: bus)
        if targets == nil { targets = try await rule(name, bus).targets.map(\.json) }
        let page = Page(targets ?? [], by: { $0["Id"]?.string ?? "" }, input)
        var output: JSON = ["Targets": .array(page.items)]
        output["NextToken"] = page.nextToken
        return output
    }

    // MARK: Shared

    /// Changes one existing rule.
    private func change(
        _ name: String, _ bus: String, _ action: String, _ context: OperationContext, force: JSON? = nil,
        _ edit: @escaping @Sendable (inout Rule) throws -> Void
    ) async throws {
        try await managed.refuse(name, on: bus)
        _ = try await matcher.change(context) { catalog in
            guard var rule = catalog.entry(bus, name)?.rule else { throw RuleOperations.noRule(name, bus) }
            try RuleOperations.refuseFile(rule, force: force)
            try edit(&rule)
            return RuleChange(puts: [rule], action: action)
        }
    }

    private func rule(_ name: String, _ bus: String) async throws(ServiceError) -> Rule {
        guard let rule = await matcher.catalog.entry(bus, name)?.rule else { throw RuleOperations.noRule(name, bus) }
        return rule
    }

    static func noRule(_ name: String, _ bus: String) -> ServiceError {
        ServiceError(.resourceNotFound, "Rule \(name) does not exist on EventBus \(bus).")
    }

    private func bus(_ input: JSON) throws(ServiceError) -> String { try buses.resolve(input) }
}
