import Core
import Testing

@testable import Documents

@Suite struct CommandScopeTests {
    static let shell = "aws:runShellScript"
    static let head = """
        schemaVersion: '2.2'
        parameters:
          text: {type: String, default: 'a {{ other }} b'}
          other: {type: String, default: 'x'}
          lines: {type: StringList, default: [one, two]}
          number: {type: Integer, default: 5}
          flag: {type: Boolean, default: true}
          map: {type: StringMap, default: {k: [v, '{{ w }}']}}
          maps: {type: MapList, default: [{a: 1}]}
          dollars: {type: String, default: 'a$$b$$$$c$d$'}
          safe: {type: String, default: '; rm -rf /', interpolationType: ENV_VAR}
        mainSteps:
          - {name: s, action: 'aws:runShellScript', inputs: {runCommand: []}}
        """

    func scope() throws -> CommandScope {
        // A default may not name another parameter, so that the text comes from outside here.
        let text = Self.head.replacing("'a {{ other }} b'", with: "''")
        return CommandScope(
            parameters: try Parameters(binding: ["text": ["a {{ other }} b"]], to: try document(text)))
    }

    @Test(
        "A reference becomes the typed value where it is the whole text, and text within text",
        arguments: [
            ("{{ text }}", "a {{ other }} b"), ("<{{ text }}>", "<a {{ other }} b>"), ("{{lines}}", ["one", "two"]),
            ("{{ lines }}!", "[\"one\",\"two\"]!"), ("{{number}}", 5), ("{{ number }}{{ flag }}", "5true"),
            ("{{flag}}", true), ("{{map}}", ["k": ["v", "{{ w }}"]]), ("m={{map}}", "m={\"k\":[\"v\",\"{{ w }}\"]}"),
            ("{{maps}}", [["a": 1]]), ("{{unknown}}", "{{unknown}}"), ("{{ unknown }} {{other}}", "{{ unknown }} x"),
            ("{{.State}} {{ other", "{{.State}} {{ other"), ("{{ text }}{{ other }}", "a {{ other }} bx"),
            ("{{dollars}}", "a$$b$$$$c$d$"), ("-{{dollars}}", "-a$b$$c$d$"), ("$$ {{other}}", "$$ x"),
            (["{{lines}}", "{{other}}"], [["one", "two"], "x"]), (["{{other}}": "{{other}}"], ["{{other}}": "x"]),
            (5, 5), (nil, nil), ("{{safe}}", "; rm -rf /"),
        ] as [(JSON, JSON)])
    func resolve(value: JSON, expected: JSON) throws {
        #expect(try scope().resolve(value) == expected)
        #expect(
            try scope().resolve(inputs: ["workingDirectory": value], of: Self.shell) == ["workingDirectory": expected])
    }

    @Test("Lists within the lines of a script are flattened")
    func flattening() throws {
        #expect(
            try scope().resolve(inputs: ["runCommand": ["a", "{{ lines }}", "b"]], of: Self.shell) == [
                "runCommand": ["a", "one", "two", "b"]
            ])
        #expect(
            try scope().resolve(inputs: [["runCommand": "{{ lines }}"], "{{ map }}"], of: Self.shell) == [
                ["runCommand": ["one", "two"]], ["k": ["v", "{{ w }}"]],
            ])
    }

    @Test("An ENV_VAR argument never enters the script's text")
    func environment() throws {
        let script: JSON = ["runCommand": ["echo \"{{ safe }}\"", "{{safe}}", "{{other}}"]]
        #expect(
            try scope().resolve(inputs: script, of: "aws:runPowerShellScript") == [
                "runCommand": ["echo \"${env:SSM_safe}\"", "${env:SSM_safe}", "x"]
            ])
        let inputs = try scope().resolve(inputs: script, of: Self.shell)
        #expect(inputs == ["runCommand": ["echo \"${SSM_safe}\"", "${SSM_safe}", "x"]])
        #expect(try scope().environment == ["SSM_safe": "; rm -rf /"])
    }
}
