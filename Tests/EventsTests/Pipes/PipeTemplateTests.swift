import Core
import Testing

@testable import Events

@Suite("Pipe templates") struct PipeTemplateTests {
    private let record: JSON = [
        "messageId": "m1", "body": ["name": "a \"b\"", "count": 3, "list": [1, ["x": "y"]], "none": nil],
    ]
    private let context = PipeTemplate.Context(
        pipe: Pipe(
            name: "p", definition: ["Source": "arn:s", "Target": "arn:t", "Enrichment": "arn:e"], tags: JSONObject(),
            isWanted: true, state: .running, created: Timestamp(seconds: 0), modified: Timestamp(seconds: 0)),
        arn: "arn:p", time: Timestamp(seconds: 1_800_000_000))

    @Test(
        "Placeholders become values, or their text within quotes; other templates make text",
        arguments: [
            (#"{"n": <$.body.name>}"#, #"{"n": "a \"b\""}"#),
            (#"{"n": "<$.body.name>!"}"#, #"{"n": "a \"b\"!"}"#),
            (#"{"n": <$.body.list>}"#, #"{"n": [1,{"x":"y"}]}"#),
            (#"{"n": "<$.body.list>"}"#, #"{"n": "[1,{\"x\":\"y\"}]"}"#),
            (#"{"n": <$.body.missing>, "m": <$.body.none>}"#, #"{"n": "", "m": null}"#),
            (#"{"n": <$.body.list[1].x>}"#, #"{"n": "y"}"#),
            (#""<$.messageId> has <$.body.count>""#, #""m1 has 3""#),
            ("<$.body.name>", #"a "b""#),
            ("<$.body>", #"{"name":"a \"b\"","count":3,"list":[1,{"x":"y"}],"none":null}"#),
            ("Count: <$.body.count>, <b>bold</b>", "Count: 3, <b>bold</b>"), ("plain text", "plain text"),
            (
                #"{"a": "<aws.pipes.pipe-name> <aws.pipes.pipe-arn> <aws.pipes.target-arn>"}"#,
                #"{"a": "p arn:p arn:t"}"#
            ),
            (
                #"{"t": "<aws.pipes.event.ingestion-time>", "id": "<$.messageId>\\"}"#,
                #"{"t": "2027-01-15T08:00:00Z", "id": "m1\\"}"#
            ),
        ])
    func renders(template: String, expected: String) throws {
        #expect(try PipeTemplate(parsing: template, at: "X").render(record, context) == expected)
    }

    @Test(
        "Placeholders that can mean nothing are refused",
        arguments: ["<aws.pipes.nothing>", "<$.a[>", "<$..a..b..c>"])
    func refused(template: String) {
        #expect(throws: TargetInputError.self) { try PipeTemplate(parsing: template, at: "X") }
    }
}
