import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Governance

@Suite("Registered keys") struct KeyOperationsTests {
    private static let key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
    private static let other = String(repeating: "x", count: 40)

    private func put(
        _ governance: TestGovernance, _ name: String, _ key: String = key, _ more: JSON = [:]
    ) async throws -> JSON {
        var input: JSON = ["Name": .string(name), "PublicKey": .string(key)]
        for member in more.object ?? JSONObject() { input[member.key] = member.value }
        return try await governance.call("bus:PutKey", input)
    }

    @Test("A key may publish, subscribe and read unless it is said, and nothing else")
    func defaults() async throws {
        let governance = try TestGovernance()
        let answer = try await put(governance, "app")
        #expect(answer["Node"] == false && answer["Name"] == "app")
        #expect(
            answer["Allow"] == [
                "events:PutEvents", "events:PutCloudEvents", "bus:Subscribe", "bus:ReadStream", "bus:Acknowledge",
                "bus:DescribeStream", "bus:DescribeSubscriber",
            ])
        #expect(governance.allows("app", "events:PutEvents"))
        #expect(governance.allows("app", "bus:Subscribe", on: "event/*"))
        for action in ["events:PutRule", "bus:PutKey", "bus:ListKeys", "ssm:SendCommand", "audit:ListRecords"] {
            #expect(!governance.allows("app", action), "\(action)")
        }
        #expect(governance.service.authorizer.principal(forKey: Self.key) == Principal("app"))
        #expect(governance.service.authorizer.principal(forKey: Self.other) == nil)
    }

    @Test("What is allowed is what the last registration of the name says")
    func replaced() async throws {
        let governance = try TestGovernance()
        _ = try await put(governance, "app", Self.key, ["Allow": ["ssm:*"]])
        #expect(governance.allows("app", "ssm:SendCommand") && !governance.allows("app", "events:PutEvents"))
        _ = try await put(governance, "app", Self.other, ["Allow": ["events:PutEvents",
            "bus:Subscribe event/default/*"]])
        #expect(!governance.allows("app", "ssm:SendCommand") && governance.allows("app", "events:PutEvents"))
        #expect(governance.allows("app", "bus:Subscribe", on: "event/default/x/*"))
        #expect(!governance.allows("app", "bus:Subscribe", on: "event/*"))
        #expect(governance.service.authorizer.principal(forKey: Self.key) == nil, "the old key is the name's no more")
        #expect(governance.service.authorizer.principal(forKey: Self.other) == Principal("app"))
    }

    @Test("A node's key registers nodes and does nothing else, unless it is said")
    func nodes() async throws {
        let governance = try TestGovernance()
        _ = try await put(governance, "web-1", Self.key, ["Node": true])
        #expect(governance.allows("web-1", "ssm:RegisterManagedInstance"))
        #expect(!governance.allows("web-1", "events:PutEvents") && !governance.allows("web-1", "bus:Subscribe"))
        _ = try await put(governance, "app", Self.other, ["Allow": ["*"]])
        #expect(governance.allows("app", "ssm:RegisterManagedInstance"), "all is all")
    }

    @Test("A deleted key may nothing and is nobody's; deleting it again is an error")
    func deleted() async throws {
        let governance = try TestGovernance()
        _ = try await put(governance, "app")
        try await governance.call("bus:DeleteKey", ["Name": "app"])
        #expect(!governance.allows("app", "events:PutEvents"))
        #expect(governance.service.authorizer.principal(forKey: Self.key) == nil)
        let again = await refusal { try await governance.call("bus:DeleteKey", ["Name": "app"]) }
        #expect(again == ServiceError(.resourceNotFound, "There is no key app."))
        // The key is free for another name.
        _ = try await put(governance, "web")
        #expect(governance.service.authorizer.principal(forKey: Self.key) == Principal("web"))
    }

    @Test("Whoever is on this machine, the system and rules may do everything; no key takes their names")
    func reserved() async throws {
        let governance = try TestGovernance()
        for name in ["local", "system", "rule/r"] {
            #expect(governance.allows(name, "bus:PutKey"))
            let error = await refusal { try await put(governance, name) }
            #expect(error?.code == .validation, "\(name)")
        }
        #expect(!governance.allows("stranger", "events:PutEvents"))
        #expect(!governance.allows("", "events:PutEvents") && !governance.allows("rules", "events:PutEvents"))
    }

    @Test(
        "What is wrong with a key is said",
        arguments: [
            (#"{"Name":"a","PublicKey":"short"}"#,
                "1 validation error detected: Value 'short' at 'publicKey' failed to "
                + "satisfy constraint: Member must have length greater than or equal to 40"),
            (#"{"Name":"a","PublicKey":"\#(String(repeating: "~", count: 40))"}"#,
                "1 validation error detected: Value '"
                + String(repeating: "~", count: 40) + "' at 'publicKey' failed to satisfy constraint: Member must "
                + #"satisfy regular expression pattern: [A-Za-z0-9.\-:+=^!/*?&<>()\[\]{}@%$#]+"#),
            (#"{"Name":"a","PublicKey":"\#(other)","Allow":["PutEvents"]}"#,
                "'PutEvents' is no permission; write ACTION or ACTION RESOURCE, such as events:PutEvents or "
                    + "'bus:Subscribe event/default/*'."),
            (#"{"Name":"a","PublicKey":"\#(other)","Allow":[]}"#, "1 validation error detected: Value '[]' at 'allow' "
                + "failed to satisfy constraint: Member must have length greater than or equal to 1"),
        ])
    func malformed(input: String, message: String) async throws {
        let governance = try TestGovernance()
        let error = await refusal { try await governance.call("bus:PutKey", JSON(parsing: input)) }
        #expect(error?.code == .validation)
        #expect(error?.message == message)
        #expect(try await governance.call("bus:ListKeys") == ["Keys": []])
    }

    @Test("A public key has one name")
    func oneName() async throws {
        let governance = try TestGovernance()
        _ = try await put(governance, "app")
        let error = await refusal { try await put(governance, "web") }
        #expect(
            error == ServiceError(.resourceAlreadyExists, "This public key is registered already, as app."))
        _ = try await put(governance, "app")
    }

    @Test("A refusal says what to grant, and is on record")
    func refused() async throws {
        let governance = try TestGovernance()
        _ = try await put(governance, "app")
        let error = await refusal { try await governance.call("bus:ListKeys", as: Principal("app")) }
        #expect(error?.code == .accessDenied)
        #expect(
            error?.message == "app is not allowed to perform bus:ListKeys. Grant it to its key: opsbus keys add or "
                + "opsbus access-keys create, with --allow 'bus:ListKeys'")
        let records = try await governance.call("audit:ListRecords", ["Principal": "app"])
        #expect(records["Records"]?[0]?["Outcome"] == "failure:AccessDeniedException")
        #expect(records["Records"]?[0]?["Action"] == "ListKeys")
    }

    @Test("A fresh encrypted server registers an administrator's key, once")
    func administrator() async throws {
        let governance = try TestGovernance()
        try await governance.service.start(administratorKey: { Self.key })
        #expect(governance.allows("admin", "bus:PutKey") && governance.allows("admin", "ssm:X", on: "x"))
        let audit = try await governance.call("audit:ListRecords", ["Subject": "key/admin"])
        #expect(audit["Records"]?.texts("Action") == ["PutKey"])
        try await governance.service.start(administratorKey: { throw ServiceError(.internalFailure, "not again") })
        #expect(governance.allows("admin", "bus:PutKey"))
    }

    @Test("Keys outlive a restart and are listed by name")
    func restart() async throws {
        let directory = try TemporaryDirectory()
        let first = try TestGovernance(path: directory.path + "/db")
        _ = try await put(first, "web", Self.other, ["Node": true])
        _ = try await put(first, "app", Self.key, ["Allow": ["ssm:* x"]])
        await first.database.close()
        let second = try TestGovernance(path: directory.path + "/db")
        #expect(!second.allows("app", "ssm:X", on: "x"), "before the start nobody may anything")
        try await second.service.start(administratorKey: nil)
        #expect(second.allows("app", "ssm:X", on: "x") && !second.allows("app", "ssm:X", on: "y"))
        #expect(second.allows("web", "ssm:RegisterManagedInstance"))
        let keys = try await second.call("bus:ListKeys")
        #expect(keys["Keys"]?.texts("Name") == ["app", "web"])
        #expect(keys["Keys"]?[0]?["Allow"] == ["ssm:* x"])
        await second.database.close()
    }
}
