import Core
import Foundation
import Testing

@Suite("API destinations and a receiver that fails on purpose")
struct ApiDestinationTests {
    @Test("boto3 sets them up; requests, retries, dead letters, OAuth and rates are as the service has them")
    func boto3() throws {
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer()
            let outcome = try scenario.python("api_destinations.py", endpoint, within: 150)
            #expect(outcome.output.split(separator: "\n").count == 10, "\(outcome.output)")
        }
    }

    @Test("A slow endpoint does not hold up the server's end; the next start makes the delivery, as its first attempt")
    func cutShort() throws {
        try Scenario.run { scenario in
            let slow = try scenario.startPython("slow_endpoint.py", [])
            let port = try eventually("the endpoint listens") { slow.output.split(separator: "\n").first }
            let server = try scenario.startServer()
            let connection = try scenario.call(
                "events:CreateConnection",
                [
                    "Name": "slow", "AuthorizationType": "API_KEY",
                    "AuthParameters": ["ApiKeyAuthParameters": ["ApiKeyName": "key", "ApiKeyValue": "value"]],
                ])
            let destination = try scenario.call(
                "events:CreateApiDestination",
                [
                    "Name": "slow", "ConnectionArn": connection["ConnectionArn"] ?? .null, "HttpMethod": "POST",
                    "InvocationEndpoint": .string("http://127.0.0.1:\(port)/"),
                ])
            _ = try scenario.call("events:PutRule", ["Name": "slow", "EventPattern": #"{"source": ["app"]}"#])
            let target: JSON = [
                "Id": "slow", "Arn": destination["ApiDestinationArn"] ?? .null,
                "RetryPolicy": ["MaximumRetryAttempts": 0],
            ]
            _ = try scenario.call("events:PutTargets", ["Rule": "slow", "Targets": .array([target])])
            try scenario.opsbus("events", "put", "--source", "app", "--detail-type", "t", "--detail", "{}")
            try eventually("the request is at the endpoint") { slow.output.contains("held") }
            server.send(SIGTERM)
            // The attempt itself would have five seconds.
            #expect(try server.wait(within: 4) == 0)
            try eventually("the request has been given up") { slow.output.contains("given up") }
            try scenario.startServer()
            try eventually("the delivery is made") { slow.output.contains("answered") }
            #expect(try scenario.call("events:ListDeadLetters")["DeadLetters"] == [])
        }
    }
}
