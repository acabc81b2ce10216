import Core
import Testing

@testable import Access

@Suite("Policies") struct PolicyTests {
    private static let bus = "arn:aws:events:us-east-1:123456789012:event-bus/orders"

    private func request(
        _ principal: String = "arn:aws:iam::123456789012:user/app", _ values: [String: [String]] = [:]
    ) throws -> PolicyRequest {
        PolicyRequest(
            principal: try #require(ARN(principal)), action: "events:PutEvents", resource: PolicyTests.bus,
            values: values)
    }

    /// A policy of one statement that allows, but for the members given.
    private func policy(_ more: JSON = [:]) throws -> Policy {
        var statement: JSON = [
            "Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents",
            "Resource": .string(PolicyTests.bus),
        ]
        for member in more.object ?? JSONObject() { statement[member.key] = member.value }
        return try Policy(["Version": "2012-10-17", "Statement": [statement]])
    }

    @Test(
        "A principal is everybody, an account, its root, or one of its users",
        arguments: [
            (#""*""#, true), (#"{"AWS":"*"}"#, true), (#""123456789012""#, true), (#""210987654321""#, false),
            (#"{"AWS":"arn:aws:iam::123456789012:root"}"#, true), (#"{"AWS":"arn:aws:iam::210987654321:root"}"#, false),
            (#"{"AWS":["210987654321","arn:aws:iam::123456789012:user/app"]}"#, true),
            (#"{"AWS":"arn:aws:iam::123456789012:user/other"}"#, false),
            (#"{"Service":"events.amazonaws.com"}"#, false),
        ])
    func principals(text: String, fits: Bool) throws {
        let policy = try policy(["Principal": JSON(parsing: text)])
        #expect(policy.decision(try request()) == (fits ? .allow : .silent))
    }

    @Test("A service is a principal of its own")
    func services() throws {
        var request = try request()
        request.service = "events.amazonaws.com"
        #expect(try policy(["Principal": ["Service": "events.amazonaws.com"]]).decision(request) == .allow)
        #expect(try policy(["Principal": ["Service": "sns.amazonaws.com"]]).decision(request) == .silent)
    }

    @Test(
        "Actions are compared whatever their case, resources exactly, both with wildcards",
        arguments: [
            ("Action", #""events:*""#, true), ("Action", #""EVENTS:putevents""#, true),
            ("Action", #""events:Put""#, false),
            ("Action", #"["sns:Publish","events:Put?vents"]"#, true), ("NotAction", #""events:PutRule""#, true),
            ("NotAction", #""events:*""#, false), ("Resource", #""*""#, true),
            ("Resource", #""arn:aws:events:*:event-bus/ord*""#, true),
            ("Resource", #""arn:aws:events:us-east-1:123456789012:event-bus/Orders""#, false),
            ("NotResource", #""arn:aws:events:*:event-bus/other""#, true),
        ])
    func clauses(member: String, text: String, fits: Bool) throws {
        var more: JSON = [:]
        more[member] = try JSON(parsing: text)
        var statement: JSON = ["Sid": "s", "Effect": "Allow", "Principal": "*"]
        statement[member.hasSuffix("Action") ? "Resource" : "Action"] = "*"
        statement[member] = more[member]
        let policy = try Policy(["Version": "2012-10-17", "Statement": statement])
        #expect(policy.decision(try request()) == (fits ? .allow : .silent))
    }

    @Test("One statement that denies outweighs all that allow")
    func deny() throws {
        let policy = try Policy(
            parsing: #"""
                {"Version":"2012-10-17","Statement":[
                  {"Sid":"a","Effect":"Allow","Principal":"*","Action":"events:*","Resource":"*"},
                  {"Sid":"d","Effect":"Deny","Principal":"*","Action":"events:PutEvents","Resource":"*",
                   "Condition":{"StringLike":{"events:source":"secret.*"}}}]}
                """#)
        #expect(policy.decision(try request()) == .allow)
        let root = try request("arn:aws:iam::123456789012:root", ["events:source": ["secret.x"]])
        #expect(policy.decision(root) == .deny)
    }

    @Test(
        "Conditions hold as IAM's operators say",
        arguments: [
            (#"{"StringEquals":{"events:source":"app"}}"#, true),
            (#"{"StringEquals":{"Events:Source":["x","app"]}}"#, true),
            (#"{"StringEquals":{"events:source":"App"}}"#, false),
            (#"{"StringNotEquals":{"events:source":"x"}}"#, true),
            (#"{"StringNotEquals":{"events:source":["x","app"]}}"#, false),
            (#"{"StringEqualsIgnoreCase":{"events:source":"APP"}}"#, true),
            (#"{"StringLike":{"events:source":"a?p"}}"#, true), (#"{"StringNotLike":{"events:source":"a*"}}"#, false),
            (#"{"NumericLessThan":{"count":"11"}}"#, true), (#"{"NumericGreaterThanEquals":{"count":10}}"#, true),
            (#"{"NumericNotEquals":{"count":"10"}}"#, false), (#"{"NumericEquals":{"events:source":"1"}}"#, false),
            (#"{"DateGreaterThan":{"time":"2026-01-01T00:00:00Z"}}"#, true),
            (#"{"DateLessThanEquals":{"time":"2026-01-01T00:00:00Z"}}"#, false),
            (#"{"DateLessThan":{"time":"99999999999999999"}}"#, true),
            (#"{"Bool":{"flag":"true"}}"#, true), (#"{"Bool":{"flag":false}}"#, false),
            (#"{"ArnLike":{"arn":"arn:aws:events:*:*:rule/r*"}}"#, true),
            (#"{"ArnLike":{"arn":"arn:aws:*:rule/r1"}}"#, false),
            (#"{"ArnNotEquals":{"arn":"arn:aws:events:us-east-1:1:rule/other"}}"#, true),
            (#"{"Null":{"events:source":"false"}}"#, true), (#"{"Null":{"events:source":"true"}}"#, false),
            (#"{"Null":{"aws:PrincipalOrgID":"true"}}"#, true),
            (#"{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#, false),
            (#"{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}"#, true),
            (#"{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}"#, true),
            (#"{"StringEqualsIfExists":{"events:source":"x"}}"#, false),
            (#"{"ForAnyValue:StringEquals":{"list":"b"}}"#, true),
            (#"{"ForAllValues:StringEquals":{"list":"b"}}"#, false),
            (#"{"ForAllValues:StringLike":{"list":"?"}}"#, true),
            (#"{"ForAllValues:StringEquals":{"none":"b"}}"#, true),
            (#"{"ForAnyValue:StringEquals":{"none":"b"}}"#, false),
            (#"{"StringEquals":{"events:source":"app"},"Bool":{"flag":"false"}}"#, false),
        ])
    func conditions(text: String, holds: Bool) throws {
        let values = [
            "events:source": ["app"], "count": ["10"], "time": ["2026-06-01T12:00:00Z"], "flag": ["true"],
            "arn": ["arn:aws:events:us-east-1:1:rule/r1"], "list": ["a", "b"],
        ]
        let policy = try policy(["Condition": JSON(parsing: text)])
        let decision = policy.decision(try request("arn:aws:iam::123456789012:user/app", values))
        #expect(decision == (holds ? .allow : .silent))
    }

    @Test(
        "What is no policy is refused with its place",
        arguments: [
            ("no json", PolicyError.Code.syntax, ""), ("[]", .syntax, ""), ("{}", .member, ""),
            (#"{"Statement":[]}"#, .member, "Statement"),
            (#"{"Version":"2020-01-01","Statement":[]}"#, .member, "Version"),
            (#"{"Statement":[{"Effect":"n/a"}]}"#, .member, "Statement[0]"),
            (#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"a"}]}"#, .member, "Statement[0]"),
            (#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":[],"Resource":"*"}]}"#, .member,
                "Statement[0].Action"),
            (#"{"Statement":[{"Effect":"Allow","Principal":{"Federated":"x"},"Action":"a","Resource":"*"}]}"#, .member,
                "Statement[0].Principal"),
            (#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"a","Resource":"*","Actoin":1}]}"#, .member,
                "Statement[0]"),
            (
                #"{"Statement":{"Effect":"Allow","Principal":"*","Action":"a","Resource":"*","#
                    + #""Condition":{"StringEqual":{"k":"v"}}}}"#,
                .conditionOperator, "Statement[0].Condition.StringEqual"
            ),
        ])
    func refused(text: String, code: PolicyError.Code, path: String) {
        let error = #expect(throws: PolicyError.self) { try Policy(parsing: text) }
        #expect(error?.code == code && error?.path == path, "\(String(describing: error))")
    }
}
