import Core
import Foundation
import Testing

@Suite("Clients of AWS, as they are")
struct AWSClientTests {
    @Test("boto3 works with every protocol, from any region")
    func boto3() throws {
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer()
            try scenario.python("aws_clients.py", endpoint)
        }
    }

    @Test("What the README shows of boto3 works, and its rule fires")
    func readme() throws {
        let page = try String(contentsOf: Scenario.repository.appending(path: "README.md"), encoding: .utf8)
        let blocks = page.components(separatedBy: "```python\n").compactMap { $0.components(separatedBy: "```").first }
        let snippet = try #require(blocks.first { $0.contains("import boto3") })
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer()
            try scenario.write(snippet.replacing("http://127.0.0.1:7400", with: endpoint), to: "readme.py")
            try scenario.python(scenario.path("readme.py"))
            try eventually("the event is in the log") {
                try scenario.opsbus("logs", "tail", "/lab/cold").output.contains("-4")
            }
        }
    }

    @Test("The log of an event bus tells boto3 what became of its events")
    func busLogs() throws {
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer()
            try scenario.python("bus_logs.py", endpoint)
        }
    }

    @Test("aws-cli works with every protocol")
    func commandLine() throws {
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer()
            func aws(_ arguments: String...) throws -> String {
                try scenario.aws(arguments, endpoint)
            }
            #expect(try aws("sts", "get-caller-identity", "--query", "Account", "--output", "text") == "123456789012\n")
            let rule = try aws("events", "put-rule", "--name", "r", "--event-pattern", #"{"source":["shop"]}"#)
            #expect(rule.contains("arn:aws:events:eu-west-1:123456789012:rule/r"))
            let topic = try aws("sns", "create-topic", "--name", "t", "--query", "TopicArn", "--output", "text")
            #expect(topic == "arn:aws:sns:eu-west-1:123456789012:t\n")
            let entries = #"[{"Source":"shop","DetailType":"Order","Detail":"{}"}]"#
            let put = try aws("events", "put-events", "--entries", entries)
            #expect(put.contains(#""FailedEntryCount": 0"#))
            let url = try aws("sqs", "create-queue", "--queue-name", "q", "--query", "QueueUrl", "--output", "text")
                .trimmingCharacters(in: .newlines)
            _ = try aws("sqs", "send-message", "--queue-url", url, "--message-body", "hello")
            #expect(try aws("sqs", "receive-message", "--queue-url", url).contains(#""Body": "hello""#))
            let builtIn = try aws("ssm", "list-documents", "--filters", "Key=Owner,Values=Amazon", "--output", "text")
            #expect(builtIn.contains("AWS-RunShellScript"))
            #expect(throws: ScenarioError.self) { _ = try aws("events", "describe-rule", "--name", "none") }
        }
    }

    @Test("Signatures and sessions are verified, over TLS")
    func signed() throws {
        try Scenario.run { scenario in
            let files = Scenario.repository.appendingPathComponent("Tests/ScenarioTests/Clients/tls")
            let certificate = files.appendingPathComponent("certificate.pem").path
            let endpoint = try scenario.startHTTPServer(
                "--http-auth", "required", "--http-certificate", certificate, "--http-key",
                files.appendingPathComponent("key.pem").path, scheme: "https")
            let made = try scenario.opsbus(
                "access-keys", "create", "shop", "--allow", "events:PutEvents", "--output", "json")
            let key = try made.json()["AccessKey"] ?? made.json()
            try scenario.python(
                "aws_signed.py", endpoint, certificate, key["AccessKeyId"]?.string ?? "",
                key["SecretAccessKey"]?.string ?? "")
        }
    }

    @Test("A reset leaves a new server, whatever was there")
    func reset() throws {
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer("--reset-token", "token")
            try scenario.python("reset.py", endpoint, "token", scenario.path("data/state.db"), within: 120)
        }
    }

    @Test("Every operation takes, refuses and answers what the service model says")
    func schema() throws {
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer("--reset-token", "token")
            let exceptions = Scenario.repository
                .appendingPathComponent("Tests/ScenarioTests/Clients/schema/exceptions.txt").path
            let run = try scenario.startPython(
                "schema/main.py", [endpoint, "--reset-token", "token", "--exceptions", exceptions])
            let exitCode = try run.wait(within: 300)
            print(run.errorOutput)
            #expect(exitCode == 0, "\(run.output.prefix(8000))")
        }
    }
}
