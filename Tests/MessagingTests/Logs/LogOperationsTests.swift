import API
import Core
import TestSupport
import Testing

@testable import Messaging

@Suite("Log groups and streams") struct LogOperationsTests {
    private static let arn: JSON = "arn:aws:logs:us-east-1:123456789012:log-group:/g"

    private func run(
        shortPoll: Duration = .zero, _ body: (TestMessaging) async throws -> Void
    ) async throws {
        try await TestMessaging.run(TestMessaging(shortPoll: shortPoll)) { engine in
            try await engine.call("logs:CreateLogGroup", ["logGroupName": "/g", "tags": ["a": "1"]])
            try await engine.call("logs:CreateLogStream", ["logGroupName": "/g", "logStreamName": "s"])
            try await body(engine)
        }
    }

    private func put(_ engine: TestMessaging, _ times: [Duration], to stream: JSON = "s") async throws -> JSON {
        let now = engine.clock.now
        let events = times.enumerated().map { index, time -> JSON in
            ["timestamp": .integer((now + time).microseconds / 1000), "message": .string("\(index)")]
        }
        return try await engine.call(
            "logs:PutLogEvents",
            ["logGroupName": "/g", "logStreamName": stream, "logEvents": .array(events)])
    }

    @Test("Lines too old and too far ahead are not taken, and it is told where they begin and end")
    func age() async throws {
        try await run { engine in
            let day = Duration.seconds(86_400)
            let output = try await put(
                engine, [day * -15, day * -14 - .seconds(1), .zero, .seconds(7200), .seconds(7201), day])
            #expect(
                output["rejectedLogEventsInfo"] == ["tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 4])
            let found = try await engine.call("logs:FilterLogEvents", ["logGroupName": "/g"])
            #expect((found["events"]?.array ?? []).map { $0["message"]?.string } == ["2", "3"])
            #expect(try await put(engine, [day * -20])["rejectedLogEventsInfo"] == ["tooOldLogEventEndIndex": 0])
            #expect(try await put(engine, [day * -14])["rejectedLogEventsInfo"] == nil)
            try await engine.call("logs:PutRetentionPolicy", ["logGroupName": "/g", "retentionInDays": 3])
            #expect(
                try await put(engine, [day * -15, day * -4, day * -3, .zero - day * 2])["rejectedLogEventsInfo"]
                    == ["tooOldLogEventEndIndex": 0, "expiredLogEventEndIndex": 1])
        }
    }

    @Test("Lines of one call are within 24 hours and 1 MiB, with 26 bytes for each")
    func bounds() async throws {
        try await run { engine in
            let day = Duration.seconds(86_400)
            _ = try await put(engine, [day * -1, .zero])
            let error = await refusal { try await put(engine, [day * -1 - .milliseconds(1), .zero]) }
            #expect(error?.message.hasSuffix("cannot span more than 24 hours.") == true, "\(error?.message ?? "")")
            func putTwo(_ bytes: Int) async throws -> JSON {
                let event: JSON = [
                    "timestamp": .integer(engine.clock.now.microseconds / 1000),
                    "message": .string(String(repeating: "x", count: bytes)),
                ]
                return try await engine.call(
                    "logs:PutLogEvents", ["logGroupName": "/g", "logStreamName": "s", "logEvents": [event, event]])
            }
            _ = try await putTwo(LogQuery.bytesMax / 2 - 26)
            let tooLarge = await refusal { try await putTwo(LogQuery.bytesMax / 2 - 25) }
            #expect(tooLarge?.message == "Upload too large: 1048578 bytes exceeds limit of 1048576")
        }
    }

