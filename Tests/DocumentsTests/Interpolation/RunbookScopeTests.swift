import Core
import Testing

@testable import Documents

@Suite struct RunbookScopeTests {
    func scope() throws -> RunbookScope {
        let steps = "  - {name: a, action: 'aws:sleep', inputs: {Duration: PT0S}}\n"
        let head = """
            parameters:
              names: {type: StringList, default: [x, y]}
              name: {type: String, default: n}
              count: {type: Integer, default: 2}

            """
        return RunbookScope(
            parameters: try Parameters(binding: [String: [String]](), to: try document(runbookText(steps, head))),
            variables: JSONObject([.init(key: "seen", value: true)]),
            outputs: ["look": JSONObject([.init(key: "Ids", value: ["i", "j"]), .init(key: "Nothing", value: nil)])],
            context: RunbookContext(executionID: "e-1", account: Account(id: "210987654321", region: "eu-north-1")),
            now: try #require(Timestamp(rfc3339: "2026-02-03T04:05:06Z")))
    }

    @Test(
        "A reference becomes its value",
        arguments: [
            ("{{ name }}", "n"), ("{{ count }}", 2), ("{{ names }}", ["x", "y"]), ("{{look.Ids}}", ["i", "j"]),
            ("{{ look.Nothing }}", nil), ("{{ variable:seen }}", true), ("is {{ variable:seen }}", "is true"),
            ("{{ global:DATE }}", "2026-02-03"), ("{{ global:DATE_TIME }}", "2026-02-03_04.05.06"),
            ("arn:{{global:AWS_PARTITION}}:{{global:REGION}}:{{global:ACCOUNT_ID}}", "arn:aws:eu-north-1:210987654321"),
            ("{{ automation:EXECUTION_ID }}", "e-1"), ("{{names}}/{{count}}", "[\"x\",\"y\"]/2"),
            (["{{ look.Ids }}"], ["i", "j"]), (["{{ name }}"], ["n"]), (["{{ look.Ids }}", "k"], [["i", "j"], "k"]),
            (["a": ["{{ names }}"], "b": ["c": "{{ count }}"]], ["a": ["x", "y"], "b": ["c": 2]]),
            ("{{.State}} {name}", "{{.State}} {name}"), (1.50, 1.50),
        ] as [(JSON, JSON)])
    func resolve(value: JSON, expected: JSON) throws {
        #expect(try scope().resolve(value) == expected)
    }

    @Test(
        "A reference without a value is an error that names it",
        arguments: ["other", "look.None", "later.Output", "variable:none", "global:TIME", "ssm:x"])
    func unresolved(name: String) throws {
        for value in ["{{ \(name) }}", "a {{ \(name) }}", ["{{ \(name) }}"]] as [JSON] {
            let error = #expect(throws: DocumentError.self) { try scope().resolve(value) }
            #expect(error?.code == .unresolvedReference)
            #expect(error?.message.hasPrefix("{{ \(name) }} ") == true)
        }
    }
}
