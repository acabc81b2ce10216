import Core
import Testing

@testable import Documents

@Suite struct StoredParametersTests {
    let stored = StoredParameters([
        "name": .text("web $(id)"), "/a/b:3": .text("old"), "hosts": .list("x,y z,"), "password": .secret,
    ])

    @Test("The names that a value refers to are found at any depth, each once and in order")
    func names() {
        let value: JSON = [
            "a": "{{ssm:b}} and {{ ssm:/c/d:2 }}", "{{ssm:key}}": ["{{ssm:b}}", ["{{ssm:e.f:label}}"], 7],
            "other": "{{ name }} {{global:DATE}} {{ssm-secure:s}}",
        ]
        #expect(StoredParameters.names(in: value) == ["b", "/c/d:2", "e.f:label"])
        #expect(StoredParameters.names(in: value, space: .secret) == ["s"])
    }

    @Test(
        "Values are inserted where they are referred to, and lists in the place of an element",
        arguments: [
            ("hello {{ssm:name}}!", "hello web $(id)!"), ("{{ ssm:/a/b:3 }}", "old"),
            (["{{ssm:hosts}}", "last"], ["x", "y z", "", "last"]), ("{{ssm:hosts}}", "x,y z,"),
            (["k": ["{{ssm:name}}"]], ["k": ["web $(id)"]]),
            ("{{other}} {{global:DATE}} {{ssm-secure:password}}", "{{other}} {{global:DATE}} {{ssm-secure:password}}"),
            ([1, true, .null], [1, true, .null]),
        ] as [(JSON, JSON)])
    func insertion(value: JSON, expected: JSON) throws {
        #expect(try stored.resolve(value) == expected)
    }

    @Test(
        "What is missing or may not stand where it does is refused by name",
        arguments: [
            ("{{ssm:nope}}", "Input contains invalid parameters [nope]"),
            ("{{ssm:/a/b}}", "Input contains invalid parameters [/a/b]"),
            (["a {{ssm:hosts}}"], "{{ssm:hosts}} is a StringList, which cannot stand within a text"),
            ("{{ssm:password}}", "{{ssm:password}} is a SecureString, whose value is not inserted"),
        ] as [(JSON, String)])
    func refusals(value: JSON, message: String) {
        let error = #expect(throws: DocumentError.self) { try stored.resolve(value) }
        #expect(error?.code == .invalidParameters)
        #expect(error?.message.hasPrefix(message) == true, "\(String(describing: error))")
    }

    @Test("A run needs what its arguments and its steps with them refer to, and inserts it once")
    func machine() throws {
        let text = """
            schemaVersion: '2.2'
            parameters:
              word: {type: String, default: '{{ssm:name}}', interpolationType: ENV_VAR}
              lines: {type: StringList}
            mainSteps:
              - action: aws:runShellScript
                name: one
                inputs: {runCommand: ['echo "{{word}}" {{ssm:/a/b:3}}', '{{lines}}']}
            """
        let document = try Document(parsing: Array(text.utf8))
        let parameters = try Parameters(binding: ["lines": ["{{ssm:hosts}}"]], to: document)
        var machine = CommandDocumentMachine(document: document, parameters: parameters, platform: "Linux")
        #expect(Set(machine.storedNames) == ["name", "/a/b:3", "hosts"])
        guard case .run(let step) = machine.start() else { throw StepMissing() }
        let run = try step.resolving(stored)
        #expect(run.inputs["runCommand"] == ["echo \"${SSM_word}\" old", "x", "y z", ""])
        #expect(run.environment == ["SSM_word": "web $(id)"])
    }

    private struct StepMissing: Error {}
}
