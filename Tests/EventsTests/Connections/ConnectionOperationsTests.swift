import API
import Core
import Storage
import TestSupport
import Testing

@testable import Events

@Suite("Operations on connections") struct ConnectionOperationsTests {
    private static let everything: JSON = [
        "BasicAuthParameters": ["Username": "me", "Password": "p4ssword"],
        "InvocationHttpParameters": [
            "HeaderParameters": [
                ["Key": "Open", "Value": "seen", "IsValueSecret": false],
                ["Key": "Shut", "Value": "unse3n", "IsValueSecret": true],
            ]
        ],
    ]

    private func create(_ engine: TestEvents, _ name: String = "c") async throws {
        try await engine.call(
            "events:CreateConnection",
            [
                "Name": .string(name), "Description": "first", "AuthorizationType": "BASIC",
                "AuthParameters": Self.everything,
            ])
    }

    @Test("Secrets are never answered, stored open, or written to the audit log")
    func secrets() async throws {
        try await TestEvents.run { engine in
            try await create(engine)
            let shown = try await engine.call("events:DescribeConnection", ["Name": "c"])
            #expect(
                shown["AuthParameters"] == [
                    "BasicAuthParameters": ["Username": "me"],
                    "InvocationHttpParameters": [
                        "HeaderParameters": [
                            ["Key": "Open", "Value": "seen", "IsValueSecret": false],
                            ["Key": "Shut", "IsValueSecret": true],
                        ]
                    ],
                ])
            #expect(shown["ConnectionState"] == "AUTHORIZED" && shown["AuthorizationType"] == "BASIC")
            let stored: [UInt8]? = try await engine.database.read {
                try $0.queryOne("SELECT secret FROM connections") { try $0[0] }
            }
            let text = String(decoding: try #require(stored), as: UTF8.self)
            let audit = try await AuditLog(engine.database).list().map { "\($0)" }.joined()
            for secret in ["p4ssword", "unse3n"] {
                #expect(!text.contains(secret) && !audit.contains(secret) && !shown.text.contains(secret))
            }
        }
    }

    @Test("An update changes what it names, keeps the rest, and another authorization replaces the old one")
    func update() async throws {
        try await TestEvents.run { engine in
            try await create(engine)
            try await engine.call("events:UpdateConnection", ["Name": "c", "Description": "second"])
            try await engine.call(
                "events:UpdateConnection",
                ["Name": "c", "AuthParameters": ["BasicAuthParameters": ["Username": "you"]]])
            var shown = try await engine.call("events:DescribeConnection", ["Name": "c"])
            #expect(shown["Description"] == "second")
            #expect(shown["AuthParameters"]?["BasicAuthParameters"] == ["Username": "you"])
            #expect(shown["AuthParameters"]?["InvocationHttpParameters"] != nil)
            try await engine.call(
                "events:UpdateConnection",
                [
                    "Name": "c", "AuthorizationType": "API_KEY",
                    "AuthParameters": ["ApiKeyAuthParameters": ["ApiKeyName": "k", "ApiKeyValue": "v"]],
                ])
            shown = try await engine.call("events:DescribeConnection", ["Name": "c"])
            #expect(shown["AuthParameters"]?["BasicAuthParameters"] == nil)
            #expect(shown["AuthParameters"]?["ApiKeyAuthParameters"] == ["ApiKeyName": "k"])
            let outline = try await engine.call("events:DeauthorizeConnection", ["Name": "c"])
            #expect(outline["ConnectionState"] == "DEAUTHORIZED")
            shown = try await engine.call("events:DescribeConnection", ["Name": "c"])
            #expect(shown["AuthParameters"] == [:])
            let deleted = try await engine.call("events:DeleteConnection", ["Name": "c"])
            #expect(deleted["ConnectionState"] == "DEAUTHORIZED")
        }
    }

