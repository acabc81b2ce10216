import Core
import Events
import Testing

@Suite struct InputTransformerTests {
    /// Variables for the members of the sample event's detail, and one for a path that it lacks.
    static let paths: JSON = [
        "userId": "$.detail.userId", "payload": "$.detail.payload", "list": "$.detail.list",
        "states": "$.detail.states", "valid": "$.detail.valid", "count": "$.detail.count",
        "nothing": "$.detail.nothing", "hostile": "$.detail.hostile", "empty": "$.detail.empty",
        "nested": "$.detail.nested", "second_ARN-1": "$.resources[1]", "type": "$.detail-type",
        "missing": "$.detail.missing",
    ]

    static let rows: [(template: String, output: String)] = [
        // The table of the specification, row by row.
        (#"{"id": <userId>}"#, #"{"id": "0a78"}"#),
        (#"{"id": "<userId>"}"#, #"{"id": "0a78"}"#),
        (#"{"p": "u/<userId>/x/<userId>"}"#, #"{"p": "u/0a78/x/0a78"}"#),
        (#"{"b": <payload>}"#, #"{"b": {"acc_id":"0a78","sf_id":"baz"}}"#),
        (#"{"l": <list>}"#, #"{"l": ["HIGH"]}"#),
        (#""Payload of <payload>""#, #""Payload of {acc_id:0a78,sf_id:baz}""#),
        (#""<list>""#, #""[HIGH]""#),
        (#""States: <states>""#, #""States: [ACTIVE,INACTIVE]""#),
        (#""Command is <valid>!""#, #""Command is true!""#),
        // The service drops this one, because there the quotes break the JSON; here they are escaped.
        (#"{"payload": "<payload>"}"#, #"{"payload": "{\"acc_id\":\"0a78\",\"sf_id\":\"baz\"}"}"#),

        // Other types, as values and inside strings.
        (#"{"v": <valid>, "c": <count>, "n": <nothing>}"#, #"{"v": true, "c": 2.50, "n": null}"#),
        (#"{"s": "<valid> <count> <nothing>"}"#, #"{"s": "true 2.50 null"}"#),
        (#"{"a": [<second_ARN-1>, "<second_ARN-1>"]}"#, #"{"a": ["arn:b", "arn:b"]}"#),
        ("<userId>", #""0a78""#),
        (" <payload>\n", " {\"acc_id\":\"0a78\",\"sf_id\":\"baz\"}\n"),

        // What the event lacks is empty.
        (#"{"m": <missing>, "s": "[<missing>]"}"#, #"{"m": "", "s": "[]"}"#),
        (#""missing: <missing>.""#, #""missing: .""#),
        (#"{"e": <empty>}"#, #"{"e": ""}"#),

        // Values never break the string they stand in.
        (#"{"h": "<hostile>"}"#, #"{"h": "say \"hi\"\\\n</b> \u0001é"}"#),
        (#"{"h": <hostile>}"#, #"{"h": "say \"hi\"\\\n</b> \u0001é"}"#),
        (#""<hostile>""#, #""say \"hi\"\\\n</b> \u0001é""#),
        (#""<type>: <nested>""#, #""Order \"placed\": {q:a b \\ c\n,n:[1,[null,false]]}""#),

        // Lines of strings stay lines.
        ("\"<userId> is\"\n\"in <states>\"", "\"0a78 is\"\n\"in [ACTIVE,INACTIVE]\""),
        ("\n\"one\"\r\n\n  \"two <valid>\"  \n", "\n\"one\"\r\n\n  \"two true\"  \n"),

        // Only a name between angle brackets is a placeholder, and escapes do not hide one.
        (#"{"s": "a < b > c, 1<2, <>, <a b>, <", "t": "\"<userId>\""}"#,
         #"{"s": "a < b > c, 1<2, <>, <a b>, <", "t": "\"0a78\""}"#),
        (#"{"constant": [1, "x"]}"#, #"{"constant": [1, "x"]}"#),
        (#"{"é": "→<userId>←"}"#, #"{"é": "→0a78←"}"#),

        // Reserved variables.
        (#"{"r": "<aws.events.rule-name>", "a": <aws.events.rule-arn>, "i": <aws.events.event.ingestion-time>}"#,
         #"{"r": "orders", "a": "arn:aws:events:us-east-1:123456789012:rule/orders", "i": "2026-01-02T03:04:06Z"}"#),
        (#""<aws.events.rule-name> at <aws.events.event.ingestion-time>""#, #""orders at 2026-01-02T03:04:06Z""#),
        (#"{"e": <aws.events.event>}"#,
         #"{"e": {"version":"0","id":"e1","detailType":"Order \"placed\"","source":"my.shop","account":"123456789012","#
            + #""time":"2026-01-02T03:04:05Z","region":"us-east-1","resources":["arn:a","arn:b"]}}"#),
        ("<aws.events.event.json>", Samples.event.text),
    ]

    @Test("Templates and what they make of the sample event", arguments: rows)
    func renders(template: String, output: String) throws {
        let input = try transformer(["InputPathsMap": InputTransformerTests.paths, "InputTemplate": .string(template)])
        #expect(try input.render(event: Samples.event, context: Samples.context) == output)
    }

    @Test func aTemplateWithoutVariablesNeedsNoMap() throws {
        for json: JSON in [["InputTemplate": "\"x\""], ["InputTemplate": "\"x\"", "InputPathsMap": nil]] {
            #expect(try transformer(json).render(event: Samples.event, context: Samples.context) == "\"x\"")
        }
    }

    static let refusedTemplates: [(template: String, code: TargetInputError.Code, message: String)] = [
        (#"{"id": <notThere>}"#, .placeholder, "InputTemplate for target t1 contains invalid placeholder notThere."),
        (#""<userId> <b>bold</b>""#, .placeholder, "InputTemplate for target t1 contains invalid placeholder b."),
        (#"{"id": <aws.events.other>}"#, .placeholder,
         "InputTemplate for target t1 contains invalid placeholder aws.events.other."),
        (#"{<userId>: 1}"#, .placeholder, "InputTemplate for target t1: placeholder userId cannot be a key"),
        (#"{"a": 1, "x <userId>" : 1}"#, .placeholder,
         "InputTemplate for target t1: placeholder userId cannot be a key"),
        (#"{"e": "<aws.events.event>"}"#, .placeholder,
         "InputTemplate for target t1: placeholder aws.events.event must stand as a value, outside of quotes"),
        (#""<aws.events.event.json>""#, .placeholder,
         "InputTemplate for target t1: placeholder aws.events.event.json must stand as a value, outside of quotes"),
        (#"{"id": <userId>"#, .template,
         "Invalid InputTemplate for target t1: expected ',' or '}', found the end of the text at line 1, column 16"),
        (#"{"é": <userId><valid>}"#, .template,
         "Invalid InputTemplate for target t1: expected ',' or '}', found '\"' at line 1, column 15"),
        ("{\n \"id\": x<userId>}", .template,
         "Invalid InputTemplate for target t1: expected a JSON value, found 'x' at line 2, column 8"),
        ("The <userId> is", .template,
         "Invalid InputTemplate for target t1: expected a JSON value, found 'T' at line 1, column 1"),
        ("\"one\"\n\"two", .template,
         "Invalid InputTemplate for target t1: the string is not closed at line 2, column 5"),
        ("\"one\" \"two\"", .template,
         "Invalid InputTemplate for target t1: unexpected text after the JSON value at line 1, column 7"),
        ("{\"a\": < userId >}", .template,
         "Invalid InputTemplate for target t1: expected a JSON value, found '<' at line 1, column 7"),
        ("  ", .template,
         "Invalid InputTemplate for target t1: the text ends where a value is expected at line 1, column 3"),
    ]

    @Test("Templates refused, with the place", arguments: refusedTemplates)
    func refusesTemplate(template: String, code: TargetInputError.Code, message: String) {
        let json: JSON = ["InputPathsMap": InputTransformerTests.paths, "InputTemplate": .string(template)]
        #expect(throws: TargetInputError(code, message)) { try transformer(json) }
    }

    private static let names = "must be 1 to 256 letters, digits, '-' or '_' of ASCII"

    static let refusedShapes: [(json: JSON, code: TargetInputError.Code, message: String)] = [
        ("text", .transformer, "InputTransformer for target t1 must be an object"),
        ([:], .transformer,
         "InputTransformer for target t1 needs InputTemplate, a string of 1 to 8192 characters"),
        (["InputTemplate": ""], .transformer,
         "InputTransformer for target t1 needs InputTemplate, a string of 1 to 8192 characters"),
        (["InputTemplate": 1], .transformer,
         "InputTransformer for target t1 needs InputTemplate, a string of 1 to 8192 characters"),
        (["InputTemplate": "1", "InputPathMap": [:]], .transformer,
         "InputTransformer for target t1: unknown member 'InputPathMap'; write InputTemplate and InputPathsMap"),
        (["InputTemplate": "1", "InputPathsMap": ["$"]], .transformer,
         "InputPathsMap for target t1 must be an object with at most 100 variables"),
        (["InputTemplate": "1", "InputPathsMap": ["aws.x": "$"]], .transformer,
         "InputPathsMap for target t1: the name 'aws.x' \(names)"),
        (["InputTemplate": "1", "InputPathsMap": ["": "$"]], .transformer,
         "InputPathsMap for target t1: the name '' \(names)"),
        (["InputTemplate": "1", "InputPathsMap": ["é": "$"]], .transformer,
         "InputPathsMap for target t1: the name 'é' \(names)"),
        (["InputTemplate": "1", "InputPathsMap": ["a": 1]], .path,
         "InputPathsMap for target t1: the path of 'a' must be a string"),
        (["InputTemplate": "1", "InputPathsMap": ["a": "detail"]], .path,
         "InputPathsMap for target t1: the path of 'a': detail: a path begins with '$' at column 1"),
        (["InputTemplate": "1", "InputPathsMap": ["a": "$..b"]], .path,
         "InputPathsMap for target t1: the path of 'a': $..b: name one value; '[*]' and '..' are not allowed here"),
    ]

    @Test("Transformers refused", arguments: refusedShapes)
    func refusesShape(json: JSON, code: TargetInputError.Code, message: String) {
        #expect(throws: TargetInputError(code, message)) { try transformer(json) }
    }

    @Test func aTemplateHasLimitedLength() throws {
        let longest = "\"" + String(repeating: "é", count: 8190) + "\""
        _ = try transformer(["InputTemplate": .string(longest)])
        let error = #expect(throws: TargetInputError.self) {
            try transformer(["InputTemplate": .string(longest + " ")])
        }
        #expect(error?.code == .transformer)
    }

    @Test func aMapHasAHundredVariablesAtMost() throws {
        func map(_ count: Int) -> JSON {
            .object(JSONObject((1...count).map { JSONObject.Member(key: "v\($0)", value: "$.id") }))
        }
        let input = try transformer(["InputTemplate": "<v100>", "InputPathsMap": map(100)])
        #expect(try input.render(event: Samples.event, context: Samples.context) == "\"e1\"")
        #expect(throws: TargetInputError.self) {
            try transformer(["InputTemplate": "<v100>", "InputPathsMap": map(101)])
        }
        let longName = String(repeating: "n", count: 256)
        _ = try transformer(["InputTemplate": "1", "InputPathsMap": [longName: "$"]])
        #expect(throws: TargetInputError.self) {
            try transformer(["InputTemplate": "1", "InputPathsMap": [longName + "n": "$"]])
        }
    }

    @Test func aPayloadThatRepeatsALargeEventIsRefused() throws {
        let event: JSON = ["id": "e1", "detail": ["text": .string(String(repeating: "x", count: 1 << 20))]]
        let once = try transformer(["InputTemplate": "<aws.events.event.json>"])
        #expect(try once.render(event: event, context: Samples.context) == event.text)

        let often = "[" + Array(repeating: "<aws.events.event.json>", count: 300).joined(separator: ",") + "]"
        let error = #expect(throws: TargetInputError.self) {
            try transformer(["InputTemplate": .string(often)]).render(event: event, context: Samples.context)
        }
        #expect(error?.code == .tooLarge)
        #expect(error?.message == "InputTemplate for target t1 makes more than 2097152 bytes of this event")
    }

    @Test func aResultThatIsNoJSONIsAnErrorWithAReason() throws {
        // As deep as JSON may be; one level more is not read by anyone.
        let depth = Limits.jsonDepthMax
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let event = try JSON(parsing: text)
        let bare = try transformer(["InputTemplate": "<aws.events.event.json>"])
        #expect(try bare.render(event: event, context: Samples.context) == text)

        let error = #expect(throws: TargetInputError.self) {
            try transformer(["InputTemplate": #"{"e":<aws.events.event.json>}"#])
                .render(event: event, context: Samples.context)
        }
        #expect(error?.code == .notJSON)
        #expect(error?.message == "InputTemplate for target t1 makes no JSON of this event:"
            + " nesting is deeper than \(depth) levels at line 1, column \(depth + 5)")
    }

    @discardableResult
    private func transformer(_ json: JSON) throws -> TargetInput {
        try TargetInput(input: nil, inputPath: nil, inputTransformer: json, targetId: "t1")
    }
}
