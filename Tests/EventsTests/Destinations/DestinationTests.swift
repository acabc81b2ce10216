import API
import Core
import Platform
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Events

@Suite("API destinations") struct DestinationTests {
    /// Makes a connection and a destination.
    /// - Returns: The destination's ARN.
    private func destination(
        _ engine: TestEvents, type: String = "API_KEY",
        auth: JSON = ["ApiKeyAuthParameters": ["ApiKeyName": "x-key", "ApiKeyValue": "s3cret"]],
        endpoint: String = "https://example.test/hook", method: String = "POST", rate: Int? = nil
    ) async throws -> String {
        let connection = try await engine.call(
            "events:CreateConnection",
            ["Name": "c", "AuthorizationType": .string(type), "AuthParameters": auth])
        var input: JSON = [
            "Name": "d", "ConnectionArn": connection["ConnectionArn"] ?? .null,
            "InvocationEndpoint": .string(endpoint), "HttpMethod": .string(method),
        ]
        input["InvocationRateLimitPerSecond"] = rate.map { .integer($0) }
        return try await engine.call("events:CreateApiDestination", input)["ApiDestinationArn"]?.string ?? ""
    }

    private func delivered(_ engine: TestEvents, _ count: Int = 1) async throws {
        try await eventually("\(count) attempts are recorded") { try await engine.audit("Deliver").count == count }
    }

    @Test("A request has the destination's method and URL, the service's headers, the key and the event")
    func request() async throws {
        try await TestEvents.run { engine in
            let arn = try await destination(engine)
            try await engine.rule(targets: [TestEvents.target(arn: arn)])
            let id = try await engine.put(TestEvents.entry(["n": 1]))
            try await delivered(engine)
            let call = try #require(engine.web.calls.first)
            #expect(call.method == "POST" && call.url == "https://example.test/hook" && call.timeout == .seconds(5))
            #expect(
                call.headers == [
                    HTTPField("User-Agent", "Amazon/EventBridge/ApiDestinations"),
                    HTTPField("Content-Type", "application/json; charset=utf-8"),
                    HTTPField("Range", "bytes=0-1048575"), HTTPField("Connection", "close"),
                    HTTPField("x-key", "s3cret"),
                ])
            let event = try JSON(parsing: try #require(call.body))
            #expect(event["id"]?.string == id && event["detail"] == ["n": 1])
            let record = try #require(try await engine.audit("Deliver").first)
            #expect(record.outcome == .success && record.detail["Output"]?["StatusCode"] == 200)
        }
    }

    @Test("A trace header goes beside the event to endpoints and queues, over buses too, and into no replay")
    func trace() async throws {
        try await TestEvents.run { engine in
            let arn = try await destination(engine)
            try await engine.call("events:CreateEventBus", ["Name": "other"])
            try await ReplayTests.createArchive(engine)
            try await engine.rule(targets: [TestEvents.target(arn: "arn:aws:events:::event-bus/other")])
            try await engine.rule(
                "r2", bus: "other",
                targets: [TestEvents.target(arn: arn), TestEvents.target("2", arn: "arn:aws:sqs:::q")])
            var entry = TestEvents.entry()
            entry["TraceHeader"] = "Root=1-5759e988"
            try await engine.put(entry)
            try await delivered(engine, 3)
            let trace = HTTPField("X-Amzn-Trace-Id", "Root=1-5759e988")
            #expect(engine.web.calls.count { $0.headers.contains(trace) } == 1)
            let sent = try #require(engine.targets.calls.first { $0.operation == "sqs:SendMessage" })
            let attribute = sent.input["MessageSystemAttributes"]?["AWSTraceHeader"]
            #expect(attribute == ["DataType": "String", "StringValue": "Root=1-5759e988"])
            let texts = try engine.events().map(\.text)
            #expect(texts.allSatisfy { !$0.contains("759e988") })
            // What cannot be a header is left out.
            entry["TraceHeader"] = "Root=1\nX-Evil: 1"
            try await engine.put(entry)
            try await ReplayTests.start(engine)
            #expect(try await ReplayTests.describe(engine)["State"] == "COMPLETED")
            try await delivered(engine, 12)
            #expect(engine.web.calls.count == 4)
            #expect(engine.web.calls.count { $0.headers.contains { $0.name == "X-Amzn-Trace-Id" } } == 1)
        }
    }

