import API
import Core
import TestSupport
import Testing

@testable import Events

@Suite("Policies of event buses") struct BusPolicyTests {
    private static let arn = "arn:aws:events:us-east-1:123456789012:event-bus/default"

    private func policy(_ effect: String, _ condition: JSON, principal: JSON = "*") -> JSON {
        let policy: JSON = [
            "Version": "2012-10-17",
            "Statement": [
                [
                    "Sid": "s", "Effect": .string(effect), "Principal": principal, "Action": "events:PutEvents",
                    "Resource": .string(BusPolicyTests.arn), "Condition": condition,
                ]
            ],
        ]
        return ["Policy": .string(policy.text)]
    }

    private func put(_ engine: TestEvents, as principal: Principal, _ entries: [JSON]) async -> [String?] {
        let (_, answer) = await engine.publish(JSON.object(["Entries": .array(entries)]).bytes, as: principal)
        return (answer["Entries"]?.array ?? []).map { $0["ErrorCode"]?.string }
    }

    @Test("A statement is added, replaced, shown as the service shows it, and removed")
    func statements() async throws {
        try await TestEvents.run { engine in
            for (sid, principal) in [("a", "111111111111"), ("b", "*"), ("a", "222222222222")] {
                try await engine.call(
                    "events:PutPermission",
                    ["Action": "events:PutEvents", "Principal": .string(principal), "StatementId": .string(sid)])
            }
            let shown = try await engine.call("events:DescribeEventBus")["Policy"]?.string ?? ""
            #expect(
                try JSON(parsing: shown) == [
                    "Version": "2012-10-17",
                    "Statement": [
                        [
                            "Sid": "b", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents",
                            "Resource": .string(BusPolicyTests.arn),
                        ],
                        [
                            "Sid": "a", "Effect": "Allow", "Principal": ["AWS": "arn:aws:iam::222222222222:root"],
                            "Action": "events:PutEvents", "Resource": .string(BusPolicyTests.arn),
                        ],
                    ],
                ])
            try await engine.call("events:RemovePermission", ["StatementId": "b"])
            try await engine.call("events:RemovePermission", ["StatementId": "a"])
            #expect(try await engine.call("events:DescribeEventBus")["Policy"] == nil)
            let error = await refusal { try await engine.call("events:RemovePermission", ["StatementId": "a"]) }
            #expect(error == ServiceError(.resourceNotFound, "EventBus does not have a policy."))
        }
    }

    @Test(
        "What is no permission is refused",
        arguments: [
            (#"{"Action":"events:PutRule","Principal":"*","StatementId":"s"}"#, ErrorCode.validation,
                "Provided value in parameter 'action' is not supported."),
            (#"{"Action":"events:PutEvents","StatementId":"s"}"#, .validation,
                "Parameter Principal must be specified."),
            (#"{"Policy":"{}"}"#, .validation, "This policy is not valid. Reason: the policy has no Statement."),
            (#"{"EventBusName":"no","Policy":"{}"}"#, .resourceNotFound, "Event bus no does not exist."),
        ])
    func refused(input: String, code: ErrorCode, message: String) async throws {
        try await TestEvents.run { engine in
            let error = await refusal { try await engine.call("events:PutPermission", JSON(parsing: input)) }
            #expect(error == ServiceError(code, message))
        }
    }

    @Test("A policy longer than the service's limit is refused")
    func length() async throws {
        try await TestEvents.run { engine in
            let source: JSON = .string(String(repeating: "a", count: 11_000))
            let text = policy("Allow", ["StringEquals": ["events:source": source]])
            let error = await refusal { try await engine.call("events:PutPermission", text) }
            #expect(error?.code == .policyLengthExceeded)
        }
    }

    @Test("An explicit deny refuses the events it names, and no others, whoever puts them")
    func deny() async throws {
        try await TestEvents.run { engine in
            try await engine.call(
                "events:PutPermission", policy("Deny", ["StringLike": ["events:source": "secret.*"]]))
            let codes = await put(
                engine, as: .local, [TestEvents.entry(source: "app"), TestEvents.entry(source: "secret.x")])
            #expect(codes == [nil, "AccessDeniedException"])
            try await engine.call("events:RemovePermission", ["RemoveAllPermissions": true])
            #expect(await put(engine, as: .local, [TestEvents.entry(source: "secret.x")]) == [nil])
        }
    }

    @Test("A publisher without a permission of its own may what the bus's policy allows")
    func grant() async throws {
        let authorizer = OpenAuthorizer(refusing: ["guest events:PutEvents"])
        try await TestEvents.run(TestEvents(authorizer: authorizer)) { engine in
            let guest = Principal("guest")
            let (status, _) = await engine.publish(JSON.object(["Entries": [TestEvents.entry()]]).bytes, as: guest)
            #expect(status == 403, "without a policy the whole request is refused")
            try await engine.call(
                "events:PutPermission",
                policy(
                    "Allow", ["StringEquals": ["events:detail-type": "t"]],
                    principal: ["AWS": "arn:aws:iam::123456789012:user/guest"]))
            let entries = [TestEvents.entry(type: "t"), TestEvents.entry(type: "u")]
            #expect(await put(engine, as: guest, entries) == [nil, "AccessDeniedException"])
            #expect(await put(engine, as: Principal("other"), entries) == [nil, nil])
        }
    }

    @Test("A rule that a policy shuts out cannot pass events on; its event is a dead letter")
    func forwarding() async throws {
        try await TestEvents.run { engine in
            try await engine.call("events:CreateEventBus", ["Name": "other"])
            let deny: JSON = [
                "Version": "2012-10-17",
                "Statement": [
                    "Effect": "Deny", "Principal": "*", "Action": "events:PutEvents", "Resource": "*",
                    "Condition": ["ArnLike": ["aws:SourceArn": "arn:aws:events:*:*:rule/r"]],
                ],
            ]
            try await engine.call(
                "events:PutPermission", ["EventBusName": "other", "Policy": .string(deny.text)])
            try await engine.rule(targets: [TestEvents.target(arn: "arn:aws:events:::event-bus/other")])
            try await engine.put()
            try await eventually("it is a dead letter") { try await engine.deadLetters().count == 1 }
            #expect(try await engine.deadLetters()[0]["ErrorCode"] == "NO_PERMISSIONS")
        }
    }

    @Test("An event for a bus that does not exist is refused, or vanishes as at AWS where that is asked for")
    func unknownBus() async throws {
        try await TestEvents.run { engine in
            #expect(await put(engine, as: .local, [TestEvents.entry(bus: "no")]) == ["ResourceNotFoundException"])
        }
        let asAtAWS = try TestEvents(settings: EventsService.Settings(acceptsUnknownBuses: true))
        try await TestEvents.run(asAtAWS) { engine in
            #expect(await put(engine, as: .local, [TestEvents.entry(bus: "no"), TestEvents.entry()]) == [nil, nil])
            let events = try engine.events()
            #expect(events.count == 1)
        }
    }

    @Test("A bus keeps its settings, and UpdateEventBus changes those it is given")
    func settings() async throws {
        try await TestEvents.run { engine in
            let queue: JSON = ["Arn": "arn:aws:sqs:us-east-1:123456789012:q"]
            try await engine.call(
                "events:CreateEventBus",
                ["Name": "b", "Description": "one", "KmsKeyIdentifier": "alias/k", "DeadLetterConfig": queue])
            engine.clock.advance(by: .seconds(5))
            let updated = try await engine.call("events:UpdateEventBus", ["Name": "b", "Description": "two"])
            #expect(updated["Description"] == "two" && updated["DeadLetterConfig"] == queue)
            let bus = try await engine.call("events:DescribeEventBus", ["Name": "b"])
            #expect(bus["KmsKeyIdentifier"] == "alias/k" && bus["LastModifiedTime"] == "2027-01-15T08:00:05.000Z")
            #expect(bus["CreationTime"] == "2027-01-15T08:00:00.000Z")
        }
    }
}
