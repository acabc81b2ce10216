import Core
import Testing

@Suite("Functions of templates in YAML") struct YAMLFunctionTests {
    private func read(_ text: String) throws -> JSON {
        try Node(parsingYAML: Array(text.utf8), hasFunctions: true).json
    }

    @Test("A tag is the function that it names", arguments: [
        ("!Ref a", ["Ref": "a"] as JSON), ("!Ref 5", ["Ref": "5"]), ("!Condition c", ["Condition": "c"]),
        ("!Sub 'x ${y}'", ["Fn::Sub": "x ${y}"]), ("!GetAtt a.b", ["Fn::GetAtt": ["a", "b"]]),
        ("!GetAtt a.b.c", ["Fn::GetAtt": ["a", "b.c"]]), ("!GetAtt [a, b]", ["Fn::GetAtt": ["a", "b"]]),
        ("!Join ['', [a, !Ref b]]", ["Fn::Join": ["", ["a", ["Ref": "b"]]]]),
        ("!If [c, {x: 1}, !Ref AWS::NoValue]", ["Fn::If": ["c", ["x": 1], ["Ref": "AWS::NoValue"]]]),
        ("k: !Select\n  - 0\n  - !Split [',', a]", ["k": ["Fn::Select": [0, ["Fn::Split": [",", "a"]]]]]),
        ("a: &x !Ref p\nb: *x", ["a": ["Ref": "p"], "b": ["Ref": "p"]]), ("! 5", "5"), ("!!str 5", "5"),
    ] as [(String, JSON)])
    func tags(text: String, expected: JSON) throws {
        #expect(try read(text) == expected)
    }

    @Test("The function stands where its tag stands") func positions() throws {
        let node = try Node(parsingYAML: Array("a:\n  b: !GetAtt x.y\n".utf8), hasFunctions: true)
        let function = try #require(node["a"]?["b"])
        #expect(function.position == TextPosition(line: 2, column: 6))
        #expect(function.member("Fn::GetAtt")?.keyPosition == function.position)
    }

    @Test("Where functions have no meaning, their tags are mistakes", arguments: [
        "!Ref a", "!Sub [a]", "k: !If {a: 1}",
    ])
    func refused(text: String) {
        #expect(throws: YAMLError.self) { try Node(parsingYAML: Array(text.utf8)) }
    }
}
