import API
import Core
import TestSupport
import Testing

@testable import Events

@Suite("Tags of rules and buses") struct TagOperationsTests {
    private static let rule: JSON = "arn:aws:events:us-east-1:123456789012:rule/r"
    private static let bus: JSON = "arn:aws:events:us-east-1:123456789012:event-bus/b"

    private func tags(_ engine: TestEvents, _ arn: JSON) async throws -> [String: String] {
        let answer = try await engine.call("events:ListTagsForResource", ["ResourceARN": arn])
        return Dictionary(
            uniqueKeysWithValues: (answer["Tags"]?.array ?? []).map {
                ($0["Key"]?.string ?? "", $0["Value"]?.string ?? "")
            })
    }

    private func tag(_ key: String, _ value: String) -> JSON { ["Key": .string(key), "Value": .string(value)] }

    @Test("A rule gets its tags when it is new; later PutRule leaves them alone")
    func rules() async throws {
        try await TestEvents.run { engine in
            func put(_ value: String) async throws {
                try await engine.call(
                    "events:PutRule",
                    ["Name": "r", "EventPattern": #"{"source":["a"]}"#, "Tags": [tag("k", value)]])
            }
            try await put("1")
            try await put("2")
            #expect(try await tags(engine, Self.rule) == ["k": "1"])
            try await engine.call(
                "events:TagResource", ["ResourceARN": Self.rule, "Tags": [tag("k", "3"), tag("l", "")]])
            #expect(try await tags(engine, Self.rule) == ["k": "3", "l": ""])
            try await engine.call("events:UntagResource", ["ResourceARN": Self.rule, "TagKeys": ["k", "none"]])
            #expect(try await tags(engine, Self.rule) == ["l": ""])
            try await engine.call("events:DeleteRule", ["Name": "r"])
            try await engine.call("events:PutRule", ["Name": "r", "EventPattern": #"{"source":["a"]}"#])
            #expect(try await tags(engine, Self.rule) == [:], "tags go with their rule")
        }
    }

    @Test("A bus gets its tags when it is created, and they go with it")
    func buses() async throws {
        try await TestEvents.run { engine in
            try await engine.call("events:CreateEventBus", ["Name": "b", "Tags": [tag("k", "v")]])
            #expect(try await tags(engine, Self.bus) == ["k": "v"])
            try await engine.call("events:DeleteEventBus", ["Name": "b"])
            try await engine.call("events:CreateEventBus", ["Name": "b"])
            #expect(try await tags(engine, Self.bus) == [:])
        }
    }

    @Test(
        "What has no tags, and tags that cannot be, are refused",
        arguments: [
            ("arn:aws:events:eu-west-1:123456789012:rule/no", #"[]"#, ErrorCode.resourceNotFound,
                "Rule no does not exist on EventBus default."),
            ("arn:aws:events:us-east-1:123456789012:rule/b/no", #"[]"#, .resourceNotFound,
                "Rule no does not exist on EventBus b."),
            ("arn:aws:events:us-east-1:123456789012:event-bus/no", #"[]"#, .resourceNotFound,
                "Event bus no does not exist."),
            ("arn:aws:events:us-east-1:123456789012:event-bus/default", #"[{"Key":"aws:x","Value":""}]"#, .validation,
                "Tag key aws:x is not valid. Reason: the prefix aws: is reserved."),
            ("arn:aws:events:us-east-1:123456789012:event-bus/default",
                #"[{"Key":"k","Value":"1"},{"Key":"k","Value":"2"}]"#, .validation, "Tag key k is given twice."),
            ("rule/r", #"[]"#, .validation,
                "Parameter ResourceARN is not valid. Reason: Provided Arn is not in correct format."),
        ])
    func refused(arn: String, tags: String, code: ErrorCode, message: String) async throws {
        try await TestEvents.run { engine in
            let error = await refusal {
                try await engine.call(
                    "events:TagResource", ["ResourceARN": .string(arn), "Tags": JSON(parsing: tags)])
            }
            #expect(error == ServiceError(code, message))
        }
    }

    @Test("A resource has fifty tags at most, and one too many changes nothing")
    func limit() async throws {
        try await TestEvents.run { engine in
            try await engine.call(
                "events:CreateEventBus", ["Name": "b", "Tags": .array((1...50).map { tag("k\($0)", "") })])
            let error = await refusal {
                try await engine.call("events:TagResource", ["ResourceARN": Self.bus, "Tags": [tag("more", "")]])
            }
            #expect(error?.code == .limitExceeded)
            #expect(try await tags(engine, Self.bus).count == 50)
        }
    }
}
