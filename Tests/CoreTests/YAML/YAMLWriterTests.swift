import Core
import Testing

@Suite struct YAMLWriterTests {
    @Test(
        "Values are written so that people read them easily",
        arguments: [
            (
                ["a": "b", "list": [1, "x", ["k": "v", "l": []]], "empty": [:]],
                "a: b\nlist:\n  - 1\n  - x\n  - k: v\n    l: []\nempty: {}\n"
            ),
            (["script": "one\ntwo\n", "open": "one\ntwo"], "script: |\n  one\n  two\nopen: |-\n  one\n  two\n"),
            (
                ["quoted": ["yes", "5", "", " a", "a: b", "a #b", "{{ x }}", "-"]],
                "quoted:\n  - \"yes\"\n  - \"5\"\n  - \"\"\n  - \" a\"\n  - \"a: b\"\n"
                    + "  - \"a #b\"\n  - \"{{ x }}\"\n  - \"-\"\n"
            ),
            ([["a", ["b"]], nil, true], "- - a\n  - - b\n- null\n- true\n"),
            ("aws:runShellScript", "aws:runShellScript\n"),
        ] as [(JSON, String)])
    func written(value: JSON, text: String) throws {
        #expect(value.yamlText == text)
        #expect(try Node(parsingYAML: Array(text.utf8)).json == value)
    }

    @Test("Any value reads back as it was", arguments: [UInt64](1...8))
    func roundTrip(seed: UInt64) throws {
        print("seed \(seed)")
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let pieces = [
            "a", "Z", "0", " ", "\n", ":", "#", "-", "\"", "'", "{", "]", "é", "\t", "true", "null", "~", "\u{85}",
            "\u{2028}",
            "|", ">", "&", "*", "!", "%", "@", "`", ",", "?", "\\", "\u{7F}", "\u{1}", "\r", "😀", "=", "<<", "1e3",
            "0x1", ".",
        ]
        func text() -> String { (0..<random(8)).map { _ in pieces[random(pieces.count)] }.joined() }
        func value(_ depth: Int) -> JSON {
            switch random(depth > 4 ? 4 : 7) {
            case 0, 1: return .string(text())
            case 2: return .integer(random(1000) - 500)
            case 3: return ([.null, true, false, 1.5] as [JSON])[random(4)]
            case 4, 5:
                var object = JSONObject()
                for _ in 0..<random(4) { object[text()] = value(depth + 1) }
                return .object(object)
            default: return .array((0..<random(4)).map { _ in value(depth + 1) })
            }
        }
        for _ in 0..<300 {
            let original = value(0)
            #expect(try Node(parsingYAML: Array(original.yamlText.utf8)).json == original, "\(original.yamlText)")
        }
    }
}