    @Test(
        "What cannot be a connection is refused, and its secrets are not told",
        arguments: [
            (#"{"AuthParameters":{"ApiKeyAuthParameters":{"ApiKeyName":"k","ApiKeyValue":"s3cret"}}}"#,
                ErrorCode.validation, "BasicAuthParameters"),
            (#"{"AuthParameters":{"BasicAuthParameters":{"Username":"u:x","Password":"s3cret"}}}"#, .validation,
                "authParameters"),
            (#"{"AuthorizationType":"NONE"}"#, .validation, "authorizationType"),
            (#"{"InvocationConnectivityParameters":{}}"#, .unsupportedOperation, "InvocationConnectivityParameters"),
            (#"{"Name":"c"}"#, .resourceAlreadyExists, "Connection c already exists."),
        ])
    func refused(changes: String, code: ErrorCode, part: String) async throws {
        try await TestEvents.run { engine in
            try await create(engine)
            var input: JSON = [
                "Name": "n", "AuthorizationType": "BASIC",
                "AuthParameters": ["BasicAuthParameters": ["Username": "u", "Password": "s3cret"]],
            ]
            for member in try JSON(parsing: changes).object ?? JSONObject() { input[member.key] = member.value }
            let given = input
            let error = await refusal { try await engine.call("events:CreateConnection", given) }
            #expect(error?.code == code && error?.message.contains(part) == true, "\(error as Any)")
            #expect(error?.message.contains("s3cret") == false)
        }
    }

    @Test("Lists come by name, in pages, by prefix and by state")
    func lists() async throws {
        try await TestEvents.run { engine in
            for name in ["b2", "a", "b1"] { try await create(engine, name) }
            try await engine.call("events:DeauthorizeConnection", ["Name": "b1"])
            func names(_ input: JSON) async throws -> [JSON?] {
                let answer = try await engine.call("events:ListConnections", input)
                return (answer["Connections"]?.array ?? []).map { $0["Name"] }
            }
            #expect(try await names([:]) == ["a", "b1", "b2"])
            #expect(try await names(["NamePrefix": "b"]) == ["b1", "b2"])
            #expect(try await names(["ConnectionState": "DEAUTHORIZED"]) == ["b1"])
            let first = try await engine.call("events:ListConnections", ["Limit": 2])
            #expect(try await names(["NextToken": first["NextToken"] ?? .null]) == ["b2"])
        }
    }

    @Test("Destinations follow their connection: unknown ones are refused, those without one are inactive")
    func destinations() async throws {
        try await TestEvents.run { engine in
            try await create(engine)
            let arn = try await engine.call("events:DescribeConnection", ["Name": "c"])["ConnectionArn"] ?? .null
            func make(_ connection: JSON, endpoint: String = "https://x.test/*") async throws -> JSON {
                try await engine.call(
                    "events:CreateApiDestination",
                    [
                        "Name": "d", "ConnectionArn": connection, "InvocationEndpoint": .string(endpoint),
                        "HttpMethod": "GET",
                    ])
            }
            let other: JSON = "arn:aws:events:us-east-1:123456789012:connection/c/0"
            let missing = await refusal { try await make(other) }
            #expect(missing?.code == .resourceNotFound)
            let scheme = await refusal { try await make(arn, endpoint: "ftp://x.test") }
            #expect(scheme?.code == .validation)
            #expect(try await make(arn)["ApiDestinationState"] == "ACTIVE")
            let again = await refusal { try await make(arn) }
            #expect(again?.code == .resourceAlreadyExists)
            let updated = try await engine.call(
                "events:UpdateApiDestination", ["Name": "d", "InvocationRateLimitPerSecond": 7])
            #expect(updated["ApiDestinationState"] == "ACTIVE")
            try await engine.call("events:DeleteConnection", ["Name": "c"])
            let shown = try await engine.call("events:DescribeApiDestination", ["Name": "d"])
            #expect(shown["ApiDestinationState"] == "INACTIVE" && shown["InvocationRateLimitPerSecond"] == 7)
            #expect(shown["InvocationEndpoint"] == "https://x.test/*" && shown["HttpMethod"] == "GET")
            let listed = try await engine.call("events:ListApiDestinations", ["ConnectionArn": arn])
            #expect(listed["ApiDestinations"]?.array?.count == 1)
        }
    }
}
