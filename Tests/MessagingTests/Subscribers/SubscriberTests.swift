import API
import Core
import Storage
import TestSupport
import Testing

@testable import Messaging

@Suite("Topics that deliver to HTTP endpoints and functions") struct SubscriberTests {
    private static let topic: JSON = "arn:aws:sns:us-east-1:123456789012:t"
    private static let url = "http://hooks.example/in"

    private func run(_ body: (TestMessaging) async throws -> Void) async throws {
        try await TestMessaging.run { engine in
            try await engine.call("sns:CreateTopic", ["Name": "t"])
            try await body(engine)
        }
    }

    @discardableResult
    private func subscribe(
        _ engine: TestMessaging, _ url: String = url, _ attributes: JSON = [:], as principal: Principal = .local
    ) async throws -> JSON {
        try await engine.call(
            "sns:Subscribe",
            ["TopicArn": Self.topic, "Protocol": "http", "Endpoint": .string(url), "Attributes": attributes],
            as: principal)
    }

    @discardableResult
    private func publish(_ engine: TestMessaging, _ message: String, _ more: JSON = [:]) async throws -> String {
        var input = more
        input["TopicArn"] = Self.topic
        input["Message"] = .string(message)
        return try await engine.call("sns:Publish", input)["MessageId"]?.string ?? ""
    }

    /// What endpoints were sent of one kind, in order, once there are so many.
    private func received(
        _ engine: TestMessaging, _ count: Int, _ type: String = "Notification"
    ) async throws -> [HTTPCall] {
        try await eventually("\(count) of type \(type) are sent") { engine.sent(type).count >= count }
        return engine.sent(type)
    }

    private func token(_ engine: TestMessaging, _ count: Int = 1) async throws -> JSON {
        let call = try await received(engine, count, "SubscriptionConfirmation")[count - 1]
        return try JSON(parsing: call.body ?? [])["Token"] ?? .null
    }

    /// Subscribes an endpoint and confirms it.
    private func confirmed(
        _ engine: TestMessaging, _ url: String = url, _ attributes: JSON = [:], count: Int = 1,
        as principal: Principal = .local, guarded: Bool = false
    ) async throws -> JSON {
        try await subscribe(engine, url, attributes)
        let token = try await token(engine, count)
        let answer = try await engine.call(
            "sns:ConfirmSubscription",
            [
                "TopicArn": Self.topic, "Token": token,
                "AuthenticateOnUnsubscribe": .string(guarded ? "true" : "false"),
            ], as: principal)
        return answer["SubscriptionArn"] ?? .null
    }

    // MARK: Confirming

