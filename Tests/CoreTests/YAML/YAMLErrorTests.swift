import Core
import Testing

@Suite struct YAMLErrorTests {
    struct Refusal: Sendable, CustomTestStringConvertible {
        var text: String
        var code: YAMLError.Code
        var line: Int
        var column: Int
        var fix: String

        init(_ text: String, _ code: YAMLError.Code, _ line: Int, _ column: Int, _ fix: String) {
            self.text = text
            self.code = code
            self.line = line
            self.column = column
            self.fix = fix
        }

        var testDescription: String { text.debugDescription }
    }

    @Test(
        "A mistake is named with its line, column and fix",
        arguments: [
            Refusal("a:\n\tb: 1", .syntax, 2, 1, "indent with spaces"),
            Refusal("a:\n  b: 1\n \tc: 1", .syntax, 3, 2, "indent with spaces"),
            Refusal("a: 1\n  b: 2", .syntax, 2, 4, "check the indentation"),
            Refusal("text: one: two", .syntax, 1, 10, "in quotes"),
            Refusal("a:\n    b: 1\n  c: 2", .syntax, 3, 3, "align this line"),
            Refusal("- a\nb: 1", .syntax, 2, 1, "align this line"),
            Refusal("a: @b", .syntax, 1, 4, "in quotes"),
            Refusal("a: [1, 2\nb: 3", .syntax, 2, 2, "brackets"),
            Refusal("a: \"b\\d\"", .syntax, 1, 6, "single quotes"),
            Refusal("a: 'b\nc: d\n", .syntax, 3, 1, "a quote is not closed"),
            Refusal("a: 1\nb: 2\na: 3", .duplicateKey, 3, 1, "it stands at line 1, column 1 already"),
            Refusal("a: {b: 1, \"b\": 2}", .duplicateKey, 1, 11, "it stands at line 1, column 5 already"),
            Refusal("a: {{ name }}", .keyNotScalar, 1, 4, "in quotes"),
            Refusal("a: {{ name }}/rest", .keyNotScalar, 1, 4, "in quotes"),
            Refusal("? [a, b]\n: c", .keyNotScalar, 1, 3, "single value"),
            Refusal("a: !Ref b", .tag, 1, 4, "!Ref is unknown"),
            Refusal("a: !Sub [b]", .tag, 1, 4, "write the value itself"),
            Refusal("a: !!binary aGk=", .tag, 1, 4, "leave the tag out"),
            Refusal("a: !!set {b}", .tag, 1, 4, "!!set"),
            Refusal("a: !!int text", .tag, 1, 4, "not of its type !!int"),
            Refusal("a: !!int 1.5", .tag, 1, 4, "!!int"),
            Refusal("a: .inf", .number, 1, 4, "in quotes"),
            Refusal("a: -.Inf", .number, 1, 4, "in quotes"),
            Refusal("a: .NaN", .number, 1, 4, "in quotes"),
            Refusal("a: *b", .alias, 1, 4, "no anchor '&b'"),
            Refusal("a: &b [*b]", .alias, 1, 8, "the value it stands in"),
            Refusal("a: {<<: 5}", .alias, 1, 9, "merges mappings only"),
            Refusal("", .notOneDocument, 1, 1, "no YAML value"),
            Refusal("# only words\n", .notOneDocument, 2, 1, "no YAML value"),
            Refusal("a: 1\n---\nb: 1", .notOneDocument, 2, 1, "keep one in a file"),
            Refusal("a: \u{7}", .syntax, 1, 4, "control characters"),
        ])
    func mistakes(refusal: Refusal) throws {
        let error = try #require(yamlError(refusal.text))
        #expect(error.code == refusal.code, "\(error)")
        #expect(error.position == TextPosition(line: refusal.line, column: refusal.column), "\(error)")
        #expect(error.message.contains(refusal.fix), "\(error)")
    }

    @Test("Invalid UTF-8 is refused at its place")
    func invalidUTF8() throws {
        let error = try #require(yamlError(Array("a: 1\nb: é".utf8) + [0xFF]))
        #expect(error.code == .invalidUTF8)
        #expect(error.position == TextPosition(line: 2, column: 5))
        #expect(yamlError([0xFE, 0xFF, 0x00, 0x61])?.code == .invalidUTF8)
        #expect(yamlError([0x61, 0x3A, 0x20, 0xED, 0xA0, 0x80])?.code == .invalidUTF8)
    }

    @Test("Nesting is accepted to the limit and refused beyond it, aliases included")
    func deepNesting() {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        #expect(yamlError(nested(Limits.jsonDepthMax)) == nil)
        #expect(yamlError(nested(Limits.jsonDepthMax + 1))?.code == .tooDeep)
        #expect(yamlError(String(repeating: "[", count: 1_000_000))?.code == .tooDeep)
        #expect(yamlError(String(repeating: "- ", count: 200_000))?.code == .tooDeep)
        #expect(yamlError(String(repeating: "{a: ", count: 2000))?.code == .tooDeep)

        let half = Limits.jsonDepthMax / 2
        let anchored = "a: &a \(nested(half))\nb: " + String(repeating: "[", count: half + 1) + "*a"
        #expect(yamlError(anchored)?.code == .tooDeep)
    }

    @Test("A billion laughs are refused")
    func aliasBomb() {
        var text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
        for level in 1...9 {
            let aliases = repeatElement("*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(yamlError(text)?.code == .tooLarge)
    }

    @Test("Many aliases of one long text are refused")
    func longTextBomb() {
        let long = String(repeating: "x", count: 100_000)
        let text = "a: &a \(long)\nb: [" + String(repeating: "*a, ", count: 1000) + "]"
        #expect(yamlError(text)?.code == .tooLarge)
    }

    @Test("Merge keys count as what they expand to")
    func mergeBomb() {
        var text = "m0: &m0 {k: v}\n"
        for level in 1...30 {
            text += "m\(level): &m\(level) {a: *m\(level - 1), <<: {b: *m\(level - 1)}}\n"
        }
        #expect(yamlError(text)?.code == .tooLarge)
    }

    @Test("More values than the limit are refused, the limit itself is accepted")
    func manyNodes() {
        let elements = String(repeating: "1,", count: Limits.yamlNodesMax - 1)
        #expect(yamlError("[\(elements)]") == nil)
        #expect(yamlError("[\(elements)1]")?.code == .tooLarge)
    }

    @Test("Any cut or changed text is read or refused, never more", arguments: [1, 2, 3])
    func mutations(seed: UInt64) {
        let text = Array(
            "a: &x {b: [1, 'two', \"th\\u00e9\"], <<: {c: ~}}\nd: |\n  e\n  f\n*x : g\n? h\n: !!str i\n".utf8)
        for length in text.indices { _ = yamlError(Array(text[..<length])) }
        var state = seed
        for _ in 0..<3000 {
            var changed = text
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                changed[Int(state >> 33) % changed.count] = UInt8(truncatingIfNeeded: state >> 20)
            }
            if let error = yamlError(changed) {
                #expect(error.position.line >= 1 && error.position.column >= 1, "seed \(seed): \(changed)")
            }
        }
    }
}
