internal import API
public import Core
internal import Patterns

/// What one file of rules says.
///
/// A file holds one rule, or a list of them under `Rules`. Members are those of `PutRule` and `PutTargets`; patterns
/// and inputs may be written as YAML mappings instead of JSON text. `Tests` belong to the file alone. Or the file is a
/// CloudFormation or SAM template, of which the rules are used as far as that can be: see `TemplateRules`.
public struct RuleFile: Sendable {
    public var rules: [Rule] = []
    /// Of each rule, in the same order.
    public var tests: [[RuleTest]] = []
    /// Where each rule stands, in the same order.
    public var positions: [TextPosition] = []
    /// Of the targets that are documents.
    public var arguments: [TargetArguments] = []
    public var problems: [RuleProblem] = []
    /// Buses, archives and schedules of a template.
    public var resources: [TemplateResource] = []

    /// Whether the rules can be used: warnings may stand, errors not.
    public var isSound: Bool { !problems.contains { $0.severity == .error } }

    private let file: String
    private let account: Account
    /// Whether a target that cannot be called is left out, and the rule used with the others.
    private let isTemplate: Bool

    /// Reads a file; what is wrong is collected in `problems` rather than thrown, so that all of it is seen at once.
    /// - Parameters:
    ///   - root: The parsed file.
    ///   - file: Its name, for messages and as the rules' owner.
    ///   - account: Fills in ARNs without region or account.
    public init(_ root: Node, file: String, account: Account) {
        self.file = file
        self.account = account
        isTemplate = Template.isTemplate(root)
        let nodes: [Node]
        if isTemplate {
            let template = TemplateRules(Template(root, file: file, account: account), file: file)
            problems = template.problems
            resources = template.resources
            nodes = template.rules
        } else if let list = root.member("Rules") {
            checkMembers(of: root, known: ["Rules"])
            guard let elements = list.value.elements else {
                fail("Rules must be a list of rules", at: list.value.position)
                return
            }
            nodes = elements
        } else {
            nodes = [root]
        }
        var names: [RuleCatalog.Key: TextPosition] = [:]
        for node in nodes {
            guard let rule = readRule(node) else { continue }
            let key = RuleCatalog.Key(bus: rule.bus, name: rule.name)
            if let earlier = names[key] {
                fail("rule \(rule.name) is defined twice; first at \(earlier)", at: node.position)
                continue
            }
            names[key] = node.position
            rules.append(rule)
            tests.append(readTests(node))
            positions.append(node.position)
        }
    }

    private static let members = [
        "Name", "EventBusName", "EventPattern", "ScheduleExpression", "State", "Description", "RoleArn", "Options",
        "Targets", "Tests",
    ]

    private mutating func readRule(_ node: Node) -> Rule? {
        guard node.members != nil else {
            fail(
                "a rule must be a mapping with Name, EventPattern or ScheduleExpression, and Targets", at: node.position
            )
            return nil
        }
        checkMembers(of: node, known: RuleFile.members)
        guard let name = text(node, "Name", required: true) else { return nil }
        var rule = Rule(name: name, file: file)
        rule.bus = text(node, "EventBusName") ?? BusDirectory.defaultBus
        rule.description = text(node, "Description")
        rule.roleARN = text(node, "RoleArn")
        rule.scheduleExpression = text(node, "ScheduleExpression")
        if let state = text(node, "State") {
            if let known = Rule.State(rawValue: state) {
                rule.state = known
            } else {
                let states = Rule.State.allCases.map(\.rawValue).joined(separator: ", ")
                fail("State must be one of \(states), not '\(state)'", at: node["State"]?.position ?? node.position)
            }
        }
        rule.options = readOptions(node)
        rule.eventPattern = readPattern(node)
        readTargets(node, into: &rule)
        check(rule, node)
        return rule
    }

    private mutating func readOptions(_ node: Node) -> RuleOptions {
        guard let member = node.member("Options") else { return RuleOptions() }
        do throws(ServiceError) {
            return try RuleOptions(json: member.value.json)
        } catch {
            fail(error.message, at: member.value.position)
            return RuleOptions()
        }
    }

    /// Checks that need the whole rule; those of its parts have been made where the parts stand.
    private mutating func check(_ rule: Rule, _ node: Node) {
        do throws(ServiceError) {
            try Shape.name(1...64, .resourceName).validate(.string(rule.name), at: "name")
        } catch {
            fail(error.message, at: node["Name"]?.position ?? node.position)
        }
        if node["EventPattern"] == nil && node["ScheduleExpression"] == nil {
            fail("the rule has neither EventPattern nor ScheduleExpression: it would never fire", at: node.position)
        }
        guard let schedule = rule.scheduleExpression, let position = node["ScheduleExpression"]?.position else {
            return
        }
        if rule.bus != BusDirectory.defaultBus {
            fail("ScheduleExpression is supported only on the default event bus", at: position)
        }
        do throws(ScheduleError) {
            _ = try ScheduleExpression(parsing: schedule)
        } catch {
            fail(error.message, at: position)
        }
    }

    // MARK: Pattern

    private mutating func readPattern(_ node: Node) -> String? {
        guard let member = node.member("EventPattern") else { return nil }
        let text = member.value.string ?? member.value.json.text
        do throws(PatternError) {
            let pattern = try Pattern(parsing: text)
            for warning in pattern.warnings {
                problems.append(
                    RuleProblem(
                        warning.message, severity: .warning, file: file,
                        at: position(of: warning.path, in: member.value)))
            }
        } catch {
            let hint = error.suggestion.map { "; \($0)" } ?? ""
            fail("event pattern: \(error.reason)\(hint)", at: position(of: error.path, in: member.value))
        }
        return text
    }

