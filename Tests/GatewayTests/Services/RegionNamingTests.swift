import API
import Core
import Testing

@testable import Gateway

@Suite("Clients of any region") struct RegionNamingTests {
    private let server = Account()

    @Test("What is sent and answered is written with the client's region")
    func rewriting() throws {
        let naming = try #require(RegionNaming(client: "eu-central-1", server: server))
        let own = "arn:aws:events:eu-central-1:123456789012:rule/a"
        let input: JSON = [
            "Rule": .string(own), "List": [.string(own), "eu-central-1"],
            "Nobody": "arn:aws:events:eu-central-1:::",
            "Other": "arn:aws:sqs:eu-central-1:999999999999:q", "Text": .string("see \(own)"), "Number": 1,
        ]
        let inside = naming.incoming(input)
        #expect(inside["Rule"] == "arn:aws:events:us-east-1:123456789012:rule/a")
        #expect(inside["List"] == ["arn:aws:events:us-east-1:123456789012:rule/a", "eu-central-1"])
        #expect(inside["Nobody"] == "arn:aws:events:us-east-1:::")
        #expect(inside["Other"] == "arn:aws:sqs:eu-central-1:999999999999:q")
        #expect(inside["Text"] == .string("see \(own)"))
        #expect(naming.outgoing(inside) == input)
        let error = ServiceError(.resourceNotFound, "Topic arn:aws:sns:us-east-1:123456789012:t does not exist")
        #expect(naming.outgoing(error).message == "Topic arn:aws:sns:eu-central-1:123456789012:t does not exist")
    }

    @Test("The partition follows the region")
    func partitions() throws {
        let naming = try #require(RegionNaming(client: "cn-north-1", server: server))
        let outside = naming.outgoing("arn:aws:sns:us-east-1:123456789012:t")
        #expect(outside == "arn:aws-cn:sns:cn-north-1:123456789012:t")
        #expect(naming.incoming(outside) == "arn:aws:sns:us-east-1:123456789012:t")
        #expect(naming.outgoing("arn:aws:iam::123456789012:root") == "arn:aws:iam::123456789012:root")
    }

    @Test("There is nothing to do for the server's own region, for none, and for what is none")
    func nothing() {
        for client in [nil, "us-east-1", "", "US-EAST-1", "a:b", String(repeating: "a", count: 40)] {
            #expect(RegionNaming(client: client, server: server) == nil)
        }
    }

    @Test("A request's region is that of its signature")
    func request() async throws {
        let signature = "AWS4-HMAC-SHA256 Credential=AKIA/20240101/eu-west-1/events/aws4_request, SignedHeaders=host, "
            + "Signature=" + String(repeating: "0", count: 64)
        let answer = await TestHandler().json(
            "AWSEvents.Echo", #"{"Text":"arn:aws:events:us-east-1:123456789012:rule/a"}"#,
            headers: [("authorization", signature), ("x-amz-date", "20240101T000000Z")])
        #expect(answer.text == #"{"Text":"arn:aws:events:eu-west-1:123456789012:rule/a"}"#)
    }
}
