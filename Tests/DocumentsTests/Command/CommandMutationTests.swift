import Core
import Documents
import Testing

@Suite struct CommandMutationTests {
    private static let text = """
        schemaVersion: "2.2"
        parameters:
          who: {type: String, default: you, allowedPattern: "^[a-z]+$", interpolationType: ENV_VAR}
          lines: {type: StringList, default: [one, two], minItems: 1}
          map: {type: StringMap, default: {a: [1, "{{ x }}"]}}
          count: {type: Integer, default: 5, minValue: 1}
        mainSteps:
          - {action: "aws:runShellScript", name: a, precondition: {StringEquals: [platformType, Linux]},
             inputs: {runCommand: ["echo {{ who }}", "{{ lines }}"], onFailure: exit, timeoutSeconds: "{{ count }}"}}
          - {action: "aws:runDocument", name: b, inputs: {documentType: LocalPath, documentPath: "{{ who }}",
             documentParameters: "{{ map }}"}}
          - {action: "aws:downloadContent", name: c,
             inputs: {sourceType: HTTP, sourceInfo: {url: x}, finallyStep: true}}
        """
    private static let old = """
        {"schemaVersion": "1.2", "parameters": {"c": {"type": "StringList", "default": []}}, "runtimeConfig":
         {"aws:runShellScript": {"properties": [{"id": "0", "runCommand": "{{ c }}"}, "{{ c }}"]}}}
        """

    @Test("Whatever is done to a document, it runs to an end or is refused", arguments: [UInt64](1...6))
    func mutated(seed: UInt64) {
        print("seed \(seed)")
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % max(1, bound)
        }
        let pieces = [
            "{{", "}}", "{{ who }}", "'", "\"", "{", "}", "[", "]", ":", "\n", " ", "-", "194", "null", "\u{0}", "é",
        ]
        let start = ContinuousClock.now
        for round in 0..<400 {
            var text = Array((round.isMultiple(of: 3) ? Self.old : Self.text).utf8)
            for _ in 0...random(4) {
                let place = random(text.count)
                switch random(4) {
                case 0: text[place] = UInt8(truncatingIfNeeded: random(256))
                case 1: text.insert(contentsOf: Array(pieces[random(pieces.count)].utf8), at: place)
                case 2: text.removeSubrange(place..<min(text.count, place + 1 + random(20)))
                default:
                    text.insert(contentsOf: text[place..<min(text.count, place + random(60))], at: random(text.count))
                }
                if text.isEmpty { text = [UInt8(ascii: "{")] }
            }
            guard let document = try? Document(parsing: text),
                let parameters = try? Parameters(binding: [String: [String]](), to: document)
            else { continue }
            var machine = CommandDocumentMachine(document: document, parameters: parameters, platform: "Linux")
            let endings: [CommandStepEnding] = [
                .exited(code: 0), .exited(code: 1), .exited(code: 168), .exited(code: 169), .exited(code: 194),
                .timedOut,
                .cancelled, .failed(message: "m"),
            ]
            var action = machine.start()
            var actions = 0
            while actions < 1000 {
                actions += 1
                switch action {
                case .run: action = machine.stepEnded(endings[random(endings.count)])
                case .reboot: action = machine.start()
                case .cancel, .finish, .nothing: actions += 1000
                }
                if random(20) == 0, let resumed = CommandDocumentMachine(resuming: machine.json, document: document) {
                    #expect(resumed == machine)
                }
            }
            #expect(machine.isFinished)
        }
        #expect(ContinuousClock.now - start < .seconds(30))
    }
}
