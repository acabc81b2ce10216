import Core
import Testing

@Suite struct ARNTests {
    @Test("Read and written back", arguments: [
        ("arn:aws:events:us-east-1:123456789012:rule/bus/name",
         ["aws", "events", "us-east-1", "123456789012", "rule/bus/name"]),
        ("arn:aws:sns:::topic", ["aws", "sns", "", "", "topic"]),
        ("arn:aws:ssm:eu-west-1:1:automation-definition/Doc:$DEFAULT",
         ["aws", "ssm", "eu-west-1", "1", "automation-definition/Doc:$DEFAULT"]),
        ("arn:aws-cn:sqs:r:a::", ["aws-cn", "sqs", "r", "a", ":"]),
    ])
    func reads(text: String, parts: [String]) throws {
        let arn = try #require(ARN(text))
        #expect([arn.partition, arn.service, arn.region, arn.account, arn.resource] == parts)
        #expect(arn.description == text)
    }

    @Test("No ARN", arguments: [
        "", "arn", "arn:aws:sns:r:a", "arn:aws:sns:r:a:", "arn:aws::r:a:x", "arn::sns:r:a:x", "ARN:aws:sns:r:a:x",
        " arn:aws:sns:r:a:x", "urn:aws:sns:r:a:x",
    ])
    func refuses(text: String) {
        #expect(ARN(text) == nil)
    }

    @Test func aNameFollowsTheTypeOfTheResource() throws {
        func name(_ resource: String, _ type: String) -> String? {
            ARN(service: "s", region: "", account: "", resource: resource).name(ofType: type)
        }
        #expect(name("rule/a/b", "rule") == "a/b")
        #expect(name("document:X", "document") == "X")
        #expect(name("rule/", "rule") == "")
        #expect(name("rules/a", "rule") == nil && name("rule", "rule") == nil && name("topic", "rule") == nil)
    }

    @Test func anAccountFillsInWhatIsItsOwn() throws {
        let account = Account(id: "000000000001", region: "eu-west-1")
        #expect(account.arn("sns", "t").description == "arn:aws:sns:eu-west-1:000000000001:t")
        #expect(account.resolve(try #require(ARN("arn:aws:sns:::t"))) == account.arn("sns", "t"))
        let other = try #require(ARN("arn:aws:sns:us-east-1:123456789012:t"))
        #expect(account.resolve(other) == other)
    }
}
