import Core
import Testing

@testable import Documents

@Suite struct RunbookCorpusTests {
    static let runbooks = Corpus.entries.filter {
        $0.schemaVersion == "0.3" && CorpusTests.refusals[$0.file] == nil
    }

    /// A value of each type, whatever the constraints.
    static func value(_ type: ParameterType) -> JSON {
        switch type {
        case .string: "x"
        case .stringList: ["x"]
        case .integer: 1
        case .boolean: true
        case .stringMap: ["k": "v"]
        case .mapList: [["k": "v"]]
        }
    }

    /// Every declared output at the place of its selector, as far as a response of members alone can have it.
    static func response(_ step: RunbookStep) -> JSON {
        var response: JSON = [:]
        for output in step.outputs {
            let names = output.selector.text.split(separator: ".").dropFirst().map(String.init)
            insert(value(output.type ?? .string), at: names[...], into: &response)
        }
        return response
    }

    private static func insert(_ value: JSON, at names: ArraySlice<String>, into response: inout JSON) {
        guard let name = names.first else { return }
        var inner: JSON = names.count == 1 ? value : response[name] ?? [:]
        insert(value, at: names.dropFirst(), into: &inner)
        response[name] = inner
    }

    @Test("A real runbook comes to an end whatever its steps answer and when it is cancelled", arguments: runbooks)
    func ends(entry: Corpus.Entry) throws {
        let document = try Document(parsing: try entry.bytes, fileName: entry.file)
        let values = document.parameters.map { JSONObject.Member(key: $0.name, value: Self.value($0.type)) }
        let fresh = RunbookMachine(
            document: document, parameters: Parameters(bound: JSONObject(values), to: document),
            context: RunbookContext(executionID: "e", account: Account()))
        var state = UInt64(entry.file.utf8.count)
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for round in 0..<10 {
            var machine = fresh
            var now = RunbookScript.start
            var action = machine.start(now: now)
            var inputs = 0
            loop: while inputs < 500 {
                inputs += 1
                now = now + .seconds(random(60))
                switch action {
                case .finish: break loop
                case .wait(let until):
                    now = max(now, until)
                    action = machine.timerFired(now: now)
                case .cancel: action = machine.stepFailed(RunbookStepFailure("cancelled"), now: now)
                case .start(let start):
                    let chance = random(8)
                    // The first round is one of successes only.
                    if round > 0, chance == 0 {
                        action = machine.stepFailed(RunbookStepFailure("no", isTimeout: random(2) == 0), now: now)
                    } else if round > 0, chance == 1 {
                        // A second cancel is answered by nothing; the step still runs then.
                        let answer = machine.cancel(now: now)
                        if answer != .nothing { action = answer }
                    } else {
                        action = machine.stepSucceeded(Self.response(machine.step(start.index)), now: now)
                    }
                case .nothing:
                    Issue.record("\(entry.file) stands still")
                    break loop
                }
            }
            #expect(machine.status.isTerminal, "\(entry.file), round \(round)")
            #expect(machine.phase == .finished)
            #expect(machine.steps.allSatisfy { $0.status.isTerminal || $0.status == .pending })
            #expect(RunbookMachine(resuming: machine.json, document: document) == machine)
        }
    }
}
