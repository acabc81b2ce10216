import Core
import Documents
import Testing

@Suite struct RunbookOutputTests {
    static let response: JSON = [
        "State": "on", "Count": 2, "Flag": true, "Nothing": nil, "Map": ["a": 1],
        "List": [["Name": "x"], ["Name": "y"]], "Mixed": ["x", 1],
    ]

    /// The value of an output of this declaration, or the message of the step's failure.
    func output(_ declaration: String) throws -> (value: JSON?, failure: String?) {
        var machine = try RunbookScript.machine(
            ["name: a, outputs: [{Name: o, \(declaration)}]"], head: "outputs: [a.o]\n")
        _ = try RunbookScript.run(&machine, ["a": [.success(Self.response)]])
        return (machine.outputs["a.o"], machine.steps[0].failure?.message)
    }

    @Test(
        "A selector takes a typed value from the response",
        arguments: [
            ("Selector: $.State, Type: String", "on"), ("Selector: $.Count, Type: Integer", 2),
            ("Selector: $.Flag, Type: Boolean", true), ("Selector: $.Map, Type: StringMap", ["a": 1]),
            ("Selector: '$.List[0].Name', Type: String", "x"), ("Selector: $..Name, Type: StringList", ["x", "y"]),
            ("Selector: $.List, Type: MapList", [["Name": "x"], ["Name": "y"]]),
            ("Selector: $..None, Type: StringList", []), ("Selector: $.Nothing, Type: Integer", nil),
            ("Selector: $.State", "on"), ("Selector: $.Count", "2"), ("Selector: $.Map", "{\"a\":1}"),
        ] as [(String, JSON)])
    func selectors(declaration: String, expected: JSON) throws {
        let (value, failure) = try output(declaration)
        #expect(value == expected)
        #expect(failure == nil)
    }

    @Test(
        "A selector that leads nowhere, or to another type, fails the step",
        arguments: [
            ("Selector: $.None, Type: String", "\"o\" not found"),
            ("Selector: $.Count, Type: String", "declared String"),
            ("Selector: $.State, Type: Integer", "declared Integer"),
            ("Selector: $.Mixed, Type: StringList", "StringList"),
            ("Selector: $.Map, Type: MapList", "MapList"),
        ])
    func mistypes(declaration: String, message: String) throws {
        let (value, failure) = try output(declaration)
        #expect(value == nil)
        #expect(failure?.contains(message) == true)
    }

    @Test("Later steps get typed values, also of the action's own outputs and of the whole response")
    func references() throws {
        var machine = try RunbookScript.machine(
            [
                "name: a, action: 'aws:executeScript', inputs: {Runtime: bash, Script: x}",
                "name: b, outputs: [{Name: Names, Selector: $.N, Type: StringList}]",
                "name: c, inputs: {Service: s, Api: A, P: '{{ a.Payload }}', N: ['{{ b.Names }}'], O: '{{b.Output}}'}",
            ], head: "outputs: [a.Payload, c.Output]\n")
        _ = try RunbookScript.run(
            &machine, ["a": [.success(["Payload": ["k": 1]])], "b": [.success(["N": ["x", "y"]])]])
        #expect(
            machine.steps[2].inputs == [
                "Service": "s", "Api": "A", "P": ["k": 1], "N": ["x", "y"], "O": ["N": ["x", "y"]],
            ])
        #expect(machine.steps[2].inputTexts["P"] == "{\"k\":1}")
        #expect(machine.steps[1].outputTexts == ["Names": ["x", "y"]])
        #expect(
            machine.outputs
                == JSONObject([.init(key: "a.Payload", value: ["k": 1]), .init(key: "c.Output", value: [:])]))
    }

    @Test("A step that did not run has no outputs in the end")
    func absent() throws {
        var machine = try RunbookScript.machine(
            ["name: a, isEnd: true", "name: b"], head: "outputs: [a.Output, b.Output]\n")
        _ = try RunbookScript.run(&machine, ["a": [.success(["x": 1])]])
        #expect(machine.outputs == JSONObject([.init(key: "a.Output", value: ["x": 1])]))
    }

    @Test(
        "An asserted property must be among the desired values",
        arguments: [
            ("$.State", "[off, on]", nil), ("$.State", "[off]", "$.State is on, desired is [\"off\"]"),
            ("$.Count", "['2']", nil), ("$.Count", "[2]", nil), ("$.Flag", "['True']", nil),
            ("$.Flag", "['False']", "is true"),
            ("$.None", "[x]", "nothing at $.None"), ("$..Name", "[x, y]", nil), ("$..Name", "[x]", "is y"),
            ("$..None", "[x]", "nothing at"), ("State", "[on]", "PropertySelector"), ("$.State", "on", "a list"),
        ])
    func assertions(selector: String, desired: String, message: String?) throws {
        let inputs = "{Service: s, Api: A, PropertySelector: \(selector), DesiredValues: \(desired)}"
        var machine = try RunbookScript.machine(["name: a, action: 'aws:assertAwsResourceProperty', inputs: \(inputs)"])
        _ = try RunbookScript.run(&machine, ["a": [.success(Self.response)]])
        #expect(machine.status == (message == nil ? .success : .failed))
        #expect(machine.steps[0].failure?.message.contains(message ?? "") == (message == nil ? nil : true))
    }

    @Test("Variables and system values are there, the time that of the step")
    func values() throws {
        let inputs =
            "inputs: {Service: '{{ variable:v }}', Api: '{{ global:DATE_TIME }}', E: '{{ automation:EXECUTION_ID }}'}"
        var machine = try RunbookScript.machine(
            ["name: s, action: 'aws:sleep', inputs: {Duration: PT1M}", "name: a, \(inputs)"],
            head: "variables: {v: {type: StringList, default: [x]}}\n")
        _ = try RunbookScript.run(&machine)
        #expect(machine.steps[1].inputs == ["Service": ["x"], "Api": "2027-01-15_08.01.00", "E": "execution-1"])
    }
}
