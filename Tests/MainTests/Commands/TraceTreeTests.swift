import Core
import Testing

@testable import Main

struct TraceTreeTests {
    private func record(_ time: String, _ action: String, _ outcome: String, _ detail: JSON = [:]) -> JSON {
        [
            "Time": .string("2026-01-31T08:00:\(time)Z"), "Principal": "local", "Action": .string(action),
            "Outcome": .string(outcome), "Detail": detail,
        ]
    }

    private func node(_ subject: String, _ records: [JSON], _ children: [JSON] = []) -> JSON {
        ["Subject": .string(subject), "Records": .array(records), "Children": .array(children)]
    }

    @Test func `Each thing stands beneath its cause, with the time since the event`() {
        var root = node(
            "event/e", [],
            [
                node(
                    "delivery/1", [record("00.012", "Deliver", "success", ["RuleName": "file-drift", "Attempt": 1])],
                    [
                        node(
                            "automation/a",
                            [record("00.020", "Start", "started"), record("01.500", "Finish", "success")],
                            [node("step/fix", [record("01.000", "Step", "failure:Failed", ["Big": ["x"]])])])
                    ]),
                node("delivery/2", [record("00.013", "Deliver", "success")]),
            ])
        root["Event"] = [
            "Time": "2026-01-31T08:00:00.000Z", "EventBusName": "default", "Principal": "checker",
            "Event": ["source": "my.app", "detail-type": "Drift"],
        ]
        #expect(
            TraceTree(root: root, style: Style(isColored: false)).text == """
                event/e
                │     +0.000s Drift from my.app on bus default by checker
                ├─ delivery/1
                │  │     +0.012s Deliver success by local  RuleName=file-drift Attempt=1
                │  └─ automation/a
                │     │     +0.020s Start started by local
                │     │     +1.500s Finish success by local
                │     └─ step/fix
                │              +1.000s Step failure:Failed by local
                └─ delivery/2
                         +0.013s Deliver success by local

                """)
    }

    @Test func `Text from events cannot command the terminal`() {
        let text = TraceTree(
            root: node("event/\u{1B}[2J", [record("00.000", "A", "success", ["x": "\u{1B}]0;"])]),
            style: Style(isColored: false)
        ).text
        #expect(!text.contains("\u{1B}"))
    }

    @Test func `The trace of a deep chain ends`() {
        var root = node("event/end", [])
        for index in 0..<5000 { root = node("event/\(index)", [], [root]) }
        let lines = TraceTree(root: root, style: Style(isColored: false)).text.split(separator: "\n")
        #expect(lines.count == 101)
    }

    @Test func `The command asks for the event and prints the tree, or the answer as it is`() async {
        let answer: JSON = ["Root": node("event/e", [record("00.000", "PutEvents", "success")]), "Truncated": true]
        let connection = FakeConnection(["audit:Trace": [answer]])
        let event = "6f0c53ad-1d1f-4c5a-9a55-7f3a4c9d2b11"
        let people = await opsbus(["audit", "trace", event], connection)
        #expect(people.output.hasPrefix("event/e\n"))
        #expect(people.errors == "opsbus: the tree is longer than the server answers; this is its beginning\n")
        let programs = await opsbus(["audit", "trace", event, "-o", "json"], connection)
        #expect(programs.output == answer.text + "\n")
        #expect(connection.inputs("audit:Trace") == [["Subject": .string(event)], ["Subject": .string(event)]])
    }
}