    @Test("A request that the end of the server cuts short is no attempt: its delivery stays for the next start")
    func cutShort() async throws {
        let engine = try TestEvents()
        try await TestEvents.run(engine) { engine in
            engine.web.answer { _ throws(HTTPFailure) in throw HTTPFailure(.cancelled, "the server is stopping") }
            let arn = try await destination(engine)
            try await engine.rule(targets: [TestEvents.target(arn: arn, ["RetryPolicy": ["MaximumRetryAttempts": 0]])])
            try await engine.put()
            try await eventually("it is called") { engine.web.calls.count == 1 }
        }
        #expect(try await engine.pendingCount() == 1)
        #expect(try await engine.deadLetters().isEmpty)
        #expect(try await engine.audit("Deliver").isEmpty)
    }

    @Test("Holes, queries, headers and bodies are filled by the target, and the connection goes before it")
    func parameters() async throws {
        try await TestEvents.run { engine in
            let arn = try await destination(
                engine, type: "BASIC",
                auth: [
                    "BasicAuthParameters": ["Username": "u", "Password": "p w"],
                    "InvocationHttpParameters": [
                        "HeaderParameters": [["Key": "X-A", "Value": "connection", "IsValueSecret": true]],
                        "QueryStringParameters": [["Key": "q", "Value": "a b"]],
                        "BodyParameters": [["Key": "added", "Value": "v"]],
                    ],
                ], endpoint: "http://example.test/users/*/items/*?fixed=1", method: "PUT")
            try await engine.rule(targets: [
                TestEvents.target(
                    arn: arn,
                    [
                        "InputTransformer": [
                            "InputPathsMap": ["n": "$.detail.n"], "InputTemplate": #"{"n":<n>}"#,
                        ],
                        "HttpParameters": [
                            "PathParameterValues": ["$.detail.user", "7"],
                            "HeaderParameters": ["x-a": "target", "X-B": "$.detail.gone", "content-type": "text/x"],
                            "QueryStringParameters": ["q": "target", "r": "$.detail.n"],
                        ],
                    ])
            ])
            try await engine.put(TestEvents.entry(["n": 5, "user": "a/b"]))
            try await delivered(engine)
            let call = try #require(engine.web.calls.first)
            #expect(call.url == "http://example.test/users/a%2Fb/items/7?fixed=1&r=5&q=a%20b")
            let headers = Dictionary(uniqueKeysWithValues: call.headers.map { ($0.name, $0.value) })
            #expect(headers["X-A"] == "connection" && headers["x-a"] == nil)
            #expect(headers["X-B"] == "" && headers["content-type"] == "text/x" && headers["Content-Type"] == nil)
            #expect(headers["Authorization"] == "Basic dTpwIHc=")
            #expect(try JSON(parsing: call.body ?? []) == ["n": 5, "added": "v"])
        }
    }

    @Test(
        "What the endpoint answers decides what becomes of the delivery",
        arguments: [
            (301, "SDK_CLIENT_ERROR", false), (400, "SDK_CLIENT_ERROR", false), (404, "SDK_CLIENT_ERROR", false),
            (429, "THROTTLING", true), (500, "INTERNAL_ERROR", true), (503, "INTERNAL_ERROR", true),
        ])
    func statuses(status: Int, code: String, isRetried: Bool) async throws {
        try await TestEvents.run { engine in
            engine.web.answer { _ throws(HTTPFailure) in HTTPAnswer(status: status, body: Array("why".utf8)) }
            let arn = try await destination(engine)
            try await engine.rule(targets: [TestEvents.target(arn: arn)])
            try await engine.put()
            try await delivered(engine)
            let record = try #require(try await engine.audit("Deliver").first)
            #expect(record.outcome == .failure(code))
            #expect(record.detail["ErrorMessage"] == .string("The endpoint answered with status \(status): why"))
            #expect((record.detail["NextAttempt"] != nil) == isRetried)
            #expect(try await engine.deadLetters().count == (isRetried ? 0 : 1))
        }
    }

