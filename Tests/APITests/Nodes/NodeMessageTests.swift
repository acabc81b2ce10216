import Core
import Testing

@testable import API

@Suite("What travels between server and agents") struct NodeMessageTests {
    private static let id = Identifier(high: 0x1b9d_6bcd_bbfd_4b2d, low: 0x9b5d_ab8d_fbbd_4bed)
    private static let time = Timestamp(microseconds: 1_800_000_000_123_000)

    @Test("Bodies are read as they were written")
    func roundTrips() {
        let command = NodeCommand(
            id: Self.id, documentName: "D", document: "{}", parameters: ["commands": ["a", "b"]],
            expiresAt: Self.time, streamsOutput: true)
        #expect(NodeCommand(command.json) == command)

        let output = NodeOutput(command: Self.id, step: "s", stream: "stderr", offset: 1 << 40)
        #expect(NodeOutput(output.json) == output)

        let step = StepReport(
            name: "s", action: "aws:runShellScript", status: .timedOut, code: -1, standardOutput: "é\u{0}",
            standardError: "x", start: Self.time, end: Self.time + .seconds(1))
        let unstarted = StepReport(name: "t", action: "a", status: .cancelled, code: -1, start: nil, end: Self.time)
        #expect(StepReport(step.json) == step && StepReport(unstarted.json) == unstarted)

        for outcome in CommandReport.Outcome.allCases {
            let report = CommandReport(command: Self.id, outcome: outcome, message: "m", steps: [step, unstarted])
            #expect(CommandReport(report.json) == report)
        }

        let registration = NodeRegistration(
            node: "mi-0123456789abcdef0", fingerprint: "f", activationID: "i", activationCode: "c",
            computerName: "web-1", platformType: "Linux", platformName: "Debian", platformVersion: "13",
            agentVersion: "1", ipAddress: "10.0.0.1", commands: [Self.id])
        #expect(NodeRegistration(registration.json) == registration)
        #expect(NodeRegistration(NodeRegistration(node: nil, fingerprint: "f").json)?.node == nil)
    }

    @Test("A body that lacks a member, or has it of another type, is none")
    func malformed() {
        func without(_ member: String, of body: JSON) -> [JSON] {
            var missing = body
            missing[member] = nil
            var wrong = body
            wrong[member] = [:]
            return [missing, wrong]
        }
        let step = StepReport(name: "s", action: "a", status: .success, code: 0, start: nil, end: Self.time)
        let report = CommandReport(command: Self.id, outcome: .success, steps: [step])
        let command = NodeCommand(id: Self.id, documentName: "D", document: "{}", parameters: [:], expiresAt: Self.time)
        for member in ["CommandId", "DocumentName", "Document", "ExpiresAt"] {
            for body in without(member, of: command.json) { #expect(NodeCommand(body) == nil, "\(member)") }
        }
        for member in ["StepName", "Action", "Status", "ResponseCode", "EndTime"] {
            for body in without(member, of: step.json) {
                #expect(StepReport(body) == nil, "\(member)")
                var whole = report.json
                whole["Steps"] = [body]
                #expect(CommandReport(whole) == nil, "\(member)")
            }
        }
        for member in ["CommandId", "StatusDetails"] {
            for body in without(member, of: report.json) { #expect(CommandReport(body) == nil, "\(member)") }
        }
        let output = NodeOutput(command: Self.id, step: "s", stream: "stdout", offset: 0)
        for member in ["CommandId", "StepName", "Stream", "Offset"] {
            for body in without(member, of: output.json) { #expect(NodeOutput(body) == nil, "\(member)") }
        }
        for body: JSON in [[:], [], .null, ["Fingerprint": ""], ["Fingerprint": 5]] {
            #expect(NodeRegistration(body) == nil)
            #expect(NodeCommand(body) == nil && CommandReport(body) == nil)
        }
    }

    @Test("Long texts of a registration are cut, and what is no command id is passed over")
    func bounded() {
        let long = String(repeating: "x", count: 10_000)
        let registration = NodeRegistration([
            "Fingerprint": "f", "ComputerName": .string(long), "NodeId": .string(long), "Commands": ["no", 5],
        ])
        #expect(registration?.computerName.utf8.count == 256 && registration?.node?.utf8.count == 256)
        #expect(registration?.commands == [])
    }

    @Test("A message about a command names it")
    func command() {
        #expect(NodeMessage(.cancel, command: Self.id).command == Self.id)
        #expect(NodeMessage(.cancel).command == nil && NodeMessage(.cancel, ["CommandId": "x"]).command == nil)
    }
}
