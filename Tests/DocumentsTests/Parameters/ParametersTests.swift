import Core
import Documents
import Testing

@Suite struct ParametersTests {
    /// A runbook with one parameter `p` of this declaration.
    func declared(_ declaration: String) throws -> Document {
        try document(
            runbookText(
                "  - {name: a, action: 'aws:sleep', inputs: {Duration: PT0S}}\n", "parameters: {p: \(declaration)}\n"))
    }

    @Test(
        "A value is read in its typed form and in the form of the API",
        arguments: [
            ("String", "x", "x"), ("String", ["x"], "x"), ("String", [""], ""), ("String", 5, "5"),
            ("String", true, "true"), ("AWS::IAM::Role::Arn", ["arn"], "arn"), ("String", ["{}"], "{}"),
            ("StringList", ["a", "b"], ["a", "b"]), ("StringList", [], []), ("StringList", "a", ["a"]),
            ("StringList", [1, true], ["1", "true"]), ("List<AWS::EC2::Instance::Id>", ["i"], ["i"]),
            ("Integer", 5, 5), ("Integer", ["-5"], -5), ("Integer", ["5.0"], 5), ("Boolean", true, true),
            ("Boolean", ["False"], false), ("StringMap", ["a": ["b": 1]], ["a": ["b": 1]]),
            ("StringMap", ["{\"a\": 1}"], ["a": 1]), ("StringMap", "", [:]), ("MapList", [["a": 1]], [["a": 1]]),
            ("MapList", ["{\"a\": 1}", "{\"b\": 2}"], [["a": 1], ["b": 2]]),
            ("MapList", ["[{\"a\": 1}, {\"b\": 2}]"], [["a": 1], ["b": 2]]), ("MapList", [], []),
        ] as [(String, JSON, JSON)])
    func forms(type: String, supplied: JSON, expected: JSON) throws {
        let parameters = try Parameters(
            binding: JSONObject([.init(key: "p", value: supplied)]), to: declared("{type: '\(type)'}"))
        #expect(parameters["p"] == expected)
    }

