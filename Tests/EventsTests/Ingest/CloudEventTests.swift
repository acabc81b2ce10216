import API
import Core
import TestSupport
import Testing

@testable import Events

@Suite("CloudEvents") struct CloudEventTests {
    private static func event(_ members: JSON) -> JSON {
        var event: JSON = ["specversion": "1.0", "id": "e-1", "source": "com.acme", "type": "order.placed"]
        for member in members.object ?? JSONObject() { event[member.key] = member.value }
        return event
    }

    struct Good: Sendable, CustomTestStringConvertible {
        let event: JSON
        let resources: JSON
        let detail: JSON
        var testDescription: String { event.text }

        init(_ event: JSON, resources: JSON = [], detail: JSON) {
            self.event = event
            self.resources = resources
            self.detail = detail
        }
    }

    @Test(
        "Every attribute of a CloudEvent has a place in the event",
        arguments: [
            Good(["data": ["n": 1]], detail: ["n": 1, "$ce": ["id": "e-1"]]),
            Good([:], detail: ["$ce": ["id": "e-1"]]), Good(["data": .null], detail: ["$ce": ["id": "e-1"]]),
            Good(["data": [1, "x"]], detail: ["data": [1, "x"], "$ce": ["id": "e-1"]]),
            Good(["subject": "s"], resources: ["s"], detail: ["$ce": ["id": "e-1"]]),
            Good(
                ["subject": "s", "resources": #"["a","b"]"#], resources: ["a", "b"], detail: ["$ce": ["id": "e-1"]]),
            Good(
                ["data_base64": "aGk=", "datacontenttype": "text/plain"],
                detail: ["data_base64": "aGk=", "datacontenttype": "text/plain", "$ce": ["id": "e-1"]]),
            Good(
                ["partitionkey": "p", "dataschema": "urn:s", "traceparent": .null],
                detail: ["$ce": ["partitionkey": "p", "dataschema": "urn:s", "id": "e-1"]]),
            Good(["id": "84c29628-b726-4078-b070-202ebc6430b5", "data": ["n": 1]], detail: ["n": 1]),
            Good(
                ["id": "84c29628-b726-4078-b070-202ebc6430b5", "data": ["$ce": 1]], detail: ["$ce": 1]),
        ])
    func good(good: Good) async throws {
        let engine = try TestEvents()
        try await TestEvents.run(engine) { engine in
            let event = CloudEventTests.event(good.event)
            let answer = try await engine.call("events:PutCloudEvents", ["CloudEvent": event])
            #expect(answer["FailedEntryCount"] == 0, "\(answer.text)")
            let taken = try #require(try engine.events().first)
            #expect(taken["source"] == "com.acme" && taken["detail-type"] == "order.placed")
            #expect(taken["resources"] == good.resources && taken["detail"] == good.detail, "\(taken.text)")
            #expect(taken["id"] == answer["Entries"]?[0]?["EventId"])
            // The same CloudEvent again is the same event.
            let again = try await engine.call("events:PutCloudEvents", ["CloudEvents": [event]])
            #expect(again["Entries"] == answer["Entries"])
            #expect(try engine.events().count == 1)
        }
    }

    @Test(
        "What is no CloudEvent is refused, and the attribute named",
        arguments: [
            (["specversion": "0.3"], "specversion must be"), (["specversion": .null], "specversion must be"),
            (["id": .null], "id is required"), (["id": 5], "id must be a text"), (["type": ""], "type must be a text"),
            (["subject": 5], "subject must be a text"), (["subject": ""], "subject must be a text"),
            (["resources": ["a"]], "resources must be a text"), (["resources": "a"], "resources must be the JSON text"),
            (["data": 1, "data_base64": "aGk="], "data and data_base64 exclude each other"),
            (["data_base64": "!"], "data_base64 is not base64"), (["data_base64": 5], "data_base64 must be a text"),
            (["Bad": "x"], "'Bad' is no name"), (["detail-type": "x"], "'detail-type' is no name"),
            (["data": ["$ce": 1]], "data has a member $ce"),
        ] as [(JSON, String)])
    func bad(members: JSON, reason: String) async throws {
        let engine = try TestEvents()
        try await TestEvents.run(engine) { engine in
            let error = await #expect(throws: ServiceError.self) {
                try await engine.call("events:PutCloudEvents", ["CloudEvent": CloudEventTests.event(members)])
            }
            let message = error?.message ?? ""
            #expect(message.hasPrefix("The CloudEvent is not valid: \(reason)"), "\(message)")
            let taken = try engine.events()
            #expect(taken.isEmpty)
        }
    }

    @Test("A type longer than a detail type may be is an error of its own event, and the others are taken in")
    func longType() async throws {
        let engine = try TestEvents()
        try await TestEvents.run(engine) { engine in
            let long = CloudEventTests.event(["type": .string(String(repeating: "x", count: 129))])
            let answer = try await engine.call(
                "events:PutCloudEvents", ["CloudEvents": [long, CloudEventTests.event([:])]])
            #expect(answer["FailedEntryCount"] == 1 && answer["Entries"]?[0]?["ErrorCode"] == "InvalidArgument")
            #expect(try engine.events().count == 1)
        }
    }
}
