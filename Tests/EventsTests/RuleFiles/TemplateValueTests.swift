import Core
import Testing

@testable import Events

@Suite("What a template's functions come to") struct TemplateValueTests {
    private static let template = """
        AWSTemplateFormatVersion: "2010-09-09"
        Parameters:
          Stage: {Type: String, Default: dev}
          Buses: {Type: CommaDelimitedList, Default: "orders, billing"}
          Size: {Type: Number, Default: 5}
          Secret: {Type: String}
          Image: {Type: "AWS::SSM::Parameter::Value<String>", Default: /image}
        Mappings:
          Levels: {dev: {level: low}, prod: {level: high}}
        Conditions:
          IsProd: !Equals [!Ref Stage, prod]
          IsDev: !Not [!Condition IsProd]
          Either: !Or [!Condition IsProd, !Condition IsDev]
          Both: !And [!Condition IsProd, !Condition IsDev]
          Circle: !Not [!Condition Circle]
        Resources:
          Topic: {Type: "AWS::SNS::Topic"}
          Named: {Type: "AWS::SNS::Topic", Properties: {TopicName: !Sub "${Stage}-alerts"}}
          Queue: {Type: "AWS::SQS::Queue", Properties: {QueueName: jobs}}
          Bus: {Type: "AWS::Events::EventBus", Properties: {Name: orders}}
          Worker: {Type: "AWS::Serverless::Function"}
          Logs: {Type: "AWS::Logs::LogGroup", Properties: {LogGroupName: /ops/all}}
          Bucket: {Type: "AWS::S3::Bucket", Properties: {BucketName: b}}
          Loop: {Type: "AWS::SNS::Topic", Properties: {TopicName: !Sub "x-${Loop.TopicName}"}}
          Value: {Type: "Custom::Value", Properties: {Value: VALUE}}

        """

    private func value(_ text: String) throws -> JSON? {
        let content = TemplateValueTests.template.replacing("VALUE", with: text)
        let root = try Node(parsingYAML: Array(content.utf8), hasFunctions: true)
        let template = Template(root, file: "rules/my.stack.yaml", account: Account())
        let node = try #require(template.resource("Value")?.properties["Value"])
        return try template.value(of: node)?.json
    }