    @Test(
        "A value of another type is refused",
        arguments: [
            ("String", ["x", "y"]), ("String", [:]), ("String", []), ("StringList", ["a": "b"]), ("StringList", [[]]),
            ("Integer", ["x"]), ("Integer", [""]), ("Integer", 5.5), ("Boolean", ["yes"]), ("Boolean", 1),
            ("StringMap", ["[]"]), ("StringMap", ["{"]), ("StringMap", 5), ("MapList", ["x"]), ("MapList", ["[1]"]),
            ("MapList", [1]), ("Integer", nil),
        ] as [(String, JSON)])
    func mistypes(type: String, supplied: JSON) throws {
        let document = try declared("{type: \(type)}")
        let error = #expect(throws: DocumentError.self) {
            try Parameters(binding: JSONObject([.init(key: "p", value: supplied)]), to: document)
        }
        #expect(error?.code == .invalidParameters)
        #expect(error?.message.hasPrefix("the parameter \"p\" must be of type \(type)") == true)
    }

    @Test(
        "A constraint is checked, for lists in each element",
        arguments: [
            ("{type: String, allowedValues: [a, 5, true]}", ["5"], nil),
            ("{type: String, allowedValues: [a, b]}", ["c"], "is \"c\", allowed are \"a\", \"b\""),
            ("{type: StringList, allowedValues: [a, b]}", ["b", "a"], nil),
            ("{type: StringList, allowedValues: [a, b]}", ["b", "c"], "is \"c\", allowed"),
            ("{type: String, allowedPattern: 'b+'}", ["abc"], nil),
            ("{type: String, allowedPattern: '^b+$'}", ["abc"], "does not match its allowedPattern ^b+$"),
            ("{type: String, allowedPattern: '^b+$'}", [""], "does not match"),
            ("{type: StringList, allowedPattern: '^b$'}", ["b", "c"], "is \"c\", which does not match"),
            ("{type: StringMap, allowedPattern: '\"a\"'}", ["{\"b\":1}"], "does not match"),
            ("{type: String, allowedPattern: '^(a+)+$'}", ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"], "takes too long"),
            ("{type: String, minChars: 2, maxChars: '3'}", ["éé"], nil),
            ("{type: String, minChars: 2}", ["a"], "has 1 characters, allowed are 2 or more"),
            ("{type: StringList, maxChars: 1}", ["a", "bc"], "has 2 characters, allowed are 0 to 1"),
            ("{type: StringList, minItems: 1, maxItems: 2}", [], "has 0 items, allowed are 1 to 2"),
            ("{type: MapList, maxItems: 1}", ["{}", "{}"], "has 2 items"),
            ("{type: StringMap, minItems: 1}", ["{}"], "has 0 items"),
            ("{type: Integer, minValue: 1, maxValue: 5}", ["5"], nil),
            ("{type: Integer, maxValue: 5}", ["6"], "is 6, allowed are 5 or less"),
            ("{type: String, default: x}", nil, nil),
            ("{type: String, default: ''}", nil, nil),
            ("{type: String}", nil, "is required and was not supplied"),
            ("{type: String, default: x, allowedPattern: y}", nil, "does not match"),
        ] as [(String, [String]?, String?)])
    func constraints(declaration: String, supplied: [String]?, refusal: String?) throws {
        let document = try declared(declaration)
        var error: DocumentError?
        do throws(DocumentError) {
            _ = try Parameters(binding: supplied.map { ["p": $0] } ?? [:], to: document)
        } catch let caught {
            error = caught
        }
        guard let refusal else {
            #expect(error == nil)
            return
        }
        #expect(error?.code == .invalidParameters)
        #expect(error?.message.hasPrefix("the parameter \"p\" ") == true)
        #expect(error?.message.contains(refusal) == true, "\(String(describing: error))")
    }

    @Test("An undeclared parameter is refused with those there are")
    func undeclared() throws {
        let document = try declared("{type: String, default: x}")
        let error = #expect(throws: DocumentError.self) { try Parameters(binding: ["q": ["x"]], to: document) }
        #expect(error?.message == "the document has no parameter \"q\"; it has: p")
    }

    @Test(
        "A value that refers to Parameter Store is checked once it is known",
        arguments: [
            ("{type: String, allowedPattern: '^[0-9]+$', default: '{{ssm:n}}'}", nil, "7"),
            ("{type: Integer, maxValue: 9}", ["{{ ssm:n }}"], 7),
            ("{type: StringList, maxItems: 3}", ["{{ssm:l}}", "c{{ssm:n}}"], ["a", "b", "c7"]),
            ("{type: StringMap}", [#"{"k": "{{ssm:n}}"}"#], ["k": "7"]),
            ("{type: String}", ["{{ssm:l}}"], "a,b"),
        ] as [(String, [String]?, JSON)])
    func stored(declaration: String, supplied: [String]?, expected: JSON) throws {
        let document = try declared(declaration)
        let bound = try Parameters(binding: supplied.map { ["p": $0] } ?? [:], to: document)
        #expect(!bound.storedNames.isEmpty)
        let stored = StoredParameters(["n": .text("7"), "l": .list("a,b")])
        #expect(try bound.resolving(stored, in: document)["p"] == expected)
    }

    @Test(
        "A stored value that a parameter does not allow is refused with the parameter's name",
        arguments: [
            ("{type: String, allowedPattern: '^[a-z]+$', default: '{{ssm:n}}'}", "does not match its allowedPattern"),
            ("{type: Boolean, default: '{{ssm:n}}'}", "must be of type Boolean"),
            ("{type: StringList, maxItems: 1, default: '{{ssm:l}}'}", "has 2 items"),
        ])
    func storedRefusals(declaration: String, refusal: String) throws {
        let document = try declared(declaration)
        let bound = try Parameters(binding: [:] as [String: [String]], to: document)
        let error = #expect(throws: DocumentError.self) {
            try bound.resolving(StoredParameters(["n": .text("7"), "l": .list("a,b")]), in: document)
        }
        #expect(error?.code == .invalidParameters)
        #expect(error?.message.hasPrefix("the parameter \"p\" ") == true)
        #expect(error?.message.contains(refusal) == true, "\(String(describing: error))")
    }

    @Test("Bound values go back to the API as lists of texts")
    func texts() throws {
        let document = try declared("{type: MapList}")
        let parameters = try Parameters(binding: ["p": ["[{\"a\":1},{\"b\":2}]"]], to: document)
        #expect(parameters.texts == ["p": ["{\"a\":1}", "{\"b\":2}"]])
    }
}