    @Test("A page of lines holds 1 MiB, or one line; its token leads to the others", arguments: [true, false])
    func pages(startFromHead: Bool) async throws {
        try await run { engine in
            for (index, bytes) in [600_000, 400_000, 1_000_000, 10].enumerated() {
                let time = (engine.clock.now + .seconds(index)).microseconds / 1000
                try await engine.call(
                    "logs:PutLogEvents",
                    [
                        "logGroupName": "/g", "logStreamName": "s",
                        "logEvents": [
                            [
                                "timestamp": .integer(time),
                                "message": .string("\(index)" + String(repeating: "x", count: bytes)),
                            ]
                        ],
                    ])
            }
            for operation in ["logs:FilterLogEvents", "logs:GetLogEvents"] {
                var pages: [String] = []
                var token: JSON?
                while pages.count < 10 {
                    var input: JSON = ["logGroupName": "/g", "startFromHead": .bool(startFromHead)]
                    input["nextToken"] = token
                    let isFilter = operation.contains("Filter")
                    if !isFilter { input["logStreamName"] = "s" }
                    let page = try await engine.call(operation, input)
                    let lines = (page["events"]?.array ?? []).compactMap { $0["message"]?.string?.prefix(1) }
                    if !lines.isEmpty { pages.append(lines.joined()) }
                    let next = page[
                        isFilter ? "nextToken" : startFromHead ? "nextForwardToken" : "nextBackwardToken"]
                    if next == nil || next == token { break }
                    token = next
                }
                // The newest first, FilterLogEvents lists them so, and GetLogEvents only pages so.
                let isReversed = !startFromHead && operation.contains("Filter")
                let backwards = isReversed ? ["32", "10"] : ["23", "01"]
                #expect(pages == (startFromHead ? ["01", "23"] : backwards), "\(operation)")
            }
        }
    }

    @Test("Who follows a group gets lines as they came, whatever their times, and loses none to the end of a page")
    func following() async throws {
        try await run { engine in
            for seconds in [30, 10, 20, 0] { _ = try await put(engine, [.seconds(seconds)]) }
            var last = "0"
            var times: [Int] = []
            for _ in 0..<4 {
                let page = try await engine.call(
                    "logs:FilterLogEvents", ["logGroupName": "/g", "limit": 1, "OpsBusAfterEventId": .string(last)])
                let line = page["events"]?[0]
                last = line?["eventId"]?.string ?? ""
                times.append((line?["timestamp"]?.int ?? 0) - Int(engine.clock.now.microseconds / 1000))
            }
            #expect(times == [30_000, 10_000, 20_000, 0])
        }
    }

    @Test("Lines are looked for in streams that are named, or in those of a prefix, not both")
    func streamsOrPrefix() async throws {
        try await run { engine in
            let error = await refusal {
                try await engine.call(
                    "logs:FilterLogEvents",
                    ["logGroupName": "/g", "logStreamNames": ["s"], "logStreamNamePrefix": "s"])
            }
            #expect(error?.code == .invalidParameterException)
        }
    }

    @Test("A group's tags are set and removed, by its name and by its ARN")
    func tags() async throws {
        try await run { engine in
            try await engine.call("logs:TagLogGroup", ["logGroupName": "/g", "tags": ["a": "2", "b": "3"]])
            try await engine.call("logs:TagResource", ["resourceArn": Self.arn, "tags": ["c": "4"]])
            try await engine.call("logs:UntagLogGroup", ["logGroupName": "/g", "tags": ["b"]])
            let tags = try await engine.call("logs:ListTagsForResource", ["resourceArn": Self.arn])
            #expect(tags == ["tags": ["a": "2", "c": "4"]])
            try await engine.call("logs:UntagResource", ["resourceArn": Self.arn, "tagKeys": ["a", "c", "none"]])
            #expect(try await engine.call("logs:ListTagsLogGroup", ["logGroupName": "/g"]) == ["tags": [:]])
            let error = await refusal { try await engine.call("logs:ListTagsLogGroup", ["logGroupName": "/no"]) }
            #expect(error?.code == .resourceNotFound)
        }
    }

