import API
import Core
import TestSupport
import Testing

@testable import Bus

@Suite struct RequestServerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let what: String
        let frames: [[UInt8]]
        let identifier: String
        let status: String
        let code: String

        init(_ what: String, _ frames: [[UInt8]], identifier: String = "", _ status: String, _ code: String) {
            self.what = what
            self.frames = frames
            self.identifier = identifier
            self.status = status
            self.code = code
        }

        var testDescription: String { what }
    }

    static let badRequests: [Case] = [
        Case("one empty frame", [[]], "400", "MalformedRequest"),
        Case("unknown tag", [[UInt8]("OPS2"), [1], [UInt8]("test:Echo"), [UInt8]("{}")], "400", "MalformedRequest"),
        Case("tag of other case", [[UInt8]("ops1")], "400", "MalformedRequest"),
        Case("binary junk", [[0xFF, 0, 1, 2], [3], [4], [5], [6], [7]], "400", "MalformedRequest"),
        Case("only the tag", [[UInt8]("OPS1")], "400", "MalformedRequest"),
        Case("no operation", [[UInt8]("OPS1"), [UInt8]("7")], identifier: "7", "400", "MalformedRequest"),
        Case(
            "no body", [[UInt8]("OPS1"), [UInt8]("7"), [UInt8]("test:Echo")], identifier: "7", "400",
            "MalformedRequest"),
        Case(
            "no body to publish", [[UInt8]("OPS1"), [UInt8]("7"), [UInt8]("events:PutEvents")], identifier: "7", "400",
            "MalformedRequest"),
        Case(
            "five frames", [[UInt8]("OPS1"), [UInt8]("7"), [UInt8]("test:Echo"), [UInt8]("{}"), []], identifier: "7",
            "400", "MalformedRequest"),
        Case(
            "a thousand frames",
            [[UInt8]("OPS1"), [UInt8]("7")] + Array(repeating: [UInt8]("x"), count: 1000), identifier: "7", "400",
            "MalformedRequest"),
        Case(
            "a request id of 65 bytes",
            [[UInt8]("OPS1"), Array(repeating: 65, count: 65), [UInt8]("test:Echo"), [UInt8]("{}")], "400",
            "MalformedRequest"),
        Case(
            "an operation that is not UTF-8", [[UInt8]("OPS1"), [UInt8]("7"), [0xC3, 0x28], [UInt8]("{}")],
            identifier: "7", "400", "MalformedRequest"),
        Case(
            "an unknown operation", [[UInt8]("OPS1"), [UInt8]("7"), [UInt8]("test:Nothing"), [UInt8]("{}")],
            identifier: "7", "404", "UnknownOperationException"),
        Case(
            "an empty operation", [[UInt8]("OPS1"), [UInt8]("7"), [], [UInt8]("{}")], identifier: "7", "404",
            "UnknownOperationException"),
        Case(
            "an empty body", [[UInt8]("OPS1"), [UInt8]("7"), [UInt8]("test:Echo"), []], identifier: "7", "400",
            "SerializationException"),
        Case(
            "a body that is not JSON", [[UInt8]("OPS1"), [UInt8]("7"), [UInt8]("test:Echo"), [UInt8]("{\"a\":}")],
            identifier: "7", "400", "SerializationException"),
        Case(
            "a body that is not UTF-8",
            [[UInt8]("OPS1"), [UInt8]("7"), [UInt8]("test:Echo"), [UInt8]("{\"a\":\"") + [0xFF] + [UInt8]("\"}")],
            identifier: "7", "400", "SerializationException"),
        Case(
            "a body that is no object", [[UInt8]("OPS1"), [UInt8]("7"), [UInt8]("test:Echo"), [UInt8]("[]")],
            identifier: "7", "400", "SerializationException"),
        Case(
            "a body nested too deeply",
            [[UInt8]("OPS1"), [UInt8]("7"), [UInt8]("test:Echo"), Array(repeating: UInt8(ascii: "["), count: 100_000)],
            identifier: "7", "400", "SerializationException"),
        Case(
            "a body one byte too large",
            [
                [UInt8]("OPS1"), [UInt8]("7"), [UInt8]("test:Echo"),
                Array(repeating: 32, count: Limits.requestBytesMax + 1),
            ], identifier: "7", "413", "RequestEntityTooLarge"),
        Case(
            "too large to publish",
            [
                [UInt8]("OPS1"), [UInt8]("7"), [UInt8]("events:PutEvents"),
                Array(repeating: 32, count: Limits.requestBytesMax + 1),
            ], identifier: "7", "413", "RequestEntityTooLarge"),
        Case(
            "an operation's error", [[UInt8]("OPS1"), [UInt8]("7"), [UInt8]("test:Fail"), [UInt8]("{}")],
            identifier: "7", "400", "SequenceExpired"),
    ]

    @Test("A bad request is answered with its error, with and without delimiter, and the server goes on")
    func badRequests() async throws {
        try await TestBus.run { bus in
            let client = try RawClient(.dealer, bus.requestsEndpoint)
            for bad in RequestServerTests.badRequests {
                for delimiter in [[], [[UInt8]()]] {
                    // A lone empty frame cannot be told from a delimiter.
                    let isDelimiterOnly = bad.frames == [[]]
                    if isDelimiterOnly && !delimiter.isEmpty { continue }
                    try await client.send(delimiter + bad.frames)
                    var reply = try await client.receive()
                    if !delimiter.isEmpty || isDelimiterOnly { #expect(reply.removeFirst().isEmpty, "\(bad.what)") }
                    try #require(reply.count == 4, "\(bad.what)")
                    #expect(reply[0].text == "OPS1", "\(bad.what)")
                    #expect(reply[1].text == bad.identifier, "\(bad.what)")
                    #expect(reply[2].text == bad.status, "\(bad.what)")
                    let body = try JSON(parsing: reply[3])
                    #expect(body["__type"]?.string == bad.code, "\(bad.what)")
                    #expect(body["message"]?.string?.isEmpty == false, "\(bad.what)")
                }
            }
            try await client.send("OPS1", "last", "test:Echo", "{\"a\":1}")
            #expect(try await client.receiveText() == ["OPS1", "last", "200", "{\"a\":1}"])
        }
    }

    @Test("A frame far past the limit costs its sender the connection and nobody else anything")
    func hugeFrame() async throws {
        try await TestBus.run { bus in
            let other = try RawClient(.dealer, bus.requestsEndpoint)
            let client = try RawClient(.dealer, bus.requestsEndpoint)
            try await client.send([
                [UInt8]("OPS1"), [], [UInt8]("test:Echo"), Array(repeating: 32, count: 4 * Limits.requestBytesMax + 1),
            ])
            try await other.send("OPS1", "1", "test:Echo", "{}")
            #expect(try await other.receiveText() == ["OPS1", "1", "200", "{}"])
            // The first connection is made anew by libzmq, and works.
            try await eventually("the client that was cut off is served again") {
                try await client.send("OPS1", "2", "test:Echo", "{}")
                return client.poll()?.last?.text == "{}"
            }
        }
    }

    @Test("A REQ socket gets its answer behind the delimiter it sent", arguments: ["test:Echo", "events:PutEvents"])
    func requestSocket(operation: String) async throws {
        try await TestBus.run { bus in
            let client = try RawClient(.request, bus.requestsEndpoint)
            for number in 0..<3 {
                try await client.send("OPS1", "id-\(number)", operation, "{\"n\":\(number)}")
                #expect(try await client.receiveText() == ["OPS1", "id-\(number)", "200", "{\"n\":\(number)}"])
            }
        }
    }

    @Test("Request ids come back as they were, from none to 64 bytes of anything")
    func requestIdentifiers() async throws {
        try await TestBus.run { bus in
            let client = try RawClient(.dealer, bus.requestsEndpoint)
            for count in [0, 1, 33, 34, 64] {
                let identifier = (0..<count).map { UInt8(truncatingIfNeeded: 255 - $0) }
                try await client.send([[UInt8]("OPS1"), identifier, [UInt8]("test:Echo"), [UInt8]("{}")])
                #expect(try await client.receive()[1] == identifier)
            }
        }
    }

    @Test("A pipelined request that is ready early is answered early")
    func pipelining() async throws {
        try await TestBus.run { bus in
            let client = try RawClient(.dealer, bus.requestsEndpoint)
            try await client.send("OPS1", "slow", "test:Wait", "{}")
            try await client.send("OPS1", "fast", "test:Echo", "{}")
            #expect(try await client.receive()[1].text == "fast")
            bus.operations.releaseAll()
            #expect(try await client.receive()[1].text == "slow")
        }
    }

    @Test("Published bodies reach the handler byte by byte, and each answer its own request")
    func publishing() async throws {
        try await TestBus.run(.init(publisher: FakePublisher(answersAtOnce: false))) { bus in
            let client = try RawClient(.dealer, bus.requestsEndpoint)
            let bodies = (0..<600).map { [UInt8]("{\"Entries\":[],\"n\":\($0)}") }
            for (number, body) in bodies.enumerated() {
                try await client.send([[UInt8]("OPS1"), [UInt8]("\(number)"), [UInt8]("events:PutEvents"), body])
            }
            try await eventually("all requests came") { bus.publisher.requests.count == bodies.count }
            let requests = bus.publisher.requests
            #expect(requests.map(\.body) == bodies)
            #expect(requests.allSatisfy { $0.principal == .local })
            // Answered last first, with a second answer that must go nowhere.
            for request in requests.reversed() { request.reply(200, request.body) }
            for request in requests { request.reply(500, []) }
            for number in bodies.indices.reversed() {
                let reply = try await client.receive()
                #expect(reply == [[UInt8]("OPS1"), [UInt8]("\(number)"), [UInt8]("200"), bodies[number]])
            }
            try await client.send("OPS1", "end", "test:Echo", "{}")
            #expect(try await client.receiveText() == ["OPS1", "end", "200", "{}"])
        }
    }

    @Test("Past its share of requests in flight a connection is throttled, and another is not")
    func throttling() async throws {
        try await TestBus.run(.init(publisher: FakePublisher(answersAtOnce: false))) { bus in
            let client = try RawClient(.dealer, bus.requestsEndpoint)
            let share = Limits.requestsInFlightPerClientMax
            for number in 0..<share + 5 { try await client.send("OPS1", "\(number)", "events:PutEvents", "{}") }
            for number in share..<share + 5 {
                let reply = try await client.receive()
                #expect(reply[1].text == "\(number)")
                #expect(reply[2].text == "429")
                let body = try JSON(parsing: reply[3])
                #expect(body["__type"] == "ThrottlingException")
            }
            let other = try RawClient(.dealer, bus.requestsEndpoint)
            try await other.send("OPS1", "other", "test:Echo", "{}")
            #expect(try await other.receive()[2].text == "200")

            for request in bus.publisher.requests { request.reply(200, [UInt8]("{}")) }
            for _ in 0..<share { #expect(try await client.receive()[2].text == "200") }
            try await client.send("OPS1", "again", "test:Echo", "{}")
            #expect(try await client.receive()[2].text == "200")
        }
    }

    @Test("A client that does not read holds up nobody, and what it is not sent is counted")
    func slowReader() async throws {
        try await TestBus.run { bus in
            let client = try RawClient(.dealer, bus.requestsEndpoint, messagesQueuedMax: 100)
            let body = [UInt8]("{\"text\":\"\(String(repeating: "x", count: 1000))\"}")
            var sent = 0
            for number in 0..<12_000
            where client.trySend([[UInt8]("OPS1"), [UInt8]("\(number)"), [UInt8]("events:PutEvents"), body]) {
                sent += 1
                if number.isMultiple(of: 50) { try await Task.sleep(for: .milliseconds(1)) }
            }
            let other = try RawClient(.dealer, bus.requestsEndpoint)
            try await other.send("OPS1", "1", "test:Echo", "{}")
            #expect(try await other.receive()[2].text == "200")
            var answers = 0
            try await eventually("everything sent is answered, or counted as discarded") {
                while let reply = client.poll() {
                    #expect(["200", "429"].contains(reply[2].text))
                    answers += 1
                }
                return answers + bus.server.counters.answersDiscarded == sent
            }
        }
    }

    @Test("Large answers that are not read are bounded in bytes; the next requests are refused until they are read")
    func unreadAnswers() async throws {
        try await TestBus.run { bus in
            let client = try RawClient(.dealer, bus.requestsEndpoint, messagesQueuedMax: 1)
            let size = 1 << 20
            let body = [UInt8]("{\"text\":\"\(String(repeating: "x", count: size))\"}")
            let count = 3 * Limits.answerBytesQueuedPerClientMax / size
            for number in 0..<count {
                try await client.send([[UInt8]("OPS1"), [UInt8]("\(number)"), [UInt8]("test:Echo"), body])
            }
            try await eventually("all have come") {
                let counters = bus.server.counters
                return counters.requestsAnswered + counters.requestsRefused == count
            }
            // Another client is served although this one does not read.
            let other = try RawClient(.dealer, bus.requestsEndpoint)
            try await other.send([[UInt8]("OPS1"), [UInt8]("1"), [UInt8]("test:Echo"), body])
            #expect(try await other.receive()[3] == body)

            var large = 0
            for _ in 0..<count {
                let reply = try await client.receive()
                if reply[2].text == "200" { large += 1 } else { #expect(reply[2].text == "429") }
            }
            let share = Limits.answerBytesQueuedPerClientMax / size
            #expect(large >= share / 2 && large <= share + share / 2, "\(large) of \(share)")
            try await client.send([[UInt8]("OPS1"), [UInt8]("again"), [UInt8]("test:Echo"), body])
            #expect(try await client.receive()[3] == body)
        }
    }
}
