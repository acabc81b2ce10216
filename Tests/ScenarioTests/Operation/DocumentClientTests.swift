import Foundation
import Testing

@Suite("Clients of AWS use documents as they are")
struct DocumentClientTests {
    @Test("boto3 keeps documents, and nodes run them with what they bring from a bucket and from the server")
    func documents() throws {
        try Scenario.run { scenario in
            let (http, s3) = (try Scenario.freePort(), try Scenario.freePort())
            let store = try scenario.startPython("s3_server.py", ["\(s3)"])
            try eventually("the server that speaks S3 is ready", within: 60) {
                guard store.isRunning else { throw ScenarioError(store.errorOutput) }
                return (store.output + store.errorOutput).contains("Running on")
            }
            let bucket = "http://127.0.0.1:\(s3)"
            try scenario.startServer(
                ["--http", "http://127.0.0.1:\(http)"],
                environment: [
                    "OPSBUS_HTTP": "http://127.0.0.1:\(http)", "AWS_ENDPOINT_URL": bucket,
                    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                ])
            let node = try scenario.onlineNode()
            let outcome = try scenario.python(
                "documents.py", "http://127.0.0.1:\(http)", node, bucket, scenario.directory.path, within: 120)
            #expect(outcome.output.hasSuffix("done\n"), "\(outcome.errorOutput)")
        }
    }
}
