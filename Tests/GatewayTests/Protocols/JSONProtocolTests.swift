import API
import Core
import Testing

@testable import Gateway

@Suite("AWS JSON") struct JSONProtocolTests {
    private let handler = TestHandler()

    @Test("An answer has the version asked for, an identifier, and times as numbers")
    func success() async throws {
        let answer = await handler.json(
            "AWSEvents.Echo", #"{"Time":"2024-01-01T00:00:00.25Z","Flag":true,"Attributes":{"a":"b"}}"#)
        #expect(answer.status == 200)
        #expect(answer.text == #"{"Time":1704067200.250,"Flag":true,"Attributes":{"a":"b"}}"#)
        #expect(answer.header("content-type") == "application/x-amz-json-1.1")
        #expect(Identifier(answer.header("x-amzn-requestid") ?? "") != nil)
        var request = HTTPRequest(target: "/")
        request.method = "POST"
        request.headers = [("x-amz-target", "AWSEvents.Echo"), ("content-type", "application/x-amz-json-1.0")]
        #expect(await handler.answer(request).header("content-type") == "application/x-amz-json-1.0")
    }

    @Test("Times may come as seconds, with fractions or without, or as text")
    func times() async throws {
        for (given, expected) in [
            ("1704070861.123456", "1704070861.123456"), ("1704070861", "1704070861"),
            (#""2024-01-01T01:01:01Z""#, "1704070861"),
        ] {
            let answer = await handler.json("AWSEvents.Echo", #"{"Time":\#(given)}"#)
            #expect(answer.text == #"{"Time":\#(expected)}"#)
        }
    }

    @Test("Members that are null or unknown are passed over, as at AWS; called by its OpsBus name, they are told")
    func passedOver() async throws {
        let input = #"{"Text":null,"Rows":[{"Key":"a","Value":null,"More":1}],"Inner":{"Depp":1},"Other":{}}"#
        #expect(await handler.json("AWSEvents.Echo", input).text == #"{"Rows":[{"Key":"a"}],"Inner":{}}"#)
        #expect(await handler.rest("PUT", "/echo/n", #"{"Other":1}"#).json == ["Text": "n"])
        let own = await handler.json("OpsBus.events:Echo", input)
        #expect(own.json["message"]?.string?.hasPrefix("Unknown member 'More' at 'rows.1.member'.") == true)
    }

    @Test(
        "What is not a JSON object cannot be read",
        arguments: ["", "{", "[]", "1", "null", "{\"a\":}", "\u{FEFF}{}", "{}{}"])
    func malformed(body: String) async throws {
        let answer = await handler.json("AWSEvents.Echo", body)
        #expect(answer.status == 400)
        #expect(answer.header("x-amzn-errortype") == "SerializationException")
        #expect(answer.json["__type"] == "SerializationException")
    }

    @Test("An operation or service that is not there is told by name")
    func unknown() async throws {
        for target in ["AWSEvents.Ech", "Nothing.Echo", "Echo", "AWSEvents."] {
            let answer = await handler.json(target)
            #expect(answer.status == 400)
            #expect(answer.json["__type"] == "UnknownOperationException")
        }
        #expect(await handler.json("AWSEvents.Ech").json["message"]?.string?.contains("events:Echo") == true)
    }

    @Test("Every operation can be called by its full name")
    func own() async throws {
        #expect(await handler.json("OpsBus.events:Echo", #"{"Text":"a"}"#).text == #"{"Text":"a"}"#)
        let list = await handler.json("OpsBus.opsbus:ListOperations", #"{"NamePrefix":"sns:"}"#)
        let names = list.json["Operations"]?.array?.compactMap { $0["Name"]?.string }
        #expect(names == ["sns:Echo", "sns:Fail", "sns:Follow", "sns:Nothing"])
    }

    @Test("PutEvents goes straight to the publisher, and so do its errors")
    func publish() async throws {
        let answer = await handler.json("AWSEvents.PutEvents", #"{"Entries":[]}"#)
        #expect(answer.text == #"{"Bytes":14}"#)
        #expect(answer.header("x-amzn-requestid") != nil)
        let failure = await handler.json("AWSEvents.PutEvents", "")
        #expect(failure.status == 400)
        #expect(failure.json["__type"] == "ValidationException")
    }

    @Test("Errors carry what they carry, beside type and text")
    func members() async throws {
        let answer = await handler.json("AWSEvents.Fail", #"{"Code":"ResourceNotFoundException"}"#)
        #expect(
            answer.text == #"{"__type":"ResourceNotFoundException","message":"as <told>","Extra":1}"#)
    }

    @Test(
        "Errors have the status and the name of the service",
        arguments: [
            ("AWSEvents.Fail", "ResourceNotFoundException", 400, "ResourceNotFoundException"),
            ("AWSEvents.Fail", "InternalFailure", 500, "InternalException"),
            ("AWSEvents.Fail", "AccessDeniedException", 400, "AccessDeniedException"),
            ("AWSEvents.Fail", "ThrottlingException", 400, "ThrottlingException"),
            ("AWSEvents.Fail", "ServiceUnavailable", 503, "ServiceUnavailable"),
            ("AWSEvents.Fail", "RequestExpired", 400, "InvalidSignatureException"),
            ("AmazonSQS.Fail", "ValidationException", 400, "com.amazonaws.sqs#ValidationException"),
        ])
    func errors(target: String, code: String, status: Int, name: String) async throws {
        let answer = await handler.json(target, #"{"Code":"\#(code)"}"#)
        #expect(answer.status == status)
        #expect(answer.json["__type"]?.string == name)
        #expect(answer.header("x-amzn-errortype") == name)
    }

    @Test("Queues also tell, in a header, the code that their older protocol had")
    func queryCompatible() async throws {
        let answer = await handler.json("AmazonSQS.Fail", #"{"Code":"ValidationException"}"#)
        #expect(answer.header("x-amzn-query-error") == "ValidationError;Sender")
        let unsigned = await handler.json("AmazonSQS.Fail", #"{"Code":"UnrecognizedClientException"}"#)
        #expect(unsigned.header("x-amzn-query-error") == "InvalidClientTokenId;Sender")
        #expect(await handler.json("AWSEvents.Fail", #"{"Code":"NotFound"}"#).header("x-amzn-query-error") == nil)
    }

    @Test("A broken constraint is told as each service tells it")
    func constraint() async throws {
        let events = await handler.json("AWSEvents.Echo", #"{"Count":10}"#)
        #expect(
            events.json["message"]
                == .string(
                    "1 validation error detected: Value '10' at 'count' failed to satisfy constraint: Member must "
                        + "have value less than or equal to 9"))
        #expect(events.json["__type"] == "ValidationException")
        let logs = await handler.json("Logs_20140328.Echo", #"{"Count":10}"#)
        #expect(logs.json["__type"] == "InvalidParameterException")
    }
}
