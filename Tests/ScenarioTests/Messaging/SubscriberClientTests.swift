import Core
import Foundation
import TestSupport
import Testing

@Suite("Topics and a receiver that fails on purpose") struct SubscriberClientTests {
    @Test("boto3 subscribes endpoints; confirmations, retries, filters and dead letters are as the service has them")
    func boto3() throws {
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer()
            let outcome = try scenario.python("subscribers.py", endpoint, within: 150)
            #expect(outcome.output.split(separator: "\n").count == 7, "\(outcome.output)")
        }
    }

    @Test("A rule's message reaches an endpoint although the server is killed between the tries; the trace shows it")
    func killed() throws {
        try Scenario.run { scenario in
            let receiver = try scenario.startPython("endpoint.py", ["0", "1"])
            let port = try eventually("the endpoint listens") { receiver.output.split(separator: "\n").first }
            scenario.environment["OPSBUS_HTTP"] = "http://127.0.0.1:\(try Scenario.freePort())"
            let server = try scenario.startServer()
            let topic = try scenario.call("sns:CreateTopic", ["Name": "on-call"])["TopicArn"] ?? .null
            let policy = #"{"healthyRetryPolicy": {"minDelayTarget": 2, "maxDelayTarget": 2}}"#
            let added = try scenario.opsbus(
                "topics", "subscribe", "on-call", "http://127.0.0.1:\(port)/", "--delivery-policy", policy)
            #expect(added.exitCode == 0, "\(added.errorOutput)")
            try eventually("the endpoint has confirmed") {
                receiver.output.contains("SubscriptionConfirmation")
            }
            _ = try scenario.call("events:PutRule", ["Name": "alarm", "EventPattern": #"{"source": ["app"]}"#])
            let target: JSON = ["Id": "topic", "Arn": topic]
            _ = try scenario.call("events:PutTargets", ["Rule": "alarm", "Targets": .array([target])])
            let put = try scenario.opsbus(
                "events", "put", "--source", "app", "--detail-type", "t", "--detail", "{}")
            let event = put.output.trimmingCharacters(in: .whitespacesAndNewlines)
            func trace() throws -> String { try scenario.opsbus("audit", "trace", event).output }
            try eventually("the endpoint has refused it") {
                try trace().contains("DeliverNotification failure:HTTP_503")
            }
            server.send(SIGKILL)
            _ = try server.wait(within: 10)
            try scenario.startServer()
            try eventually("the endpoint has taken it") {
                receiver.output.split(separator: "\n").last?.hasSuffix(" 200") == true
                    && receiver.output.contains("Notification")
            }
            let identifiers = receiver.output.split(separator: "\n").filter { $0.hasPrefix("Notification") }
                .map { $0.split(separator: " ")[1] }
            #expect(identifiers.count >= 2 && Set(identifiers).count == 1, "\(receiver.output)")
            try eventually("the trace shows the delivery") {
                let trace = try trace()
                return trace.contains("Publish success") && trace.contains("DeliverNotification success")
            }
        }
    }
}
