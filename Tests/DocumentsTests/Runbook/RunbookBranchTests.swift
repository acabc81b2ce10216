import Core
import Documents
import Testing

@Suite struct RunbookBranchTests {
    static let head = """
        parameters:
          text: {type: String, default: Hello}
          number: {type: Integer, default: 5}
          flag: {type: Boolean, default: true}
          word: {type: String, default: 'True'}

        """

    @Test(
        "A choice is taken where its condition holds",
        arguments: [
            ("Variable: '{{ text }}', StringEquals: Hello", true),
            ("Variable: '{{ text }}', StringEquals: hello", false),
            ("Variable: '{{ text }}', EqualsIgnoreCase: hELLO", true), ("Variable: '{{ text }}', StartsWith: He", true),
            ("Variable: '{{ text }}', StartsWith: he", false), ("Variable: '{{ text }}', EndsWith: lo", true),
            ("Variable: '{{ text }}', EndsWith: Hello!", false), ("Variable: '{{ text }}', Contains: ell", true),
            ("Variable: 'x{{ text }}', StringEquals: 'x{{ text }}'", true),
            ("Variable: '{{ number }}', NumericEquals: 5.0", true),
            ("Variable: '{{ number }}', NumericGreater: 4", true),
            ("Variable: '{{ number }}', NumericGreater: 5", false),
            ("Variable: '{{ number }}', NumericLesser: 6", true), ("Variable: '{{ number }}', NumericLesser: 5", false),
            ("Variable: '{{ number }}', NumericGreaterOrEquals: 5", true),
            ("Variable: '{{ number }}', NumericLesserOrEquals: 4", false),
            ("Variable: '{{ flag }}', BooleanEquals: true", true),
            ("Variable: '{{ flag }}', BooleanEquals: 'false'", false),
            ("Variable: '{{ word }}', BooleanEquals: true", true),
            ("Not: {Variable: '{{ flag }}', BooleanEquals: true}", false),
            (
                "And: [{Variable: '{{ flag }}', BooleanEquals: true}, {Variable: '{{ number }}', NumericEquals: 5}]",
                true
            ),
            (
                "And: [{Variable: '{{ flag }}', BooleanEquals: true}, {Variable: '{{ number }}', NumericEquals: 6}]",
                false
            ),
            ("Or: [{Variable: '{{ number }}', NumericEquals: 6}, {Variable: '{{ flag }}', BooleanEquals: true}]", true),
            ("Or: [{Not: {Variable: '{{ number }}', NumericEquals: 5}}]", false),
        ])
    func conditions(condition: String, holds: Bool) throws {
        let choice = "Choices: [{NextStep: yes_, \(condition)}], Default: no_"
        var machine = try RunbookScript.machine(
            ["name: a, action: 'aws:branch', inputs: {\(choice)}", "name: yes_, isEnd: true", "name: no_"],
            head: Self.head)
        #expect(try RunbookScript.run(&machine).started == [holds ? "yes_" : "no_"])
        #expect(machine.steps[0].status == .success)
        #expect(machine.steps[0].nextStep == (holds ? "yes_" : "no_"))
    }

    @Test(
        "A variable that does not fit its operator fails the step",
        arguments: [
            "Variable: '{{ number }}', StringEquals: '5'", "Variable: '{{ text }}', NumericEquals: 5",
            "Variable: '{{ text }}', BooleanEquals: true", "Variable: '{{ flag }}', Contains: t",
            "Variable: '{{ number }}', NumericEquals: '5'",
        ])
    func mistypes(condition: String) throws {
        var machine = try RunbookScript.machine(
            ["name: a, action: 'aws:branch', inputs: {Choices: [{NextStep: b, \(condition)}]}", "name: b"],
            head: Self.head)
        #expect(machine.start(now: RunbookScript.start) == .finish(.failed))
        #expect(machine.failureMessage?.contains("compares") == true)
    }

    @Test("The first choice that holds is taken; without one a branch goes on, or ends")
    func order() throws {
        let inputs =
            "inputs: {Choices: [{NextStep: b, Variable: x, StringEquals: x}, "
            + "{NextStep: c, Variable: x, StringEquals: x}]}"
        var first = try RunbookScript.machine([
            "name: a, action: 'aws:branch', \(inputs)", "name: b, isEnd: true", "name: c",
        ])
        #expect(try RunbookScript.run(&first).started == ["b"])

        let none = "action: 'aws:branch', inputs: {Choices: [{NextStep: c, Variable: x, StringEquals: y}]}"
        var fallsThrough = try RunbookScript.machine(["name: a, \(none)", "name: b, isEnd: true", "name: c"])
        #expect(try RunbookScript.run(&fallsThrough).started == ["b"])
        var jumps = try RunbookScript.machine(["name: a, nextStep: c, \(none)", "name: b", "name: c"])
        #expect(try RunbookScript.run(&jumps).started == ["c"])
        var ends = try RunbookScript.machine(["name: a, isEnd: true, \(none)", "name: b", "name: c"])
        #expect(try RunbookScript.run(&ends).started == [])
        #expect(ends.status == .success)
    }
}
