import Core
import Events
import Testing

@Suite struct TargetInputTests {
    private static let several = "Only one of Input, InputPath, or InputTransformer must be provided for target t1."

    @Test func withoutAnyFieldTheTargetReceivesTheEvent() throws {
        let input = try TargetInput(input: nil, inputPath: nil, inputTransformer: nil, targetId: "t1")
        #expect(try input.render(event: Samples.event, context: Samples.context) == Samples.event.text)
    }

    @Test func aConstantIsPassedAsItWasWritten() throws {
        for text in [#"{ "a" : [1, 2.50] }"#, #""text""#, "null", "[]"] {
            let input = try TargetInput(input: text, inputPath: nil, inputTransformer: nil, targetId: "t1")
            #expect(try input.render(event: Samples.event, context: Samples.context) == text)
        }
    }

    @Test func aConstantMustBeJSONOfLimitedLength() throws {
        let error = #expect(throws: TargetInputError.self) {
            try TargetInput(input: "{\n  key: 1}", inputPath: nil, inputTransformer: nil, targetId: "t1")
        }
        #expect(error?.code == .input)
        #expect(error?.message
            == "Input for target t1 is not JSON: expected a key in double quotes, found 'k' at line 2, column 3")

        // Characters are counted, not bytes.
        let longest = "\"" + String(repeating: "é", count: 8190) + "\""
        let input = try TargetInput(input: longest, inputPath: nil, inputTransformer: nil, targetId: "t1")
        #expect(try input.render(event: Samples.event, context: Samples.context) == longest)
        #expect(throws: TargetInputError(.input, "Input for target t1 is longer than 8192 characters")) {
            try TargetInput(input: longest + " ", inputPath: nil, inputTransformer: nil, targetId: "t1")
        }
    }

    @Test("A path passes the part of the event as JSON", arguments: [
        ("$", nil),
        ("$.detail-type", #""Order \"placed\"""#),
        ("$['detail-type']", #""Order \"placed\"""#),
        ("$.detail.payload", #"{"acc_id":"0a78","sf_id":"baz"}"#),
        ("$.resources[1]", #""arn:b""#),
        ("$.detail.count", "2.50"),
        ("$.detail.nothing", "null"),
    ] as [(String, String?)])
    func path(path: String, text: String?) throws {
        let input = try TargetInput(input: nil, inputPath: path, inputTransformer: nil, targetId: "t1")
        #expect(try input.render(event: Samples.event, context: Samples.context) == text ?? Samples.event.text)
    }

    @Test func aPathThatTheEventLacksIsAnErrorWithAReason() throws {
        let input = try TargetInput(input: nil, inputPath: "$.detail.x.y", inputTransformer: nil, targetId: "t1")
        let error = TargetInputError(.pathMissing, "InputPath for target t1: the event has no $.detail.x.y")
        #expect(throws: error) { try input.render(event: Samples.event, context: Samples.context) }
    }

    @Test("A path must lead to one value", arguments: [
        ("detail", "detail: a path begins with '$' at column 1"),
        ("$.detail[", "$.detail[: expected an index from 0, '*' or a name in quotes at column 10"),
        ("$.resources[*]", "$.resources[*]: name one value; '[*]' and '..' are not allowed here"),
        ("$..id", "$..id: name one value; '[*]' and '..' are not allowed here"),
    ])
    func refusesPath(path: String, reason: String) {
        #expect(throws: TargetInputError(.path, "InputPath for target t1: \(reason)")) {
            try TargetInput(input: nil, inputPath: path, inputTransformer: nil, targetId: "t1")
        }
    }

    @Test func aPathHasLimitedLength() throws {
        let longest = "$." + String(repeating: "é", count: 254)
        _ = try TargetInput(input: nil, inputPath: longest, inputTransformer: nil, targetId: "t1")
        #expect(throws: TargetInputError(.path, "InputPath for target t1 is longer than 256 characters")) {
            try TargetInput(input: nil, inputPath: longest + "e", inputTransformer: nil, targetId: "t1")
        }
    }

    @Test func onlyOneFieldMayBeGiven() {
        let transformer: JSON = ["InputTemplate": "\"x\""]
        let combinations: [(String?, String?, JSON?)] = [
            ("1", "$", nil), ("1", nil, transformer), (nil, "$", transformer), ("1", "$", transformer),
            // The conflict comes before what is wrong with each.
            ("{", "x", nil),
        ]
        for (input, path, transformer) in combinations {
            #expect(throws: TargetInputError(.conflictingFields, TargetInputTests.several)) {
                try TargetInput(input: input, inputPath: path, inputTransformer: transformer, targetId: "t1")
            }
        }
    }
}

/// An event that gives every type of value to the tests of this folder.
enum Samples {
    static let event: JSON = [
        "version": "0", "id": "e1", "detail-type": "Order \"placed\"", "source": "my.shop", "account": "123456789012",
        "time": "2026-01-02T03:04:05Z", "region": "us-east-1", "resources": ["arn:a", "arn:b"],
        "detail": [
            "userId": "0a78", "payload": ["acc_id": "0a78", "sf_id": "baz"], "list": ["HIGH"],
            "states": ["ACTIVE", "INACTIVE"], "valid": true, "count": .number(JSONNumber(uncheckedText: "2.50")),
            "nothing": nil, "hostile": "say \"hi\"\\\n</b> \u{1}é", "empty": "",
            "nested": ["q": "a \"b\" \\ c\n", "n": [1, [nil, false]]],
        ],
    ]

    static let context = TargetInput.Context(
        ruleARN: ARN(service: "events", region: "us-east-1", account: "123456789012", resource: "rule/orders"),
        ruleName: "orders", ingestionTime: Timestamp(microseconds: 1_767_323_046_789_000))
}
