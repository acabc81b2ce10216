import API
import Core
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("PutEvents") struct EventIngestTests {
    struct Bad: Sendable, CustomTestStringConvertible {
        let entry: String
        let code: String
        let message: String

        init(_ entry: String, _ code: String, _ message: String) {
            self.entry = entry
            self.code = code
            self.message = message
        }

        var testDescription: String { String(entry.prefix(80)) }
    }

    private static func missing(_ member: String) -> String {
        "Parameter \(member) is not valid. Reason: \(member) is a required argument."
    }

    private static func bytes(_ count: Int) -> String { String(repeating: "x", count: count) }

    @Test(
        "A bad entry has its error in the service's words, and the good ones around it are taken in",
        arguments: [
            Bad("{}", "InvalidArgument", missing("Source")),
            Bad(#"{"DetailType":"t","Detail":"{}"}"#, "InvalidArgument", missing("Source")),
            Bad(#"{"Source":"","DetailType":"t","Detail":"{}"}"#, "InvalidArgument", missing("Source")),
            Bad(#"{"Source":null,"DetailType":"t","Detail":"{}"}"#, "InvalidArgument", missing("Source")),
            Bad(#"{"Source":"a","Detail":"{}"}"#, "InvalidArgument", missing("DetailType")),
            Bad(#"{"Source":"a","DetailType":"","Detail":"{}"}"#, "InvalidArgument", missing("DetailType")),
            Bad(#"{"Source":"a","DetailType":"t"}"#, "InvalidArgument", missing("Detail")),
            Bad(#"{"Source":"a","DetailType":"t","Detail":""}"#, "InvalidArgument", missing("Detail")),
            Bad(#"{"Source":"a","DetailType":"t","Detail":"no json"}"#, "MalformedDetail", "Detail is malformed."),
            Bad(#"{"Source":"a","DetailType":"t","Detail":"[1]"}"#, "MalformedDetail", "Detail is malformed."),
            Bad(#"{"Source":"a","DetailType":"t","Detail":"1"}"#, "MalformedDetail", "Detail is malformed."),
            Bad(#"{"Source":"a","DetailType":"t","Detail":"null"}"#, "MalformedDetail", "Detail is malformed."),
            Bad(#"{"Source":"a","DetailType":"t","Detail":"\"text\""}"#, "MalformedDetail", "Detail is malformed."),
            Bad(#"{"Source":"a","DetailType":"t","Detail":"\"{}\""}"#, "MalformedDetail", "Detail is malformed."),
            Bad(#"{"Source":"a","DetailType":"t","Detail":"{\"a\":1"}"#, "MalformedDetail", "Detail is malformed."),
            Bad(#"{"Source":"a","DetailType":"t","Detail":"{}{}"}"#, "MalformedDetail", "Detail is malformed."),
            Bad(
                #"{"Source":"aws.ec2","DetailType":"t","Detail":"{}"}"#, "NotAuthorizedForSourceException",
                "Not authorized for the source: the prefix aws. is reserved."),
            Bad(
                #"{"Source":"\u0061w\u0073.ec2","DetailType":"t","Detail":"{}"}"#, "NotAuthorizedForSourceException",
                "Not authorized for the source: the prefix aws. is reserved."),
            Bad(
                #"{"Source":"a","DetailType":"t","Detail":"{}","EventBusName":"gone"}"#, "ResourceNotFoundException",
                "Event bus gone does not exist."),
            Bad(
                #"{"Source":"a","DetailType":"t","Detail":"{}","#
                    + #""EventBusName":"arn:aws:events:us-east-1:999999999999:event-bus/default"}"#,
                "ResourceNotFoundException",
                "Event bus arn:aws:events:us-east-1:999999999999:event-bus/default does not exist."),
            Bad(
                #"{"Source":"a","DetailType":"t","Detail":"{}","OpsBusEventId":"7"}"#, "InvalidArgument",
                "Parameter OpsBusEventId is not valid. Reason: OpsBusEventId must be a UUID, such as "
                    + "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed."),
            Bad(
                #"{"Source":"a","DetailType":"t","Detail":"{}","Time":"tomorrow"}"#, "InvalidArgument",
                "Parameter Time is not valid. Reason: Time must be RFC 3339 text or seconds since 1970."),
            Bad(
                #"{"Source":"a","DetailType":"t","Detail":"{}","Time":1e300}"#, "InvalidArgument",
                "Parameter Time is not valid. Reason: Time must be RFC 3339 text or seconds since 1970."),
            Bad(
                #"{"Source":"\#(bytes(257))","DetailType":"t","Detail":"{}"}"#, "InvalidArgument",
                "Parameter Source is not valid. Reason: Source must be at most 256 bytes."),
            Bad(
                #"{"Source":"a","DetailType":"\#(bytes(129))","Detail":"{}"}"#, "InvalidArgument",
                "Parameter DetailType is not valid. Reason: DetailType must be at most 128 characters."),
            Bad(
                #"{"Source":"a","DetailType":"t","Detail":"{\"a\":9223372036854775808}"}"#, "MalformedDetail",
                "Detail is malformed."),
            Bad(
                #"{"Source":"a","DetailType":"t","Detail":"{\"a\":[-9223372036854775809]}"}"#, "MalformedDetail",
                "Detail is malformed."),
            Bad(
                #"{"Source":"a","DetailType":"t","Detail":"{\"a\":123456789012345678901}"}"#, "MalformedDetail",
                "Detail is malformed."),
        ])
    func badEntries(bad: Bad) async throws {
        let engine = try TestEvents()
        let good = #"{"Source":"good","DetailType":"t","Detail":"{}"}"#
        let (status, answer) = await engine.publish(Array(#"{"Entries":[\#(good),\#(bad.entry),\#(good)]}"#.utf8))
        #expect(status == 200)
        #expect(answer["FailedEntryCount"] == 1, "\(answer.text)")
        let entries = answer["Entries"]?.array ?? []
        #expect(entries.count == 3)
        #expect(
            entries[1] == ["ErrorCode": .string(bad.code), "ErrorMessage": .string(bad.message)], "\(answer.text)")
        let taken = try engine.events()
        #expect(taken.map { $0["source"] } == ["good", "good"])
        #expect(taken.map { $0["id"] } == [entries[0]["EventId"], entries[2]["EventId"]])
    }

    @Test("Members at their limits are taken in")
    func atTheLimits() async throws {
        let engine = try TestEvents()
        try await engine.put([
            [
                "Source": .string(Self.bytes(256)), "DetailType": .string(String(repeating: "é", count: 128)),
                "Detail": #"{"a":[9223372036854775807,-9223372036854775808,12345678901234567890.5,1e30]}"#,
            ],
            TestEvents.entry(source: "aws"), TestEvents.entry(source: "awsome.app"),
            [
                "Source": "app", "DetailType": "t", "Detail": "{}", "EventBusName": "default",
                "TraceHeader": .string(Self.bytes(500)),
                "Resources": ["arn:aws:a:b:c:d", "", .string(String(repeating: "é", count: 2048))],
            ],
        ])
        #expect(try engine.events().count == 4)
        #expect(try engine.events()[3]["resources"]?.array?.prefix(2) == ["arn:aws:a:b:c:d", ""])
    }

    @Test("Details may be nested to the limit and no deeper")
    func depth() async throws {
        let engine = try TestEvents()
        func detail(_ levels: Int) -> String {
            #"{"a":"# + String(repeating: "[", count: levels - 1) + String(repeating: "]", count: levels - 1) + "}"
        }
        for (levels, failed) in [(Limits.eventDetailDepthMax, 0), (Limits.eventDetailDepthMax + 1, 1)] {
            let entry: JSON = ["Source": "a", "DetailType": "t", "Detail": .string(detail(levels))]
            let (_, answer) = await engine.publish(JSON.object(["Entries": [entry]]).bytes)
            #expect(answer["FailedEntryCount"] == .integer(failed), "\(levels)")
        }
    }

    @Test(
        "A request that is none is refused as a whole",
        arguments: [
            ("", "SerializationException", "The request is not valid JSON"),
            (#"{"Entries":[}"#, "SerializationException", "The request is not valid JSON"),
            ("[]", "SerializationException", "The request must be an object with Entries, a list of objects"),
            ("{}", "ValidationException", "1 validation error detected: Value null at 'entries' failed"),
            (#"{"Entries":null}"#, "ValidationException", "1 validation error detected: Value null at 'entries'"),
            (#"{"Entries":{}}"#, "SerializationException", "The request must be an object with Entries"),
            (#"{"Entries":[1]}"#, "SerializationException", "The request must be an object with Entries"),
            (#"{"Entries":[{"Source":1}]}"#, "SerializationException", "The request must be an object with Entries"),
            (#"{"Entries":[{"Resources":"x"}]}"#, "SerializationException", "The request must be an object with Entr"),
            (#"{"Entries":[],"EndpointId":7}"#, "SerializationException", "The request must be an object with Entries"),
            (#"{"Entries":[],"EndpointId":"a"}"#, "ValidationException", "EndpointId names a global endpoint"),
            (#"{"Entries":[{"Sorce":"x"}]}"#, "ValidationException", "Unknown member 'Sorce' in an entry"),
            (#"{"Entries":[],"More":1}"#, "ValidationException", "Unknown member 'More'"),
            (
                #"{"Entries":[{"Source":"a","TraceHeader":"\#(bytes(501))"}]}"#, "ValidationException",
                "1 validation error detected: Value '"
            ),
            (
                #"{"Entries":[{"Resources":["a","\#(bytes(2049))"]}]}"#, "ValidationException",
                "1 validation error detected: Value '"
            ),
            (
                #"{"Entries":[{"TraceHeader":"x"},{"TraceHeader":""}]}"#, "ValidationException",
                "1 validation error detected: Value '' at 'entries.2.member.traceHeader' failed to satisfy constraint: "
                    + "Member must have length greater than or equal to 1"
            ),
            (
                #"{"Entries":[{"EventBusName":""}]}"#, "ValidationException",
                "1 validation error detected: Value '' at 'entries.1.member.eventBusName' failed to satisfy constraint"
            ),
            (
                #"{"Entries":[]}"#, "ValidationException",
                "1 validation error detected: Value '[]' at 'entries' failed to satisfy constraint: "
                    + "Member must have length greater than or equal to 1"
            ),
        ])
    func badRequests(body: String, code: String, message: String) async throws {
        let engine = try TestEvents()
        let (status, answer) = await engine.publish(Array(body.utf8))
        #expect(status == 400)
        #expect(answer["__type"]?.string == code)
        #expect(answer["message"]?.string?.hasPrefix(message) == true, "\(answer.text)")
        #expect(engine.journal.lastSequence == 0)
    }

    @Test("Members that nobody knows are passed over where the transport says so")
    func unknownMembers() async throws {
        let engine = try TestEvents()
        let body = #"""
            {"More":[{"a":"]}"},-1.5e3,true,false,null],"Entries":[{"Sorce":{"x":[]},"Source":"s","DetailType":"t",
            "Detail":"{}"}]}
            """#
        let answer: JSON? = await withCheckedContinuation { continuation in
            engine.service.ingest.publish([
                PublishRequest(body: Array(body.utf8), principal: .local, ignoresUnknownMembers: true) { status, body in
                    continuation.resume(returning: try? JSON(parsing: body))
                }
            ])
        }
        #expect(answer?["FailedEntryCount"] == 0)
        #expect(engine.journal.lastSequence == 1)
    }

    @Test("Entries are counted: the limit passes, one more is refused with all the others")
    func tooMany() async throws {
        let engine = try TestEvents()
        let entries = Array(repeating: TestEvents.entry(), count: Limits.putEventsEntriesMax)
        #expect(try await engine.put(entries).count == Limits.putEventsEntriesMax)
        let (status, answer) = await engine.publish(
            JSON.object(["Entries": .array(entries + [TestEvents.entry()])]).bytes)
        #expect(status == 400)
        #expect(
            answer["message"]?.string?.hasSuffix("Member must have length less than or equal to 1000") == true,
            "\(answer.text)")
        #expect(engine.journal.lastSequence == UInt64(Limits.putEventsEntriesMax))
    }

    @Test("Sizes are counted as the service counts: the limit passes, one byte more is refused", arguments: [0, 1])
    func size(excess: Int) async throws {
        let engine = try TestEvents()
        // 14 for a time, and source, detail type, detail and resources with their escapes undone; no bus, no framing.
        let fixed = 14 + "app".utf8.count + "é".utf8.count + "arn:x".utf8.count + #"{"a":""}"#.utf8.count
        let detail = #"{\"\u0061\":\""#
            + Self.bytes(Limits.putEventsBytesMax - fixed + excess) + #"\"}"#
        let entry =
            #"{"Source":"app","DetailType":"\u00e9","Time":1,"Resources":["arn:x"],"EventBusName":"default","#
            + #""Detail":"\#(detail)"}"#
        let (status, answer) = await engine.publish(Array(#"{"Entries":[\#(entry)]}"#.utf8))
        if excess == 0 {
            #expect(status == 200 && answer["FailedEntryCount"] == 0, "\(answer.text)")
        } else {
            #expect(status == 400)
            #expect(
                answer == [
                    "__type": "ValidationException",
                    "message": "Total size of the entries in the request is over the limit.",
                ])
            #expect(engine.journal.lastSequence == 0)
        }
    }

    @Test(
        "Times come as text with an offset or as seconds, and are delivered in UTC",
        arguments: [
            ("1704067200", "2024-01-01T00:00:00Z"), ("1704070861.123456", "2024-01-01T01:01:01Z"),
            ("1.7040672e9", "2024-01-01T00:00:00Z"), ("-1", "1969-12-31T23:59:59Z"),
            (#""2024-01-01T02:00:00+02:00""#, "2024-01-01T00:00:00Z"),
            (#""2024-01-01T00:00:00.999Z""#, "2024-01-01T00:00:00Z"), ("null", "2027-01-15T08:00:00Z"),
        ])
    func times(text: String, delivered: String) async throws {
        let engine = try TestEvents()
        let entry = #"{"Source":"a","DetailType":"t","Detail":"{}","Time":\#(text)}"#
        let (_, answer) = await engine.publish(Array(#"{"Entries":[\#(entry)]}"#.utf8))
        #expect(answer["FailedEntryCount"] == 0, "\(answer.text)")
        #expect(try engine.events()[0]["time"]?.string == delivered)
    }

    @Test("An event is delivered in its envelope, and the journal knows who put it")
    func envelope() async throws {
        let engine = try TestEvents()
        let id = try await engine.put(TestEvents.entry(["n": 1], source: "my/app", type: "Order % placed"))
        #expect(
            try engine.events() == [
                [
                    "version": "0", "id": .string(id), "detail-type": "Order % placed", "source": "my/app",
                    "account": "123456789012", "time": "2027-01-15T08:00:00Z", "region": "us-east-1", "resources": [],
                    "detail": ["n": 1],
                ]
            ])
        let entry = try #require(try engine.entries().first)
        #expect(entry.principal == .local && entry.bus == "default" && entry.hops == 0 && entry.cause == nil)
        var topic = ""
        try engine.journal.read(after: 0, bytesMax: 1).forEach { topic = String(decoding: $0.topic, as: UTF8.self) }
        #expect(topic == "event/default/my%2Fapp/Order %25 placed/")
    }

    @Test("Who may not put events is refused before anything is looked at")
    func unauthorised() async throws {
        let engine = try TestEvents(authorizer: OpenAuthorizer(refusing: ["guest events:PutEvents"]))
        let (status, answer) = await engine.publish(Array("no json".utf8), as: Principal("guest"))
        #expect(status == 403 && answer["__type"] == "AccessDeniedException")
        #expect(engine.journal.lastSequence == 0)
    }
}