    /// Where a path inside the pattern stands in the file; the pattern as a whole where it is written as text.
    private func position(of path: [String], in pattern: Node) -> TextPosition {
        pattern.members == nil ? pattern.position : pattern.position(of: path)
    }

    // MARK: Targets

    private mutating func readTargets(_ node: Node, into rule: inout Rule) {
        guard let member = node.member("Targets") else {
            warn("the rule has no Targets: it would match and do nothing", at: node.position)
            return
        }
        guard let elements = member.value.elements else {
            fail("Targets must be a list", at: member.value.position)
            return
        }
        if elements.count > Limits.targetsPerRuleMax {
            fail("a rule has at most \(Limits.targetsPerRuleMax) targets", at: member.value.position)
        }
        for element in elements {
            do throws(ServiceError) {
                try RuleFile.checkTarget(element)
                let target = try Target(json: RuleFile.targetJSON(element), account: account)
                try target.checkInput()
                if rule.targets.contains(where: { $0.id == target.id }) {
                    fail("target \(target.id) is defined twice", at: element.position)
                }
                rule.targets.append(target)
                readArguments(of: target, element, rule.name)
            } catch where isTemplate {
                let identifier = element["Id"]?.string ?? "without Id"
                warn("target \(identifier) of \(rule.name) is left out: \(error.message)", at: element.position)
            } catch {
                fail(error.message, at: element.position)
            }
        }
    }

    /// What `PutTargets` tells in the words of the service, which do not help who writes a file.
    private static func checkTarget(_ node: Node) throws(ServiceError) {
        guard let members = node.members else {
            throw ServiceError(.validation, "a target must be a mapping with Id and Arn")
        }
        // One that is misspelt is told by its name.
        func isMissing(_ name: String) -> Bool {
            !members.contains { $0.key == name || nearest(to: $0.key, among: [name]) != nil }
        }
        if isMissing("Id") {
            throw ServiceError(.validation, "the target has no Id; give it one that is its own in the rule")
        }
        let identifier = node["Id"]?.string ?? ""
        if isMissing("Arn") { throw ServiceError(.validation, "target \(identifier) has no Arn") }
        if let text = node["Arn"]?.string, ARN(text) == nil {
            throw ServiceError(
                .validation,
                "target \(identifier): '\(text)' is no ARN; write arn:aws:SERVICE:REGION:ACCOUNT:NAME, where region "
                    + "and account may be left empty, as in arn:aws:sqs:::orders")
        }
    }

    private mutating func readArguments(of target: Target, _ node: Node, _ rule: String) {
        do throws(ServiceError) {
            if let arguments = try TargetArguments(target, node, rule: rule, file: file) {
                self.arguments.append(arguments)
            }
        } catch {
            let input = node["Input"] ?? node["InputTransformer"]?["InputTemplate"]
            fail(error.message, at: input?.position ?? node.position)
        }
    }

    /// A target as `PutTargets` takes it: `Input` written as a mapping becomes JSON text, and so does a template.
    private static func targetJSON(_ node: Node) -> JSON {
        var json = node.json
        if let input = json["Input"], input.string == nil { json["Input"] = .string(input.text) }
        if let template = json["InputTransformer"]?["InputTemplate"], template.string == nil {
            json["InputTransformer"]?["InputTemplate"] = .string(template.text)
        }
        return json
    }

    // MARK: Tests

    private mutating func readTests(_ node: Node) -> [RuleTest] {
        guard let member = node.member("Tests") else { return [] }
        guard let elements = member.value.elements else {
            fail("Tests must be a list", at: member.value.position)
            return []
        }
        return elements.compactMap { element in
            checkMembers(of: element, known: RuleTest.members)
            guard let event = element["Event"], event.members != nil else {
                fail("a test needs Event, a mapping with the members of an event", at: element.position)
                return nil
            }
            guard let matches = element["Matches"], case .bool(let mustMatch) = matches.value else {
                fail("a test needs Matches: true or false", at: element.position)
                return nil
            }
            let expected = element["Targets"]?.members ?? []
            if !mustMatch && !expected.isEmpty {
                fail("a test that must not match cannot expect Targets", at: element.position)
            }
            return RuleTest(
                name: element["Name"]?.string ?? "line \(element.position.line)", event: event.json,
                mustMatch: mustMatch,
                targets: expected.map { RuleTest.Expectation(target: $0.key, input: $0.value.json) },
                file: file, position: element.position)
        }
    }

    // MARK: Reading

    private mutating func text(_ node: Node, _ name: String, required: Bool = false) -> String? {
        guard let member = node.member(name) else {
            if required { fail("the rule has no \(name)", at: node.position) }
            return nil
        }
        guard let text = member.value.string else {
            fail("\(name) must be text; put it in quotes", at: member.value.position)
            return nil
        }
        return text
    }

    private mutating func checkMembers(of node: Node, known: [String]) {
        for member in node.members ?? [] where !known.contains(member.key) {
            let near = nearest(to: member.key, among: known).map { "did you mean \($0)?" }
            fail(
                "unknown member '\(member.key)'; \(near ?? "known are \(known.joined(separator: ", "))")",
                at: member.keyPosition)
        }
    }

    private mutating func warn(_ message: String, at position: TextPosition) {
        problems.append(RuleProblem(message, severity: .warning, file: file, at: position))
    }

    private mutating func fail(_ message: String, at position: TextPosition) {
        problems.append(RuleProblem(message, file: file, at: position))
    }
}
