import API
import Core
import Testing

@testable import Gateway

@Suite("Which service a request means") struct RouterTests {
    private let router = RequestRouter(TestOperations().all)

    private func request(
        _ method: String, _ target: String, _ headers: [(name: String, value: String)], _ body: String = ""
    ) -> HTTPRequest {
        var request = HTTPRequest(target: target)
        request.method = method
        request.headers = headers
        request.body = Array(body.utf8)
        return request
    }

    private func authorization(_ service: String) -> (name: String, value: String) {
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIA/20240101/us-east-1/\(service)/aws4_request, SignedHeaders=host, Signature="
                + String(repeating: "0", count: 64)
        )
    }

    private let date = (name: "x-amz-date", value: "20240101T000000Z")
    private let form = (name: "content-type", value: "application/x-www-form-urlencoded")

    @Test("The prefix of the target decides")
    func target() throws {
        let endpoint = try router.endpoint(
            of: request("POST", "/", [("x-amz-target", "AmazonSQS.SendMessage"), authorization("events"), date]))
        #expect(endpoint.operation == "sqs:SendMessage")
        #expect(endpoint.service.name == "sqs")
    }

    @Test("A form is for the service it is signed for, or whose version it names, or whose host it calls")
    func forms() throws {
        let body = "Action=GetCallerIdentity&Version=2011-06-15"
        #expect(try router.endpoint(of: request("POST", "/", [form], body)).operation == "sts:GetCallerIdentity")
        let signed = request("POST", "/", [form, authorization("sns"), date], body)
        #expect(try router.endpoint(of: signed).operation == "sns:GetCallerIdentity")
        let named = request("POST", "/", [form, ("host", "sns.us-east-1.example:7400")], "Action=ListTopics")
        #expect(try router.endpoint(of: named).operation == "sns:ListTopics")
        #expect(try router.endpoint(of: request("POST", "/", [form], "Action=X")).operation == "opsbus:X")
    }

    @Test("A path is for the service it is signed for, whose host it calls, or that has it")
    func paths() throws {
        #expect(try router.endpoint(of: request("GET", "/echo/a", [])).operation == "scheduler:GetEcho")
        #expect(try router.endpoint(of: request("GET", "/echo", [])).operation == "pipes:ListEcho")
        let signed = request("GET", "/echo", [authorization("scheduler"), date])
        #expect(try router.endpoint(of: signed).operation == nil)
        #expect(try router.endpoint(of: request("GET", "/echo", [("host", "pipes.x")])).operation == "pipes:ListEcho")
    }

    @Test("Scheme and host in front of the path are the proxy's")
    func proxied() throws {
        let request = HTTPRequest(target: "http://localhost:7400/echo/a?count=1")
        #expect(request.path == "/echo/a")
        #expect(request.query == "count=1")
        #expect(HTTPRequest(target: "http://localhost").path == "/")
        #expect(HTTPRequest(target: "/?").query == "")
    }
}
