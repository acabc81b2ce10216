import API
import Core
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Operations on rules and buses") struct RuleOperationsTests {
    struct Bad: Sendable, CustomTestStringConvertible {
        let operation: String
        let input: String
        let code: ErrorCode
        let message: String

        init(_ operation: String, _ input: String, _ code: ErrorCode, _ message: String) {
            self.operation = operation
            self.input = input
            self.code = code
            self.message = message
        }

        var testDescription: String { "\(operation) \(input.prefix(100))" }
    }

    private static func constraint(_ value: String, _ member: String, _ rule: String) -> String {
        "1 validation error detected: Value \(value) at '\(member)' failed to satisfy constraint: \(rule)"
    }

    private static let arn = #""Arn":"arn:aws:sns:us-east-1:123456789012:t""#
    private static let name65 = String(repeating: "n", count: 65)
    private static let kinds =
        "it calls ssm documents (document/…, automation-definition/…), sns topics, sqs queues, lambda functions "
        + "(function:…), event buses (event-bus/…), API destinations (api-destination/…) and log groups (log-group:…)."

    @Test(
        "What is wrong is answered with the service's code and words",
        arguments: [
            Bad("DescribeRule", #"{"Name":"no"}"#, .resourceNotFound, "Rule no does not exist on EventBus default."),
            Bad("EnableRule", #"{"Name":"no"}"#, .resourceNotFound, "Rule no does not exist on EventBus default."),
            Bad("DisableRule", #"{"Name":"no"}"#, .resourceNotFound, "Rule no does not exist on EventBus default."),
            Bad("ListTargetsByRule", #"{"Rule":"no","EventBusName":"other"}"#, .resourceNotFound,
                "Rule no does not exist on EventBus other."),
            Bad("PutTargets", #"{"Rule":"no","Targets":[{"Id":"1",\#(arn)}]}"#, .resourceNotFound,
                "Rule no does not exist on EventBus default."),
            Bad("RemoveTargets", #"{"Rule":"no","Ids":["1"]}"#, .resourceNotFound,
                "Rule no does not exist on EventBus default."),
            Bad("PutRule", #"{"Name":"r","EventBusName":"no","EventPattern":"{\"source\":[\"a\"]}"}"#,
                .resourceNotFound, "Event bus no does not exist."),
            Bad("ListRules", #"{"EventBusName":"no"}"#, .resourceNotFound, "Event bus no does not exist."),
            Bad("DescribeEventBus", #"{"Name":"no"}"#, .resourceNotFound, "Event bus no does not exist."),
            Bad("CreateEventBus", #"{"Name":"other"}"#, .resourceAlreadyExists, "Event bus other already exists."),
            Bad("CreateEventBus", #"{"Name":"default"}"#, .resourceAlreadyExists, "Event bus default already exists."),
            Bad("CreateEventBus", #"{"Name":"a/b"}"#, .validation, "Event bus name must not contain '/'."),
            Bad("CreateEventBus", #"{"Name":"a b"}"#, .validation,
                constraint("'a b'", "name", #"Member must satisfy regular expression pattern: [/\.\-_A-Za-z0-9]+"#)),
            Bad("DeleteEventBus", #"{"Name":"default"}"#, .validation, "Cannot delete event bus default."),
            Bad("DeleteEventBus", #"{"Name":"other"}"#, .validation,
                "Event bus other can't be deleted since it has rules."),
            Bad("DeleteRule", #"{"Name":"r"}"#, .validation, "Rule can't be deleted since it has targets."),
            Bad("PutRule", #"{"Name":"n"}"#, .validation,
                "Parameter(s) EventPattern or ScheduleExpression must be specified."),
            Bad("PutRule", #"{"EventPattern":"{}"}"#, .validation,
                constraint("null", "name", "Member must not be null")),
            Bad("PutRule", #"{"Name":null,"EventPattern":"{}"}"#, .validation,
                constraint("null", "name", "Member must not be null")),
            Bad("PutRule", #"{"Name":"","EventPattern":"{}"}"#, .validation,
                constraint("''", "name", "Member must have length greater than or equal to 1")),
            Bad("PutRule", #"{"Name":"\#(name65)","EventPattern":"{}"}"#, .validation,
                constraint("'\(name65)'", "name", "Member must have length less than or equal to 64")),
            Bad("PutRule", #"{"Name":"a b","EventPattern":"{}"}"#, .validation,
                constraint("'a b'", "name", #"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+"#)),
            Bad("PutRule", #"{"Name":"n","State":"ON","EventPattern":"{\"source\":[\"a\"]}"}"#, .validation,
                constraint("'ON'", "state", "Member must satisfy enum value set: [ENABLED, DISABLED, "
                    + "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]")),
            Bad("PutRule", #"{"Name":"n","ScheduleExpression":"rate(1 minute)","EventBusName":"other"}"#, .validation,
                "ScheduleExpression is supported only on the default event bus."),
            Bad("PutRule", #"{"Name":"n","ScheduleExpression":"rate(10 minute)"}"#, .validation,
                "Parameter ScheduleExpression is not valid."),
            Bad("PutRule", #"{"Name":"n","ScheduleExpression":"cron(0 1 * * * *)"}"#, .validation,
                "Parameter ScheduleExpression is not valid."),
            Bad("PutRule", #"{"Name":"n","EventPattern":"{\"source\":\"a\"}"}"#, .invalidEventPattern,
                "Event pattern is not valid. Reason: "),
            Bad("PutRule", #"{"Name":"n","EventPattern":"no json"}"#, .invalidEventPattern,
                "Event pattern is not valid. Reason: "),
            Bad("TestEventPattern", #"{"EventPattern":"{}","Event":"{}"}"#, .invalidEventPattern,
                "Event pattern is not valid. Reason: "),
            Bad("TestEventPattern", #"{"EventPattern":"{\"source\":[\"a\"]}","Event":"no json"}"#, .validation,
                "Parameter Event is not valid."),
            Bad("TestEventPattern", #"{"EventPattern":"{\"source\":[\"a\"]}","Event":"{\"id\":\"1\"}"}"#, .validation,
                "Parameter Event is not valid. Reason: it has no account."),
            Bad("PutTargets", #"{"Rule":"r","Targets":[{"Id":"1",\#(arn),"Input":"{}","InputPath":"$"}]}"#, .validation,
                "Only one of Input, InputPath, or InputTransformer must be provided for target 1."),
            Bad("PutTargets",
                #"{"Rule":"r","Targets":[{"Id":"1",\#(arn),"InputTransformer":{"InputTemplate":"<x>"}}]}"#,
                .validation, "InputTemplate for target 1 contains invalid placeholder x."),
            Bad("PutTargets", #"{"Rule":"r","Targets":[{"Id":"1","Arn":"sns:t"}]}"#, .validation,
                "Parameter sns:t is not valid. Reason: Provided Arn is not in correct format."),
            Bad("PutTargets", #"{"Rule":"r","Targets":[{"Id":"1","Arn":"arn:aws:lambda:::layer:f"}]}"#, .validation,
                "Parameter Arn of target 1 is not valid. Reason: OpsBus cannot call "
                    + "arn:aws:lambda:us-east-1:123456789012:layer:f; \(kinds)"),
            Bad("PutTargets", #"{"Rule":"r","Targets":[{"Id":"1","Arn":"arn:aws:ssm:::parameter/p"}]}"#, .validation,
                "Parameter Arn of target 1 is not valid. Reason: OpsBus cannot call "
                    + "arn:aws:ssm:us-east-1:123456789012:parameter/p; \(kinds)"),
            Bad("PutTargets", #"{"Rule":"r","Targets":[{"Id":"1","Arn":"arn:aws:sns:::t:uuid"}]}"#, .validation,
                "Parameter Arn of target 1 is not valid. Reason: OpsBus cannot call "
                    + "arn:aws:sns:us-east-1:123456789012:t:uuid; \(kinds)"),
            Bad("PutTargets", #"{"Rule":"r","Targets":[{"Id":"1","Arn":"arn:aws:ssm:::document/D"}]}"#, .validation,
                "Parameter Arn of target 1 is not valid. Reason: a command document needs RunCommandParameters with "
                    + "the nodes to run it on."),
            Bad("PutTargets", #"{"Rule":"r","Targets":[{"Id":"1","Arn":"arn:aws:events:::event-bus/no"}]}"#,
                .resourceNotFound, "Event bus no does not exist."),
            Bad("PutTargets", #"{"Rule":"r","Targets":[{"Id":"1","Arn":"arn:aws:events::9:event-bus/other"}]}"#,
                .resourceNotFound, "Event bus arn:aws:events:us-east-1:9:event-bus/other does not exist."),
            Bad("PutTargets",
                #"{"Rule":"r","Targets":[{"Id":"1","Arn":"arn:aws:events:::event-bus/other","Input":"{}"}]}"#,
                .validation,
                "Input, InputPath and InputTransformer of target 1 cannot be honoured: an event bus is passed the "
                    + "event as it is."),
            Bad("PutTargets", #"{"Rule":"r","Targets":[{"Id":"a b",\#(arn)}]}"#, .validation,
                constraint(
                    "'a b'", "targets.1.member.id",
                    #"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+"#)),
            Bad("PutTargets",
                #"{"Rule":"r","Targets":[{"Id":"1",\#(arn),"RetryPolicy":{"MaximumRetryAttempts":186}}]}"#,
                .validation,
                constraint("'186'", "targets.1.member.retryPolicy.maximumRetryAttempts",
                    "Member must have value less than or equal to 185")),
            Bad("PutTargets",
                #"{"Rule":"r","Targets":[{"Id":"1",\#(arn),"RetryPolicy":{"MaximumEventAgeInSeconds":59}}]}"#,
                .validation,
                constraint(
                    "'59'", "targets.1.member.retryPolicy.maximumEventAgeInSeconds",
                        "Member must have value greater than or equal to 60")),
        ])
    func errors(bad: Bad) async throws {
        let engine = try TestEvents()
        try await TestEvents.run(engine) { engine in
            try await engine.call("events:CreateEventBus", ["Name": "other"])
            try await engine.rule()
            try await engine.rule("q", bus: "other", targets: [])
            let before = try await engine.call("events:ListRules")
            let error = await refusal { try await engine.call("events:" + bad.operation, JSON(parsing: bad.input)) }
            #expect(error?.code == bad.code, "\(String(describing: error))")
            // Where more is said than the service says, it comes after the service's words.
            let isPrefix = bad.message.hasSuffix("is not valid.") || bad.message.hasSuffix("Reason: ")
            #expect(
                isPrefix ? error?.message.hasPrefix(bad.message) == true : error?.message == bad.message,
                "\(error?.message ?? "")")
            #expect(try await engine.call("events:ListRules") == before, "nothing has changed")
        }
    }

    @Test("A rule has so many targets at most, and PutTargets puts all or none")
    func targetLimit() async throws {
        let asAtAWS = EventsService.Settings(targetsPerRule: 5)
        for (engine, count) in [(try TestEvents(), 20), (try TestEvents(settings: asAtAWS), 5)] {
            try await TestEvents.run(engine) { engine in
                let targets = (1...count).map { TestEvents.target("t\($0)") }
                try await engine.rule(targets: targets)
                let more: JSON = ["Rule": "r", "Targets": [TestEvents.target("t1"), TestEvents.target("more")]]
                let error = await refusal { try await engine.call("events:PutTargets", more) }
                #expect(error?.code == .limitExceeded)
                #expect(error?.message == "The requested resource exceeds the maximum number allowed.")
                // The same ids replace what is there.
                let answer = try await engine.call("events:PutTargets", ["Rule": "r", "Targets": .array(targets)])
                #expect(answer == ["FailedEntryCount": 0, "FailedEntries": []])
                let listed = try await engine.call("events:ListTargetsByRule", ["Rule": "r"])
                #expect(listed["Targets"]?.array?.count == targets.count)
            }
        }
    }

    @Test("PutRule replaces the whole rule, keeps its targets, and answers its ARN")
    func replace() async throws {
        try await TestEvents.run { engine in
            try await engine.call("events:CreateEventBus", ["Name": "other"])
            let first = try await engine.call(
                "events:PutRule",
                [
                    "Name": "r", "EventBusName": "arn:aws:events:us-east-1:123456789012:event-bus/other",
                    "EventPattern": #"{"source":["a"]}"#, "Description": "first", "State": "DISABLED",
                    "RoleArn": "arn:aws:iam:::role/x",
                ])
            #expect(first == ["RuleArn": "arn:aws:events:us-east-1:123456789012:rule/other/r"])
            try await engine.call(
                "events:PutTargets", ["Rule": "r", "EventBusName": "other", "Targets": [TestEvents.target()]])
            try await engine.call(
                "events:PutRule", ["Name": "r", "EventBusName": "other", "EventPattern": #"{"source":["b"]}"#])
            let rule = try await engine.call("events:DescribeRule", ["Name": "r", "EventBusName": "other"])
            #expect(
                rule == [
                    "Name": "r", "Arn": "arn:aws:events:us-east-1:123456789012:rule/other/r", "State": "ENABLED",
                    "EventBusName": "other", "EventPattern": #"{"source":["b"]}"#, "CreatedBy": "123456789012",
                ])
            let targets = try await engine.call("events:ListTargetsByRule", ["Rule": "r", "EventBusName": "other"])
            #expect(targets["Targets"]?.array?.count == 1)
            let plain = try await engine.call("events:PutRule", ["Name": "r", "EventPattern": #"{"source":["b"]}"#])
            #expect(plain == ["RuleArn": "arn:aws:events:us-east-1:123456789012:rule/r"])
        }
    }

    @Test("Lists come by name in pages that hold everything once, also while rules come and go")
    func pages() async throws {
        try await TestEvents.run { engine in
            let names = (1...7).map { "rule-\($0)" }
            for name in names.shuffled() { try await engine.rule(name, targets: []) }
            try await engine.rule("another", targets: [])
            var seen: [String] = []
            var input: JSON = ["NamePrefix": "rule-", "Limit": 3]
            repeat {
                let page = try await engine.call("events:ListRules", input)
                let found = (page["Rules"]?.array ?? []).compactMap { $0["Name"]?.string }
                #expect(found.count <= 3 && !found.isEmpty)
                seen += found
                if seen.count == 3 { try await engine.call("events:DeleteRule", ["Name": "rule-3"]) }
                #expect(page["NextToken"] != .some(.null))
                input["NextToken"] = page["NextToken"]
            } while input["NextToken"] != nil
            #expect(seen == names)

            for name in ["c", "a", "b"] { try await engine.call("events:CreateEventBus", ["Name": .string(name)]) }
            let buses = try await engine.call("events:ListEventBuses", ["Limit": 2])
            #expect(buses["EventBuses"]?.array?.map { $0["Name"] } == ["a", "b"])
            let rest = try await engine.call("events:ListEventBuses", ["NextToken": buses["NextToken"] ?? .null])
            #expect(rest["EventBuses"]?.array?.map { $0["Name"] } == ["c", "default"] && rest["NextToken"] == nil)
        }
    }

    @Test("Deleting what is not there is no error, and a bus is gone with its events")
    func deletions() async throws {
        try await TestEvents.run { engine in
            #expect(try await engine.call("events:DeleteRule", ["Name": "no"]) == [:])
            #expect(try await engine.call("events:DeleteEventBus", ["Name": "no"]) == [:])
            try await engine.call("events:CreateEventBus", ["Name": "other", "Description": "for a while"])
            let bus = try await engine.call("events:DescribeEventBus", ["Name": "other"])
            #expect(
                bus == [
                    "Name": "other", "Arn": "arn:aws:events:us-east-1:123456789012:event-bus/other",
                    "Description": "for a while", "CreationTime": "2027-01-15T08:00:00.000Z",
                    "LastModifiedTime": "2027-01-15T08:00:00.000Z",
                ])
            try await engine.call("events:DeleteEventBus", ["Name": "other"])
            let (_, answer) = await engine.publish(
                JSON.object(["Entries": [TestEvents.entry(bus: "other")]]).bytes)
            #expect(answer["Entries"]?[0]?["ErrorCode"] == "ResourceNotFoundException")
        }
    }

    @Test("A rule kept in a file is changed there and nowhere else")
    func managed() async throws {
        try await TestEvents.run { engine in
            let rule = Rule(name: "r", eventPattern: #"{"source":["a"]}"#, file: "Rules/r.yaml")
            try await engine.service.replaceFileRules([rule], brokenFiles: [], OperationContext(principal: .local))
            for (operation, input): (String, JSON) in [
                ("PutRule", ["Name": "r", "EventPattern": "{\"source\":[\"b\"]}"]), ("DisableRule", ["Name": "r"]),
                ("DeleteRule", ["Name": "r"]), ("PutTargets", ["Rule": "r", "Targets": [TestEvents.target()]]),
            ] {
                let error = await refusal { try await engine.call("events:" + operation, input) }
                #expect(error?.code == .managedRule, "\(operation)")
                #expect(error?.message.contains("Rules/r.yaml") == true)
            }
        }
    }
}