    @Test("An endpoint gets nothing until it has confirmed, and then all that is published")
    func confirming() async throws {
        try await run { engine in
            #expect(try await subscribe(engine) == ["SubscriptionArn": "pending confirmation"])
            try await publish(engine, "early")
            let asked = try await received(engine, 1, "SubscriptionConfirmation")[0]
            let body = try JSON(parsing: asked.body ?? [])
            let token = body["Token"]?.string ?? ""
            #expect(asked.url == Self.url && token.count == 128)
            #expect(
                body["SubscribeURL"]?.string
                    == "http://127.0.0.1:7400/?Action=ConfirmSubscription&Version=2010-03-31"
                    + "&TopicArn=\(Self.topic.string ?? "")&Token=\(token)")
            let listed = try await engine.call("sns:ListSubscriptions")["Subscriptions"]?.array?.first
            #expect(listed?["SubscriptionArn"] == "PendingConfirmation")
            let error = await refusal {
                try await engine.call("sns:ConfirmSubscription", ["TopicArn": Self.topic, "Token": "guess"])
            }
            #expect(error?.message == "Invalid parameter: Token")
            let input: JSON = ["TopicArn": Self.topic, "Token": .string(token)]
            let answer = try await engine.call("sns:ConfirmSubscription", input)
            #expect(try await engine.call("sns:ConfirmSubscription", input) == answer)
            let id = try await publish(engine, "late", ["Subject": "s"])
            let call = try await received(engine, 1)[0]
            let arn = answer["SubscriptionArn"]?.string ?? ""
            #expect(call.header("x-amz-sns-message-id") == id && call.header("x-amz-sns-subscription-arn") == arn)
            #expect(call.header("content-type") == "text/plain; charset=UTF-8" && call.timeout == .seconds(15))
            let notification = try JSON(parsing: call.body ?? [])
            #expect(notification["Message"] == "late" && notification["Subject"] == "s")
            #expect(notification["UnsubscribeURL"]?.string?.hasSuffix("SubscriptionArn=\(arn)") == true)
        }
    }

    @Test("A token is good for two days; then the subscription is gone")
    func expiry() async throws {
        try await run { engine in
            try await subscribe(engine)
            let token = try await token(engine)
            engine.clock.advance(by: .seconds(2 * 86_400 + 1))
            let error = await refusal {
                try await engine.call("sns:ConfirmSubscription", ["TopicArn": Self.topic, "Token": token])
            }
            #expect(error?.message == "Invalid parameter: Token")
            try await eventually("it is forgotten") {
                engine.clock.advance(by: .seconds(60))
                return try await engine.call("sns:ListSubscriptions")["Subscriptions"] == []
            }
        }
    }

    @Test("Who subscribes again before confirming is asked again, with another token")
    func again() async throws {
        try await run { engine in
            try await subscribe(engine)
            let first = try await token(engine)
            try await subscribe(engine)
            #expect(try await token(engine, 2) != first)
            #expect(try await engine.call("sns:ListSubscriptions")["Subscriptions"]?.array?.count == 1)
        }
    }

    @Test("An endpoint is told of the end and can undo it; who does not sign cannot end a guarded subscription")
    func ending() async throws {
        try await run { engine in
            let arn = try await confirmed(engine, guarded: true)
            let error = await refusal {
                try await engine.call("sns:Unsubscribe", ["SubscriptionArn": arn], as: .anonymous)
            }
            #expect(error?.code == .accessDenied)
            try await engine.call("sns:Unsubscribe", ["SubscriptionArn": arn])
            #expect(try await engine.call("sns:ListSubscriptions")["Subscriptions"] == [])
            let told = try JSON(parsing: try await received(engine, 1, "UnsubscribeConfirmation")[0].body ?? [])
            try await publish(engine, "missed")
            let answer = try await engine.call(
                "sns:ConfirmSubscription", ["TopicArn": Self.topic, "Token": told["Token"] ?? .null], as: .anonymous)
            #expect(answer["SubscriptionArn"] == arn)
            try await publish(engine, "back")
            let body = try JSON(parsing: try await received(engine, 1)[0].body ?? [])
            #expect(body["Message"] == "back")
        }
    }

    @Test("A password in an endpoint is shown to nobody, and sent")
    func password() async throws {
        try await run { engine in
            _ = try await confirmed(engine, "http://me:secret@hooks.example/in")
            #expect(engine.web.calls[0].url == "http://me:secret@hooks.example/in")
            let listed = try await engine.call("sns:ListSubscriptions")["Subscriptions"]?.array?.first
            #expect(listed?["Endpoint"] == "http://me:****@hooks.example/in")
            let records = try await AuditLog(engine.database).list(AuditFilter())
            #expect(!records.isEmpty && !records.contains { $0.json.text.contains("secret") })
        }
    }

    // MARK: Delivering

    @Test("A raw message is the text alone, of the type that the subscription names")
    func raw() async throws {
        try await run { engine in
            let policy = #"{"requestPolicy": {"headerContentType": "application/json"}}"#
            let attributes: JSON = ["RawMessageDelivery": "true", "DeliveryPolicy": .string(policy)]
            _ = try await confirmed(engine, Self.url, attributes)
            try await publish(engine, #"{"default": "d", "http": "{}"}"#, ["MessageStructure": "json"])
            let call = try await received(engine, 1)[0]
            #expect(call.body == Array("{}".utf8) && call.header("x-amz-sns-rawdelivery") == "true")
            #expect(call.header("content-type") == "application/json")
        }
    }

    @Test("What fails is tried again with the same id after its wait, and recorded each time")
    func retry() async throws {
        try await run { engine in
            _ = try await confirmed(engine)
            engine.web.answer { _ throws(HTTPFailure) in HTTPAnswer(status: 503) }
            let id = try await publish(engine, "m")
            _ = try await received(engine, 1)
            try await eventually("the retry is planned") { try await engine.attempts().count == 1 }
            engine.web.answer { _ throws(HTTPFailure) in HTTPAnswer(status: 204) }
            engine.clock.advance(by: .seconds(19))
            #expect(try await received(engine, 1).count == 1)
            engine.clock.advance(by: .seconds(4))
            let calls = try await received(engine, 2)
            #expect(calls.map { $0.header("x-amz-sns-message-id") } == [id, id] && calls[0].body == calls[1].body)
            try await eventually("both attempts are recorded") { try await engine.attempts().count == 2 }
            #expect(try await engine.attempts().map(\.outcome) == [.failure("HTTP_503"), .success])
        }
    }

    @Test(
        "What cannot succeed, and what has failed too often, goes to the subscription's dead-letter queue",
        arguments: [(404, 1), (302, 1), (429, 3), (500, 3)])
    func deadLetters(status: Int, attempts: Int) async throws {
        try await run { engine in
            try await engine.queue("dead")
            let policy = #"{"healthyRetryPolicy": {"numRetries": 2, "numNoDelayRetries": 2}}"#
            _ = try await confirmed(
                engine, Self.url,
                [
                    "RedrivePolicy": #"{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"}"#,
                    "DeliveryPolicy": .string(policy),
                ])
            engine.web.answer { _ throws(HTTPFailure) in HTTPAnswer(status: status) }
            let id = try await publish(engine, "m")
            try await eventually("the message is in the queue") { try await engine.counts("dead")[0] == 1 }
            #expect(try JSON(parsing: try await engine.bodies("dead")[0])["MessageId"]?.string == id)
            #expect(try await received(engine, attempts).count == attempts)
        }
    }

    @Test("An endpoint that does not answer holds up nobody else, and is sent eight messages at a time")
    func slow() async throws {
        try await run { engine in
            _ = try await confirmed(engine, "http://slow.example/", count: 1)
            _ = try await confirmed(engine, "http://fast.example/", count: 2)
            let gate = Gate()
            engine.web.answer { call throws(HTTPFailure) in
                if call.url == "http://slow.example/" { await gate.pass() }
                return HTTPAnswer(status: 200)
            }
            for number in 1...20 { try await publish(engine, "\(number)") }
            try await eventually("the other endpoint has all") {
                engine.sent("Notification").filter { $0.url == "http://fast.example/" }.count == 20
            }
            let held = engine.sent("Notification").filter { $0.url == "http://slow.example/" }
            #expect(held.count <= SubscriberSender.concurrency)
            gate.open()
            _ = try await received(engine, 40)
        }
    }

    @Test("An endpoint gets no more in a second than its policy says")
    func throttled() async throws {
        try await run { engine in
            let policy = #"{"throttlePolicy": {"maxReceivesPerSecond": 2}}"#
            _ = try await confirmed(engine, Self.url, ["DeliveryPolicy": .string(policy)])
            // What asked for the confirmation has taken half of the second.
            try await eventually("the round waits") {
                engine.clock.alarms.contains(engine.clock.now + .milliseconds(500))
            }
            for number in 1...5 { try await publish(engine, "\(number)") }
            engine.clock.advance(by: .milliseconds(500))
            for count in [2, 4] {
                try await eventually("the round waits again") {
                    engine.sent("Notification").count >= count
                        && engine.clock.alarms.contains(engine.clock.now + .seconds(1))
                }
                #expect(engine.sent("Notification").count == count)
                engine.clock.advance(by: .seconds(1))
            }
            _ = try await received(engine, 5)
        }
    }

    @Test("A function gets the event that Lambda has for it, once; it is called because of the delivery")
    func function() async throws {
        try await run { engine in
            let arn: JSON = "arn:aws:lambda:us-east-1:123456789012:function:greet"
            try await engine.call("sns:Subscribe", ["TopicArn": Self.topic, "Protocol": "lambda", "Endpoint": arn])
            let id = try await publish(engine, "m")
            try await eventually("the function is called") { engine.functions.calls.count == 2 }
            let call = engine.functions.calls[1]
            #expect(call.operation == "lambda:Invoke" && call.input["FunctionName"] == arn)
            #expect(call.context.cause?.kind == .delivery && call.context.hops == 1)
            let event = try JSON(parsing: call.input["Payload"]?.string ?? "")["Records"]?[0]
            #expect(event?["EventSource"] == "aws:sns" && event?["Sns"]?["MessageId"]?.string == id)
            #expect(event?["Sns"]?["Subject"] == .null && event?["Sns"]?["Message"] == "m")
        }
    }

    @Test("Only who may call a function can subscribe it; FIFO topics have queues alone")
    func refused() async throws {
        try await run { engine in
            engine.functions.fail(.accessDenied)
            let arn: JSON = "arn:aws:lambda:us-east-1:123456789012:function:greet"
            let denied = await refusal {
                try await engine.call("sns:Subscribe", ["TopicArn": Self.topic, "Protocol": "lambda", "Endpoint": arn])
            }
            #expect(denied?.code == .accessDenied)
            try await engine.call("sns:CreateTopic", ["Name": "f.fifo", "Attributes": ["FifoTopic": "true"]])
            let error = await refusal {
                try await engine.call(
                    "sns:Subscribe",
                    [
                        "TopicArn": "arn:aws:sns:us-east-1:123456789012:f.fifo", "Protocol": "http",
                        "Endpoint": .string(Self.url),
                    ])
            }
            #expect(error?.message.contains("FIFO topics deliver to queues only, not by http") == true)
        }
    }
}

extension HTTPCall {
    fileprivate func header(_ name: String) -> String? { headers.last { $0.name.lowercased() == name }?.value }
}

extension TestMessaging {
    /// What endpoints were sent of one kind.
    fileprivate func sent(_ type: String) -> [HTTPCall] {
        web.calls.filter { $0.header("x-amz-sns-message-type") == type }
    }

    /// Records of attempts to deliver notifications, the oldest first.
    fileprivate func attempts() async throws -> [AuditRecord] {
        var filter = AuditFilter()
        filter.action = "DeliverNotification"
        return try await AuditLog(database).list(filter).filter { $0.detail["Type"] == "Notification" }
    }
}
