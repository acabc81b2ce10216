import Core
import Testing

/// The value a YAML text stands for.
func yaml(_ text: String) throws(YAMLError) -> JSON { try Node(parsingYAML: Array(text.utf8)).json }

/// The error a YAML text is refused with; nil where it is accepted.
func yamlError(_ bytes: [UInt8]) -> YAMLError? {
    do throws(YAMLError) {
        _ = try Node(parsingYAML: bytes)
        return nil
    } catch {
        return error
    }
}

func yamlError(_ text: String) -> YAMLError? { yamlError(Array(text.utf8)) }

@Suite struct YAMLParserTests {
    @Test(
        "Plain scalars have the type an author expects",
        arguments: [
            ("null", nil), ("~", nil), ("", nil), ("true", true), ("False", false),
            ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"),
            ("2026-02-03", "2026-02-03"), ("2026-02-03T04:05:06Z", "2026-02-03T04:05:06Z"), ("12:30:45", "12:30:45"),
            ("0644", "0644"), ("012345678901", "012345678901"), ("1_000", "1_000"), ("1.2.3", "1.2.3"),
            ("'5'", "5"), ("\"true\"", "true"), ("'null'", "null"), ("''", ""), ("! 5", "5"), ("!!str 5", "5"),
            ("a b", "a b"), ("0x", "0x"), ("0x-1", "0x-1"), ("0xFFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFF"),
            (".", "."), ("-.", "-."), ("+", "+"), ("e5", "e5"), ("1e", "1e"), ("1e+", "1e+"), ("tRuE", "tRuE"),
        ] as [(String, JSON)])
    func scalars(text: String, expected: JSON) throws {
        #expect(try yaml("key: \(text)")["key"] == expected)
    }

    @Test(
        "Numbers keep their spelling where JSON has it too",
        arguments: [
            ("0", "0"), ("-0", "-0"), ("17", "17"), ("+5", "5"), ("0.3", "0.3"), ("2.20", "2.20"),
            ("-1.50e+3", "-1.50e+3"), (".5", "0.5"), ("-.5", "-0.5"), ("5.", "5.0"), ("1e400", "1e400"),
            ("0x1F", "31"), ("0o17", "15"), ("1E5", "1E5"),
            ("123456789012345678901234567890", "123456789012345678901234567890"), ("!!int 7", "7"), ("!!float 7", "7"),
        ])
    func numbers(text: String, expected: String) throws {
        guard case .number(let number)? = try yaml("key: \(text)")["key"] else {
            Issue.record("\(text) is no number")
            return
        }
        #expect(number.text == expected)
        #expect(try JSON(parsing: number.text) == .number(number))
    }

    @Test("A number of very many digits is kept and breaks nothing")
    func hugeNumber() throws {
        let digits = String(repeating: "9", count: 100_000)
        let value = try yaml("n: \(digits)")["n"]
        #expect(value == .number(JSONNumber(uncheckedText: digits)))
        #expect(value?.int == nil)
    }

    @Test("Every value and key knows its line and column")
    func positions() throws {
        let node = try Node(parsingYAML: Array("# first\nname: é\nsteps:\n  - a\n  - key: 'b'\n".utf8))
        #expect(node.member("name")?.keyPosition == TextPosition(line: 2, column: 1))
        #expect(node["name"]?.position == TextPosition(line: 2, column: 7))
        #expect(node["steps"]?.elements?[0].position == TextPosition(line: 4, column: 5))
        #expect(node["steps"]?.elements?[1].member("key")?.keyPosition == TextPosition(line: 5, column: 5))
        #expect(node["steps"]?.elements?[1]["key"]?.position == TextPosition(line: 5, column: 10))
    }

    @Test("Block scalars keep and fold their lines")
    func blocks() throws {
        let value = try yaml("keep: |\n  a\n   b\n\nfold: >-\n  a\n  b\nstrip: |-\n  a\n")
        #expect(value == ["keep": "a\n b\n", "fold": "a b", "strip": "a"])
    }

    @Test("Keys that are no strings become their text")
    func keys() throws {
        #expect(try yaml("1: a\ntrue: b\n0.50: c\n~: d") == ["1": "a", "true": "b", "0.50": "c", "~": "d"])
    }

    @Test("Anchors and aliases repeat a value, at the anchor's place")
    func aliases() throws {
        let node = try Node(parsingYAML: Array("a: &x [1, {b: 2}]\nc: *x\n&k key: 1\nd: {*k : 3}".utf8))
        #expect(node.json == ["a": [1, ["b": 2]], "c": [1, ["b": 2]], "key": 1, "d": ["key": 3]])
        #expect(node["c"]?.position == TextPosition(line: 1, column: 4))
    }

    @Test("Merge keys add what the mapping and earlier sources lack")
    func merges() throws {
        let value = try yaml(
            """
            a: &a {x: 1, y: 1}
            b: &b {y: 2, z: 2}
            one: {<<: *a, x: 9}
            two: {<<: [*b, *a], w: 0}
            quoted: {'<<': *a}
            """)
        #expect(value["one"] == ["x": 9, "y": 1])
        #expect(value["two"] == ["w": 0, "y": 2, "z": 2, "x": 1])
        #expect(value["quoted"] == ["<<": ["x": 1, "y": 1]])
    }

    @Test("JSON is YAML")
    func json() throws {
        let text = #"{"a": [1, "b", null, true, {"c": "d\u00e9\n"}], "e": -2.50}"#
        #expect(try yaml(text) == JSON(parsing: text))
    }

    @Test("A file's name or first character chooses between JSON and YAML")
    func formats() throws {
        func parse(_ text: String, _ name: String?) throws(YAMLError) -> JSON {
            try Node(parsing: Array(text.utf8), fileName: name).json
        }
        #expect(try parse("a: 1", "x.yaml") == ["a": 1])
        #expect(try parse("a: 1", nil) == ["a": 1])
        #expect(try parse("\n {\"a\": 1}", nil) == ["a": 1])
        #expect(try parse("{a: 1}", "x.yml") == ["a": 1])
        #expect(throws: YAMLError.self) { try parse("{a: 1}", nil) }
        #expect(throws: YAMLError.self) { try parse("a: 1", "x.json") }
    }

    @Test("A repeated key in JSON is refused with both places")
    func repeatedInJSON() {
        let error = #expect(throws: YAMLError.self) {
            try Node(parsing: Array("{\"b\": [{\"a\": 1,\n \"a\": 2}]}".utf8), fileName: "rule.json")
        }
        #expect(error?.code == .duplicateKey)
        #expect(error?.message == "the key \"a\" is repeated, it stands at line 1, column 9 already")
        #expect(error?.position == TextPosition(line: 2, column: 2))
    }

    @Test(
        "A key that says the same twice is read once, and a byte order mark is passed over",
        arguments: [
            #"{"a": [1, {"b": 2, "b": 2}], "a": [1, {"b": 2}]}"#, "a: [1, {b: 2, b: 2}]\na: [1, {b: 2}]",
        ])
    func harmlessRepetition(text: String) throws {
        let expected: JSON = ["a": [1, ["b": 2]]]
        #expect(try Node(parsing: Array(text.utf8)).json == expected)
        #expect(try Node(parsing: [0xEF, 0xBB, 0xBF] + Array(text.utf8)).json == expected)
    }
}
