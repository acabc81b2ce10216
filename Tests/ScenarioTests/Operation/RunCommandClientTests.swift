import Core
import Foundation
import Testing

@Suite("Clients of AWS use Run Command as it is")
struct RunCommandClientTests {
    @Test("boto3 and aws-cli send, wait, read, cancel and target; output gets to log groups, buckets and topics")
    func clients() throws {
        try Scenario.run { scenario in
            let (http, s3) = (try Scenario.freePort(), try Scenario.freePort())
            let store = try scenario.startPython("s3_server.py", ["\(s3)"])
            try eventually("the server that speaks S3 is ready", within: 60) {
                guard store.isRunning else { throw ScenarioError(store.errorOutput) }
                return (store.output + store.errorOutput).contains("Running on")
            }
            try scenario.startServer(
                [
                    "--http", "http://127.0.0.1:\(http)", "--s3-endpoint", "http://127.0.0.1:\(s3)",
                    "--s3-access-key", "test",
                ], environment: ["OPSBUS_S3_SECRET_KEY": "test", "OPSBUS_HTTP": "http://127.0.0.1:\(http)"])
            let node = try scenario.onlineNode()
            let outcome = try scenario.python(
                "run_commands.py", "http://127.0.0.1:\(http)", node, "http://127.0.0.1:\(s3)", within: 120)
            let told = try #require(outcome.output.split(separator: "\n").first { $0.hasPrefix("told ") })
            let command = String(told.dropFirst(5))
            let news = try scenario.opsbus(
                "subscribe", "topic/news/", "--from", "0", "--count", "2", "--timeout", "20s")
            let messages = try news.jsonLines().map { try JSON(parsing: $0["Body"]?["Message"]?.string ?? "null") }
            #expect(messages.map { $0["commandId"]?.string } == [command, command])
            #expect(messages.map { $0["status"]?.string } == ["InProgress", "Success"])
        }
    }
}