    @Test(
        "Retry-After is seconds, or a date that counts from the answer's own",
        arguments: [
            ("120", nil, 120), ("-1", nil, -1), ("soon", nil, nil), ("Sun, 06 Nov 1994 08:49:37 GMT", nil, nil),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:48:37 GMT", 60),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT", 0),
            ("Wed, 01 Jan 2020 00:00:00 GMT", "Tue, 31 Dec 2019 23:59:50 GMT", 10),
            ("Wed, 99 Jan 2020 00:00:00 GMT", "Tue, 31 Dec 2019 23:59:50 GMT", nil),
        ] as [(String, String?, Int?)])
    func retryAfterDates(text: String, date: String?, seconds: Int?) {
        var headers = [HTTPField("Retry-After", text)]
        if let date { headers.append(HTTPField("Date", date)) }
        #expect(HTTPAnswer(status: 503, headers: headers).retryAfterSeconds == seconds)
    }

    @Test("Retry-After is heeded where it is longer than the wait, and a negative one ends the retries")
    func retryAfter() async throws {
        try await TestEvents.run { engine in
            engine.web.answer { _ throws(HTTPFailure) in
                HTTPAnswer(status: 429, headers: [HTTPField("retry-after", "120")])
            }
            let arn = try await destination(engine)
            try await engine.rule(targets: [TestEvents.target(arn: arn)])
            try await engine.put()
            try await delivered(engine)
            let due = try await engine.audit("Deliver").first?.detail["NextAttempt"]?.string
            #expect(due == (engine.clock.now + .seconds(120)).millisecondDescription)
            engine.web.answer { _ throws(HTTPFailure) in
                HTTPAnswer(status: 503, headers: [HTTPField("Retry-After", "-1")])
            }
            try await eventually("the timer is set") { !engine.clock.alarms.isEmpty }
            engine.clock.advance(by: .seconds(121))
            try await eventually("it is a dead letter") { try await engine.deadLetters().count == 1 }
        }
    }

    @Test(
        "An endpoint that cannot be reached is tried again",
        arguments: [(HTTPFailure.Code.timeout, "TIMEOUT"), (.connection, "CONNECTION_FAILURE")])
    func unreachable(code: HTTPFailure.Code, expected: String) async throws {
        try await TestEvents.run { engine in
            engine.web.answer { _ throws(HTTPFailure) in throw HTTPFailure(code, "no") }
            let arn = try await destination(engine)
            try await engine.rule(targets: [TestEvents.target(arn: arn)])
            try await engine.put()
            try await delivered(engine)
            let record = try #require(try await engine.audit("Deliver").first)
            #expect(record.outcome == .failure(expected) && record.detail["NextAttempt"] != nil)
        }
    }

    @Test("Requests keep to the destination's rate: later ones wait, and none is an attempt that failed")
    func rate() async throws {
        try await TestEvents.run { engine in
            let arn = try await destination(engine, rate: 4)
            try await engine.rule(targets: [TestEvents.target(arn: arn)])
            try await engine.put(Array(repeating: TestEvents.entry(), count: 6))
            for number in 1...6 {
                try await eventually("request \(number)") { try await engine.audit("Deliver").count == number }
                #expect(engine.web.calls.count == number)
                if number == 6 { break }
                try await eventually("the next waits") { !engine.clock.alarms.isEmpty }
                engine.clock.advance(by: .milliseconds(250))
            }
            #expect(try await engine.audit("Deliver").allSatisfy { $0.outcome == .success })
        }
    }

    // MARK: OAuth

    private static let oauth: JSON = [
        "OAuthParameters": [
            "ClientParameters": ["ClientID": "me", "ClientSecret": "hush"],
            "AuthorizationEndpoint": "https://login.test/token?tenant=1", "HttpMethod": "POST",
            "OAuthHttpParameters": ["BodyParameters": [["Key": "scope", "Value": "a b"]]],
        ]
    ]

    private func state(_ engine: TestEvents) async throws -> JSON? {
        try await engine.call("events:DescribeConnection", ["Name": "c"])["ConnectionState"]
    }

    @Test("A connection with OAuth fetches its token, uses it, and a new one when a server refuses the old")
    func oauth() async throws {
        try await TestEvents.run { engine in
            let issued = Counter()
            engine.web.answer { call throws(HTTPFailure) in
                if call.url.hasPrefix("https://login.test") {
                    let body: JSON = [
                        "access_token": .string("t\(issued.next())"), "token_type": "bearer", "expires_in": 3600,
                    ]
                    return HTTPAnswer(status: 200, body: body.bytes)
                }
                let token = call.headers.first { $0.name == "Authorization" }?.value
                return HTTPAnswer(status: token == "Bearer t2" ? 200 : 401)
            }
            let arn = try await destination(engine, type: "OAUTH_CLIENT_CREDENTIALS", auth: DestinationTests.oauth)
            try await eventually("it is authorized") { try await state(engine) == "AUTHORIZED" }
            let login = try #require(engine.web.calls.first)
            #expect(login.url == "https://login.test/token?tenant=1" && login.method == "POST")
            #expect(
                String(decoding: login.body ?? [], as: UTF8.self)
                    == "scope=a%20b&grant_type=client_credentials&client_id=me&client_secret=hush")
            try await engine.rule(targets: [TestEvents.target(arn: arn)])
            try await engine.put()
            try await delivered(engine)
            #expect(try await engine.audit("Deliver").first?.outcome == .success)
            let urls = engine.web.calls.map { $0.url.contains("login") ? "login" : "hook" }
            #expect(urls == ["login", "hook", "login", "hook"])
            try await engine.put()
            try await delivered(engine, 2)
            #expect(engine.web.calls.count == 5, "the new token is kept")
        }
    }

    @Test("A connection whose token server refuses is deauthorized with the reason, and its deliveries say so")
    func refusedOAuth() async throws {
        try await TestEvents.run { engine in
            engine.web.answer { _ throws(HTTPFailure) in HTTPAnswer(status: 400, body: Array("bad client".utf8)) }
            let arn = try await destination(engine, type: "OAUTH_CLIENT_CREDENTIALS", auth: DestinationTests.oauth)
            try await eventually("it is deauthorized") { try await state(engine) == "DEAUTHORIZED" }
            let shown = try await engine.call("events:DescribeConnection", ["Name": "c"])
            #expect(shown["StateReason"]?.string?.contains("bad client") == true)
            let described = try await engine.call("events:DescribeApiDestination", ["Name": "d"])
            #expect(described["ApiDestinationState"] == "INACTIVE")
            try await engine.rule(targets: [TestEvents.target(arn: arn)])
            try await engine.put()
            try await eventually("it is a dead letter") { try await engine.deadLetters().count == 1 }
            #expect(try await engine.deadLetters()[0]["ErrorCode"] == "NO_PERMISSIONS")
        }
    }

    @Test("A server that answers with what it was sent does not bring secrets into dead letters and states")
    func echo() async throws {
        try await TestEvents.run { engine in
            engine.web.answer { call throws(HTTPFailure) in
                if call.url.hasPrefix("https://login.test") {
                    return HTTPAnswer(status: 401, body: Array("you said: ".utf8) + (call.body ?? []))
                }
                let said = call.headers.map { "\($0.name): \($0.value)" }.joined(separator: "; ")
                return HTTPAnswer(status: 400, body: Array("\(call.url) \(said)".utf8.suffix(150)))
            }
            let auth: JSON = [
                "BasicAuthParameters": ["Username": "me", "Password": "p4ss word"],
                "InvocationHttpParameters": [
                    "HeaderParameters": [["Key": "x-h", "Value": "hidden", "IsValueSecret": true]]
                ],
            ]
            let arn = try await destination(engine, type: "BASIC", auth: auth)
            try await engine.rule(targets: [TestEvents.target(arn: arn)])
            try await engine.put()
            try await eventually("it is a dead letter") { try await engine.deadLetters().count == 1 }
            let message = try await engine.deadLetters()[0]["ErrorMessage"]?.string ?? ""
            #expect(message.hasSuffix("x-h: (secret); Authorization: Basic (secret)"), "\(message)")
            var other = DestinationTests.oauth
            other["OAuthParameters"]?["ClientParameters"]?["ClientSecret"] = "hu sh/"
            try await engine.call(
                "events:CreateConnection",
                ["Name": "o", "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": other])
            try await eventually("it is deauthorized") {
                let shown = try await engine.call("events:DescribeConnection", ["Name": "o"])
                return shown["StateReason"]?.string?.hasSuffix("&client_secret=(secret)") == true
            }
        }
    }

    @Test("A destination that is gone, or is another of the same name, is no target")
    func gone() async throws {
        try await TestEvents.run { engine in
            let arn = try await destination(engine)
            try await engine.rule(targets: [TestEvents.target(arn: arn)])
            let connection = try await engine.call("events:DescribeConnection", ["Name": "c"])["ConnectionArn"] ?? .null
            try await engine.call("events:DeleteApiDestination", ["Name": "d"])
            try await engine.call(
                "events:CreateApiDestination",
                ["Name": "d", "ConnectionArn": connection, "InvocationEndpoint": "https://x.test", "HttpMethod": "GET"])
            try await engine.put()
            try await eventually("it is a dead letter") { try await engine.deadLetters().count == 1 }
            #expect(try await engine.deadLetters()[0]["ErrorCode"] == "NO_RESOURCE")
            #expect(engine.web.calls.isEmpty)
        }
    }
}

/// Counts from 1.
private final class Counter: Sendable {
    private let count = Mutex(0)

    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}
