import API
import Core
import Testing

@testable import Gateway

@Suite("The Query protocol") struct QueryProtocolTests {
    private let handler = TestHandler()
    private let version = "Version=2010-03-31"

    private func result(_ answer: HTTPResponse) -> Substring {
        guard let start = answer.text.firstRange(of: "<EchoResult>")?.upperBound,
            let end = answer.text.firstRange(of: "</EchoResult>")?.lowerBound
        else { return answer.text[...] }
        return answer.text[start..<end]
    }

    @Test(
        "Parameters become values of the declared types",
        arguments: [
            ("Text=a+b%20%C3%A9", "<Text>a b é</Text>"), ("Count=3&Flag=true", "<Count>3</Count><Flag>true</Flag>"),
            ("Names.member.1=a&Names.member.2=b", "<Names><member>a</member><member>b</member></Names>"),
            ("Names.member.2=b&Names.member.1=a", "<Names><member>a</member><member>b</member></Names>"),
            ("Names.1=a&Names.10=c&Names.2=b", "<Names><member>a</member><member>b</member><member>c</member></Names>"),
            ("Names=", "<Names></Names>"),
            ("Attributes.entry.1.key=k&Attributes.entry.1.value=v",
                "<Attributes><entry><key>k</key><value>v</value></entry></Attributes>"),
            ("Attributes.entry.1.Name=k&Attributes.entry.1.Value=v",
                "<Attributes><entry><key>k</key><value>v</value></entry></Attributes>"),
            ("Rows.member.1.Key=a&Rows.member.1.Value=1",
                "<Rows><member><Key>a</Key><Value>1</Value></member></Rows>"),
            ("Inner.Deep.member.1=x", "<Inner><Deep><member>x</member></Deep></Inner>"),
            ("Time=2024-01-01T00%3A00%3A00Z", "<Time>2024-01-01T00:00:00Z</Time>"),
            ("Text=%26%3C%3E%22%0D%0A%09%00%EF%BF%BF", "<Text>&amp;&lt;&gt;&quot;&#xD;\n\t\u{FFFD}\u{FFFD}</Text>"),
        ])
    func values(form: String, expected: String) async throws {
        let answer = await handler.query("Action=Echo&\(version)&\(form)")
        #expect(result(answer) == expected)
        #expect(answer.status == 200)
        #expect(answer.header("content-type") == "text/xml")
    }

    @Test("An answer is a document in the namespace of the service, with the identifier of the request")
    func document() async throws {
        let answer = await handler.query("Action=Nothing&\(version)")
        let identifier = try #require(answer.header("x-amzn-requestid"))
        #expect(
            answer.text == #"<NothingResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">"#
                + "<NothingResult></NothingResult><ResponseMetadata>"
                + "<RequestId>\(identifier)</RequestId></ResponseMetadata></NothingResponse>")
    }

    @Test("The same parameters may stand in the query, whatever the method")
    func inQuery() async throws {
        let target = "/?Action=Echo&\(version)&Text=a%2Bb"
        for method in ["GET", "POST"] {
            #expect(result(await handler.rest(method, target)) == "<Text>a+b</Text>")
        }
        #expect(result(await handler.query("", target: target)) == "<Text>a+b</Text>")
    }

    @Test(
        "Errors have the code and status of the service",
        arguments: [
            ("NotFound", "NotFound", 404, "Sender"), ("ResourceNotFoundException", "ResourceNotFound", 404, "Sender"),
            ("InvalidParameter", "InvalidParameter", 400, "Sender"),
            ("AccessDeniedException", "AuthorizationError", 403, "Sender"),
            ("ThrottlingException", "Throttled", 429, "Sender"), ("InternalFailure", "InternalError", 500, "Receiver"),
            ("InvalidSignatureException", "SignatureDoesNotMatch", 403, "Sender"),
            ("UnrecognizedClientException", "InvalidClientTokenId", 403, "Sender"),
            ("MissingAuthenticationTokenException", "MissingAuthenticationToken", 403, "Sender"),
            ("RequestExpired", "SignatureDoesNotMatch", 403, "Sender"),
            ("IncompleteSignatureException", "IncompleteSignature", 400, "Sender"),
        ])
    func errors(code: String, name: String, status: Int, type: String) async throws {
        let answer = await handler.query("Action=Fail&\(version)&Code=\(code)")
        #expect(answer.status == status)
        #expect(
            answer.text.contains(
                "<Error><Type>\(type)</Type><Code>\(name)</Code><Message>as &lt;told&gt;</Message>"
                    + "<Extra>1</Extra></Error><RequestId>"))
    }

    @Test("An action that is not there, or none, is told as XML")
    func unknown() async throws {
        for form in ["Action=Nope&\(version)", version] {
            let answer = await handler.query(form)
            #expect(answer.text.contains("<Code>InvalidAction</Code>"), "\(answer.text)")
        }
        let broken = await handler.query("Action=Echo&\(version)&Text=%zz")
        #expect(broken.status == 400)
        #expect(broken.text.contains("<Code>MalformedInput</Code>"))
        let deep = "Text" + String(repeating: ".a", count: 40)
        #expect(await handler.query("Action=Echo&\(version)&\(deep)=1").status == 400)
    }

    @Test("A value that is none of its type is refused")
    func types() async throws {
        for form in ["Count=three", "Flag=maybe", "Time=yesterday"] {
            let answer = await handler.query("Action=Echo&\(version)&\(form)")
            #expect(answer.text.contains("<Code>MalformedInput</Code>"), "\(form)")
        }
        #expect(await handler.query("Action=Echo&\(version)&Text=").text.contains("<Code>ValidationError</Code>"))
    }

    @Test("Queues write lists and maps in their own way, and may be named by the path")
    func queues() async throws {
        let form =
            "Action=SendMessageBatch&Version=2012-11-05&AttributeName.1=All&Tag.1.Key=k&Tag.1.Value=v"
            + "&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&SendMessageBatchRequestEntry.1.Id=one"
            + "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=n"
            + "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String"
        let answer = await handler.query(form, target: "/123456789012/q")
        #expect(answer.text.contains("<SendMessageBatchResultEntry><Id>one</Id>"), "\(answer.text)")
        #expect(answer.text.contains("<Attribute><Name>DelaySeconds</Name><Value>5</Value></Attribute>"))
        let expected =
            #"{"AttributeNames":["All"],"Tags":{"k":"v"},"Attributes":{"DelaySeconds":"5"},"#
            + #""Entries":[{"Id":"one","MessageAttributes":{"n":{"DataType":"String"}}}],"#
            + #""QueueUrl":"http://localhost:7400/123456789012/q"}"#
        #expect(answer.text.contains(expected.replacing("\"", with: "&quot;")), "\(answer.text)")
    }

    @Test("Names that come from data cannot break a document")
    func names() {
        var writer = XMLWriter()
        writer.write(["1 <b>": "x", "": "y", "é": "z"], .any)
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == "<_1__b_>x</_1__b_><_>y</_><__>z</__>")
    }
}
