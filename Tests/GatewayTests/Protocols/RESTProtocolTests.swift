import API
import Core
import Testing

@testable import Gateway

@Suite("REST-JSON") struct RESTProtocolTests {
    private let handler = TestHandler()

    @Test("Members come from path, query, headers and body")
    func members() async throws {
        let answer = await handler.rest(
            "GET", "/echo/a%2Fb%20c?count=3&names=x&names=y&time=2024-01-01T00:00:00Z", headers: [("x-flag", "true")])
        #expect(answer.status == 200)
        #expect(answer.json["Text"] == "a/b c")
        #expect(answer.json["Count"] == 3)
        #expect(answer.json["Names"] == ["x", "y"])
        #expect(answer.json["Flag"] == true)
        #expect(answer.json["Time"]?.text == "1704067200")
        #expect(answer.header("content-type") == "application/json")
        let put = await handler.rest("PUT", "/echo/n", #"{"Count":4}"#)
        #expect(put.status == 201)
        #expect(put.json == ["Count": 4, "Text": "n"])
    }

    @Test("The path decides over the body")
    func precedence() async throws {
        #expect(await handler.rest("PUT", "/echo/path", #"{"Text":"body"}"#).json == ["Text": "path"])
    }

    @Test(
        "What is nowhere is not found",
        arguments: [("GET", "/"), ("GET", "/echo/a/b"), ("DELETE", "/echo/a"), ("GET", "/echo/%zz"), ("POST", "/")])
    func notFound(method: String, target: String) async throws {
        let answer = await handler.rest(method, target)
        #expect(answer.status == 404)
        #expect(answer.header("x-amzn-errortype") == "UnknownOperationException")
    }

    @Test(
        "Errors have a status that means something",
        arguments: [
            ("ResourceNotFoundException", 404, "ResourceNotFoundException"),
            ("ResourceAlreadyExistsException", 409, "ConflictException"),
            ("LimitExceededException", 402, "ServiceQuotaExceededException"),
            ("ThrottlingException", 429, "ThrottlingException"), ("ValidationException", 400, "ValidationException"),
            ("AccessDeniedException", 403, "AccessDeniedException"),
            ("InvalidSignatureException", 403, "InvalidSignatureException"),
            ("InternalFailure", 500, "InternalServerException"),
        ])
    func errors(code: String, status: Int, name: String) async throws {
        let answer = await handler.rest("POST", "/fail", #"{"Code":"\#(code)"}"#)
        #expect(answer.status == status)
        #expect(answer.header("x-amzn-errortype") == name)
        #expect(answer.json["__type"]?.string == name)
        #expect(answer.json["Message"] == "as <told>")
    }

    @Test("Text that is none of its type is refused")
    func types() async throws {
        for target in ["/echo/a?count=x", "/echo/a?time=soon", "/echo/a?count=%zz"] {
            #expect(await handler.rest("GET", target).header("x-amzn-errortype") == "SerializationException")
        }
        #expect(await handler.rest("GET", "/echo/a?count=10").header("x-amzn-errortype") == "ValidationException")
        #expect(await handler.rest("PUT", "/echo/a", "{").header("x-amzn-errortype") == "SerializationException")
    }
}
