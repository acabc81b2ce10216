import Core
import Foundation
import TestSupport
import Testing

@testable import Events

@Suite("CloudFormation and SAM templates as rule files") struct TemplateFileTests {
    private static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Templates")
        .path()

    private func load(_ name: String) throws -> RuleDirectory {
        try RuleDirectory("\(TemplateFileTests.directory)/\(name)", account: Account())
    }

    /// `LINE:COLUMN severity message` of each problem.
    private func told(_ directory: RuleDirectory) -> [String] {
        directory.problems.map { "\($0.position.line):\($0.position.column) \($0.severity.rawValue) \($0.message)" }
    }

    @Test("A template's rules are used with its values filled in, and what cannot be honoured is named with its place")
    func pipeline() throws {
        let loaded = try load("order-pipeline.yaml")
        #expect(loaded.isSound)
        #expect(
            loaded.rules.map(\.name) == ["large-orders-staging", "order-pipeline-NightlyRule"], "\(loaded.rules)")
        let rule = try #require(loaded.rules.first)
        #expect(rule.bus == "shop-staging" && rule.description == "Orders above 500" && rule.roleARN == nil)
        #expect(
            try JSON(parsing: rule.eventPattern ?? "") == [
                "source": ["shop.orders"], "detail-type": ["Order Placed"], "region": ["us-east-1"],
                "detail": ["total": [["numeric": [">", 500]]]],
            ])
        #expect(
            rule.targets.map(\.arn.description) == [
                "arn:aws:sns:us-east-1:123456789012:large-orders",
                "arn:aws:logs:us-east-1:123456789012:log-group:/shop/staging",
            ])
        #expect(rule.targets.first?.retryPolicy.attemptsMax == 4)
        let nightly = try #require(loaded.rules.last)
        #expect(nightly.scheduleExpression == "cron(0 2 * * ? *)")
        #expect(
            nightly.targets.first?.json["Input"]?.string
                == "{\"report\": \"nightly\", \"environment\": \"staging\"}\n")
        let told = told(loaded)
        #expect(told.count == 4, "\(told)")
        #expect(told.contains("24:7 warning ShopBus: Tags is not honoured"), "\(told)")
        #expect(
            told.contains {
                $0.hasPrefix("80:11 warning target approve of large-orders-staging is left out: ")
                    && $0.contains("arn:aws:states:us-east-1:123456789012:stateMachine:order-pipeline-ApprovalFlow")
            }, "\(told)")
        #expect(
            told.contains(
                "108:19 warning UnknowableRule is left out: Fn::ImportValue: what other stacks export is not known here"
            ), "\(told)")
        #expect(
            told.contains(
                "20:3 warning not loaded, only rules, buses, archives and schedules are: AWS::IAM::Role, AWS::SNS::Topic, "
                    + "AWS::StepFunctions::StateMachine"), "\(told)")
    }

    @Test("Buses, archives and schedules of a template are inputs of the operations that make them")
    func resources() throws {
        let resources = try load("order-pipeline.yaml").resources
        #expect(resources.map(\.kind) == [.bus, .archive, .schedule])
        #expect(resources.map(\.name) == ["shop-staging", "order-pipeline-ShopArchive", "weekly-closing"])
        #expect(
            resources[1].input == [
                "ArchiveName": "order-pipeline-ShopArchive",
                "EventSourceArn": "arn:aws:events:us-east-1:123456789012:event-bus/shop-staging",
                "EventPattern": #"{"source":["shop.orders"]}"#, "RetentionDays": 14,
            ])
        #expect(resources[2].input["Target"]?["Arn"] == "arn:aws:sns:us-east-1:123456789012:large-orders")
        #expect(resources[2].input["ScheduleExpressionTimezone"] == "Europe/Berlin")
        #expect(resources[2].position == TextPosition(line: 113, column: 3))
    }

    @Test("The tests of a rule stand in its Metadata, and run")
    func tests() throws {
        let tests = try load("order-pipeline.yaml").tests
        #expect(tests.count == 2)
        for (rule, test) in tests { #expect(test.run(rule, account: Account()).failure == nil) }
    }

    @Test("A template in JSON is read as well")
    func json() throws {
        let loaded = try load("instance-watch.json")
        #expect(told(loaded) == [])
        let rule = try #require(loaded.rules.first)
        #expect(rule.name == "nginx-stopped")
        #expect(try JSON(parsing: rule.eventPattern ?? "")["detail"]?["unit"] == ["nginx.service"])
        #expect(rule.targets.first?.arn.description.hasSuffix("document/AWS-RunShellScript") == true)
        #expect(loaded.arguments.map(\.document) == ["AWS-RunShellScript"])
    }

    @Test("Event sources of a SAM function are rules that call it; others are named")
    func functions() throws {
        let loaded = try load("thumbnailer.yaml")
        #expect(loaded.isSound)
        #expect(loaded.rules.map(\.name) == ["thumbnailer-ThumbnailerUploaded", "thumbnailer-ThumbnailerSweep"])
        let uploaded = try #require(loaded.rules.first)
        #expect(
            try JSON(parsing: uploaded.eventPattern ?? "")["detail"]?["bucket"]?["name"] == ["holiday-pictures"])
        let sweep = try #require(loaded.rules.last)
        #expect(sweep.state == .disabled && sweep.scheduleExpression == "rate(12 hours)")
        #expect(sweep.description == "Forgets pictures that are gone.")
        let told = told(loaded)
        #expect(told.contains("49:9 warning Thumbnailer.Web is left out: an event source of type Api"), "\(told)")
        #expect(loaded.resources.map(\.kind) == [.schedule])
        #expect(loaded.resources.first?.input["FlexibleTimeWindow"] == ["Mode": "OFF"])
    }

    @Test("Mistakes of a template are errors with their place, and the file is not used", arguments: [
        (
            "Resources:\n  R:\n    Type: AWS::Events::Rule\n    Properties:\n"
                + "      EventPattern: {source: [!Ref Nope]}\n",
            "f.yaml:5:31: error: R: there is no parameter and no resource Nope"
        ),
        (
            "Resources:\n  R:\n    Type: AWS::Events::Rule\n    Properties:\n      EventPattern: {source: 1}\n",
            "f.yaml:5:22: error: event pattern: "
        ),
        (
            "Resources:\n  R:\n    Type: AWS::Events::Rule\n    Properties: {Name: r}\n",
            "f.yaml:2:3: error: the rule has neither EventPattern nor ScheduleExpression"
        ),
        (
            "Resources:\n  R: {Type: AWS::Events::Archive, Properties: {}}\n",
            "f.yaml:2:3: error: R: an archive needs SourceArn"
        ),
    ])
    func mistakes(text: String, expected: String) throws {
        let directory = try TemporaryDirectory()
        try directory.write(text, to: "f.yaml")
        let loaded = try RuleDirectory(directory.path, account: Account())
        let problems = loaded.problems.map { $0.description.replacing(directory.path + "/", with: "") }
        #expect(problems.contains { $0.hasPrefix(expected) }, "\(problems)")
        #expect(!loaded.isSound && loaded.rules.isEmpty)
    }

    @Test("A rule's tags and its DeletionPolicy are named as not honoured")
    func unhonoured() throws {
        let directory = try TemporaryDirectory()
        try directory.write(
            """
            Resources:
              R:
                Type: AWS::Events::Rule
                DeletionPolicy: Retain
                Properties:
                  EventPattern: {source: [a]}
                  Targets: [{Id: q, Arn: "arn:aws:sqs:::q"}]
                  Tags: [{Key: a, Value: b}]
            """, to: "f.yaml")
        let loaded = try RuleDirectory(directory.path, account: Account())
        #expect(
            told(loaded) == [
                "4:21 warning R: DeletionPolicy is not honoured: a rule goes with its file",
                "8:7 warning R: Tags is not honoured",
            ])
        #expect(loaded.rules.count == 1)
    }

    @Test("In a file that is no template, a function's tag is a mistake as before")
    func noTemplate() throws {
        let directory = try TemporaryDirectory()
        try directory.write("Name: Resources\nEventPattern: {source: [!Ref a]}\nTargets: []\n", to: "f.yaml")
        let loaded = try RuleDirectory(directory.path, account: Account())
        let message = try #require(loaded.problems.first?.message)
        #expect(message.contains("template functions such as !Ref and !Sub do not work here"))
    }
}