    @Test("Values", arguments: [
        ("!Ref Stage", "dev" as JSON), ("!Ref Size", 5), ("!Ref Buses", ["orders", "billing"]),
        ("!Ref AWS::Region", "us-east-1"), ("{Ref: 'AWS::AccountId'}", "123456789012"), ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::StackName", "my"), ("[a, !Ref AWS::NoValue, b]", ["a", "b"]),
        ("{k: !Ref AWS::NoValue, l: 1}", ["l": 1]),
        (#"!Sub "${Stage}-${!Literal}-${AWS::Region}""#, "dev-${Literal}-us-east-1"),
        (#"!Sub ["${A}/${Stage}", {A: !Join ["-", [x, !Ref Stage]]}]"#, "x-dev/dev"),
        (#"!Sub "arn:${AWS::Partition}:sns:::${Named.TopicName}""#, "arn:aws:sns:::dev-alerts"),
        ("!Join [',', !Ref Buses]", "orders,billing"), ("!Select [1, !Ref Buses]", "billing"),
        ("!Select ['0', !Split ['/', a/b]]", "a"), ("!FindInMap [Levels, !Ref Stage, level]", "low"),
        ("!FindInMap [Levels, test, level, {DefaultValue: none}]", "none"),
        ("!If [IsProd, yes, !If [IsDev, 'no', never]]", "no"), ("!If [Either, 1, 2]", 1), ("!If [Both, 1, 2]", 2),
        ("{'Fn::ToJsonString': {a: !Ref Stage}}", #"{"a":"dev"}"#), ("!Length [1, 2]", 2),
        ("!Ref Topic", "arn:aws:sns:us-east-1:123456789012:my-Topic"),
        ("!GetAtt Named.TopicArn", "arn:aws:sns:us-east-1:123456789012:dev-alerts"),
        ("!GetAtt [Queue, Arn]", "arn:aws:sqs:us-east-1:123456789012:jobs"),
        ("!Ref Queue", "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"), ("!Ref Bus", "orders"),
        ("{'Fn::GetAtt': [Bus, Arn]}", "arn:aws:events:us-east-1:123456789012:event-bus/orders"),
        ("!GetAtt Worker.Arn", "arn:aws:lambda:us-east-1:123456789012:function:my-Worker"),
        ("!GetAtt Logs.Arn", "arn:aws:logs:us-east-1:123456789012:log-group:/ops/all:*"),
        ("!GetAtt Bucket.Arn", "arn:aws:s3:::b"), ("!Sub plain", "plain"), ("!Sub '${unclosed'", "${unclosed"),
    ] as [(String, JSON)])
    func values(text: String, expected: JSON) throws {
        #expect(try value(text) == expected)
    }

    @Test("No value is none") func noValue() throws {
        #expect(try value("!If [IsProd, 1, !Ref AWS::NoValue]") == nil)
    }

    @Test("What cannot be had is told with its reason", arguments: [
        ("!Ref Stge", true, "there is no parameter and no resource Stge; did you mean Stage?"),
        ("!GetAtt Queu.Arn", true, "there is no resource Queu; did you mean Queue?"),
        ("!Ref Secret", false, "the parameter Secret has no Default, and so no value here"),
        ("!Ref Image", false, "the parameter Image is read from the Parameter Store when a stack is made"),
        ("!GetAtt Queue.Colour", false, "the attribute Colour of AWS::SQS::Queue is not known to OpsBus"),
        ("!ImportValue x", false, "Fn::ImportValue: what other stacks export is not known here"),
        ("!Cidr [a, b]", false, "the function Fn::Cidr is not known to OpsBus"),
        ("!Select [7, [a]]", true, "Fn::Select picks an element that the list does not have"),
        ("!FindInMap [Levels, x, level]", true, "Mappings has no Levels.x.level"),
        ("!If [Nope, 1, 2]", true, "Conditions has no Nope"),
        ("!If [Circle, 1, 2]", true, "the condition Circle depends on itself"),
        ("!Ref Loop", true, "the name of Loop depends on itself"),
        ("!Join [a]", true, "Fn::Join takes a list of two"),
        (#"!Sub "${Buses}""#, true, "Buses is no text that could stand in another"),
    ])
    func failures(text: String, isMistake: Bool, message: String) throws {
        do {
            let value = try value(text)
            Issue.record("came to \(String(describing: value))")
        } catch let failure as Template.Failure {
            #expect(failure.message == message && failure.isMistake == isMistake)
            #expect(failure.position.line > 20 || text == "!Ref Loop" || text.contains("Circle"))
        }
    }

    @Test("Conditions and names that double at every step end at once") func doubling() throws {
        var text = "Resources:\n  R: {Type: 'A::B::C', Condition: C0, Properties: {Value: x}}\nConditions:\n"
        for number in 0..<60 {
            text += "  C\(number): !And [!Condition C\(number + 1), !Condition C\(number + 1)]\n"
        }
        text += "  C60: !Equals [a, a]\n"
        let root = try Node(parsingYAML: Array(text.utf8), hasFunctions: true)
        let template = Template(root, file: "f.yaml", account: Account())
        let resource = try #require(template.resource("R"))
        #expect(try template.isWanted(resource))
        var names = "Resources:\n"
        for number in 0..<60 {
            names +=
                "  T\(number): {Type: 'AWS::SNS::Topic', Properties: "
                + "{TopicName: !Sub '${T\(number + 1).TopicName}${T\(number + 1).TopicName}'}}\n"
        }
        names += "  T60: {Type: 'AWS::SNS::Topic', Properties: {TopicName: abcdefgh}}\n"
        let doubled = Template(
            try Node(parsingYAML: Array(names.utf8), hasFunctions: true), file: "f.yaml", account: Account())
        let first = try #require(doubled.resource("T0"))
        #expect(try doubled.physicalName(of: first).utf8.count <= 1600)
    }
}