    @Test("Lines are read by the group's name or by its identifier, and by one of them only")
    func identifier() async throws {
        try await run { engine in
            _ = try await put(engine, [.zero])
            for input in [["logGroupName": "/g"], ["logGroupIdentifier": "/g"], ["logGroupIdentifier": Self.arn]]
                as [JSON]
            {
                #expect(try await engine.call("logs:FilterLogEvents", input)["events"]?.array?.count == 1)
            }
            for input in [[:], ["logGroupName": "/g", "logGroupIdentifier": "/g"]] as [JSON] {
                let error = await refusal { try await engine.call("logs:FilterLogEvents", input) }
                #expect(error?.code == .invalidParameterException)
            }
            let broken = await refusal { try await engine.call("logs:FilterLogEvents", ["logGroupIdentifier": "/g:*"]) }
            #expect(
                broken?.message == "1 validation error detected: Value at 'logGroupIdentifier' failed to satisfy "
                    + #"constraint: Member must satisfy regular expression pattern: [\w#+=/:,.@-]*"#)
        }
    }

    @Test("Who finds no lines looks a moment longer for those on their way, but not on the page after the last")
    func shortPoll() async throws {
        let moment = Duration.milliseconds(Limits.shortPollMilliseconds)
        try await run(shortPoll: moment) { engine in
            async let found = engine.call("logs:FilterLogEvents", ["logGroupName": "/g"])
            // The upkeep sleeps as well.
            try await eventually("it waits") { engine.clock.alarms.count == 2 }
            _ = try await put(engine, [.zero])
            engine.clock.advance(by: moment)
            #expect(try await found["events"]?.array?.count == 1)
            let first: JSON = ["logGroupName": "/g", "nextToken": "9999999999999-9"]
            #expect(try await engine.call("logs:FilterLogEvents", first)["events"] == [])
        }
    }

    @Test("Streams are listed in pages, by name or by their last lines, either way round", arguments: [false, true])
    func streams(isDescending: Bool) async throws {
        try await run { engine in
            for (name, seconds) in [("c", 1), ("a", 3), ("b", 2)] {
                try await engine.call("logs:CreateLogStream", ["logGroupName": "/g", "logStreamName": .string(name)])
                _ = try await put(engine, [.seconds(seconds)], to: .string(name))
            }
            for (order, expected) in [
                ("LogStreamName", ["a", "b", "c", "s"]), ("LastEventTime", ["s", "c", "b", "a"]),
            ] {
                var names: [String] = []
                var token: JSON?
                repeat {
                    var input: JSON = [
                        "logGroupName": "/g", "orderBy": .string(order), "limit": 3, "descending": .bool(isDescending),
                    ]
                    input["nextToken"] = token
                    let page = try await engine.call("logs:DescribeLogStreams", input)
                    names += (page["logStreams"]?.array ?? []).compactMap { $0["logStreamName"]?.string }
                    token = page["nextToken"]
                } while token != nil
                #expect(names == (isDescending ? expected.reversed() : expected), "\(order)")
            }
            let foreign = try await engine.call(
                "logs:DescribeLogStreams", ["logGroupName": "/g", "nextToken": "other@stream"])
            #expect(foreign == ["logStreams": []])
        }
    }

    @Test("Groups are found by prefix, by part of the name, by class and by identifier")
    func groups() async throws {
        try await run { engine in
            try await engine.call(
                "logs:CreateLogGroup",
                ["logGroupName": "/Other", "logGroupClass": "INFREQUENT_ACCESS", "kmsKeyId": "arn:aws:kms:::key/k"])
            func names(_ input: JSON) async throws -> [String] {
                (try await engine.call("logs:DescribeLogGroups", input)["logGroups"]?.array ?? [])
                    .compactMap { $0["logGroupName"]?.string }
            }
            #expect(try await names([:]) == ["/Other", "/g"])
            #expect(try await names(["logGroupNamePrefix": "/O"]) == ["/Other"])
            #expect(try await names(["logGroupNamePattern": "oth"]) == ["/Other"])
            #expect(try await names(["logGroupClass": "STANDARD"]) == ["/g"])
            #expect(try await names(["logGroupIdentifiers": [Self.arn]]) == ["/g"])
            let error = await refusal {
                try await engine.call(
                    "logs:DescribeLogGroups", ["logGroupNamePrefix": "a", "logGroupNamePattern": "b"])
            }
            #expect(error?.code == .invalidParameterException)
        }
    }
}
