internal import Core
@testable internal import Patterns
import Testing

@Suite struct ExplanationTests {
    private func explain(_ pattern: String, _ event: String) throws -> Explanation {
        try Pattern(parsing: pattern).explain(Array(event.utf8))
    }

    @Test func `The first path and operator that failed are named with what was found`() throws {
        let explanation = try explain(
            #"{"source":["s"],"detail":{"state":["stopped",{"prefix":"term"}]}}"#,
            #"{"source":"s","detail":{"state":"running"}}"#)
        #expect(!explanation.matches)
        let first = explanation.description.split(separator: "\n").first
        #expect(
            first == #"does not match: at detail.state, equals "stopped" or prefix "term" failed; found "running""#)
    }

    @Test func `A container is no value`() throws {
        let explanation = try explain(#"{"a":[{"exists":true}]}"#, #"{"a":{"b":1}}"#)
        #expect(explanation.description.contains("an object, which is no value"))
    }

    @Test func `Fields spread over the elements of an array are told apart from fields that fail`() throws {
        let explanation = try explain(
            #"{"e":{"f":["Anna"],"l":["Jones"]}}"#, #"{"e":[{"f":"Anna","l":"Smith"},{"f":"Bo","l":"Jones"}]}"#)
        #expect(!explanation.matches)
        #expect(explanation.branches[0].isSpreadOverElements)
        #expect(
            explanation.description == """
                does not match: each field matches, but not within the same element of an array
                  ✓ e.f: equals "Anna"; found "Anna" at e[0].f, "Bo" at e[1].f
                  ✓ e.l: equals "Jones"; found "Smith" at e[0].l, "Jones" at e[1].l
                """)
    }

    @Test func `Keys with dots are found however the event nests them`() throws {
        let explanation = try explain(
            #"{"a":{"b":{"c":[1]}}}"#, #"{"a.b":{"c":2},"a":{"b":[{"c":3},4],"b.c":[[],[5]]},"a.b.c":{}}"#)
        let found = explanation.branches[0].fields[0].values.map { "\($0.place) \($0.text)" }
        #expect(found == ["a.b.c 2", "a.b[0].c 3", "a.b.c[1][0] 5"])
    }

    @Test func `Each branch of an or is judged`() throws {
        let explanation = try explain(#"{"$or":[{"a":[1]},{"b":[{"numeric":[">",5]}]}]}"#, #"{"b":7}"#)
        #expect(explanation.branches.map(\.matches) == [false, true])
        #expect(explanation.decisiveBranch.label == "$or[1]")
    }
}
