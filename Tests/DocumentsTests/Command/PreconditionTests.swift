import Core
import Testing

@testable import Documents

@Suite struct PreconditionTests {
    @Test(
        "A precondition holds, skips or fails the step",
        arguments: [
            (nil, "holds"), (.null, "holds"), ([:], "holds"),
            (["StringEquals": ["platformType", "Linux"]], "holds"),
            (["StringEquals": ["linux", "platformType"]], "holds"),
            (["StringEquals": ["platformType", "Windows"]], "skips"),
            (["StringEquals": ["platformType", "{{ p }}"]], "fails"),
            (["StringEquals": ["platformType", "{{ unknown }}"]], "skips"),
            (["StringEquals": ["{{ p }}", "x"]], "holds"),
            (["StringEquals": ["{{ p }}", "X"]], "skips"),
            (["StringEquals": ["-{{ p }}{{ q }}-", "-xy-"]], "holds"),
            (["StringEquals": ["{{ p }}", "{{ q }}"]], "skips"),
            (["StringEquals": ["{{ p }}", "{{ p }}"]], "fails"),
            (["StringEquals": ["platformType", "platformType"]], "fails"),
            (["StringEquals": ["a", "b"]], "fails"),
            (["StringEquals": ["{{ unknown }}", "b"]], "fails"),
            (["StringEquals": ["{{ p }}", "{{ssm:x}}"]], "fails"),
            (["StringEquals": ["{{ p }}"]], "fails"),
            (["StringEquals": ["{{ p }}", "a", "b"]], "fails"),
            (["StringEquals": ["{{ p }}", 5]], "fails"),
            (["StringEquals": "{{ p }}"], "fails"),
            (["StringLike": ["platformType", "Linux"]], "fails"),
            ("platformType", "fails"),
        ] as [(JSON?, String)])
    func outcomes(precondition: JSON?, expected: String) throws {
        let document = try document(
            """
            schemaVersion: '2.2'
            parameters: {p: {type: String, default: x}, q: {type: String, default: y}}
            mainSteps: [{name: a, action: 'aws:runShellScript', inputs: {runCommand: b}}]
            """)
        let parameters = try Parameters(binding: [String: [String]](), to: document)
        let outcome = Precondition(scope: CommandScope(parameters: parameters), platform: "Linux")
            .evaluate(precondition)
        let name =
            switch outcome {
            case .holds: "holds"
            case .skips: "skips"
            case .fails: "fails"
            }
        #expect(name == expected, "\(outcome)")
    }
}
