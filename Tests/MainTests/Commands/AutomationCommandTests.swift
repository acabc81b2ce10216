import Core
import Testing

@testable import Main

struct AutomationCommandTests {
    private func execution(_ status: String, _ steps: [JSON], failure: JSON? = nil) -> JSON {
        var execution: JSON = [
            "AutomationExecutionId": "e-1", "DocumentName": "Repair", "AutomationExecutionStatus": .string(status),
            "StepExecutions": .array(steps),
        ]
        execution["FailureMessage"] = failure
        return ["AutomationExecution": execution]
    }

    private func step(_ name: String, _ status: String, failure: JSON? = nil) -> JSON {
        var step: JSON = [
            "StepName": .string(name), "Action": "aws:runCommand", "StepStatus": .string(status),
            "StepExecutionId": .string("s-\(name)"),
        ]
        step["FailureMessage"] = failure
        return step
    }

    private let started: JSON = ["AutomationExecutionId": "e-1"]

    @Test func `A runbook is started with its parameters`() async {
        let connection = FakeConnection(["ssm:StartAutomationExecution": [started]])
        let outcome = await opsbus(["automation", "start", "Repair", "-p", "path=/etc/motd"], connection)
        #expect(
            connection.inputs("ssm:StartAutomationExecution") == [
                ["DocumentName": "Repair", "Parameters": ["path": ["/etc/motd"]]]
            ])
        #expect(outcome.output == "e-1\n")
    }

    @Test func `Waiting prints each change of each step once`() async {
        let connection = FakeConnection(
            [
                "ssm:StartAutomationExecution": [started],
                "ssm:GetAutomationExecution": [
                    execution("InProgress", [step("fix", "InProgress"), step("check", "Pending")]),
                    execution("InProgress", [step("fix", "Success"), step("check", "InProgress")]),
                    execution("Success", [step("fix", "Success"), step("check", "Success")]),
                ],
            ],
            messages: (1...3).map {
                Message(topic: "automation/e-1/", sequence: $0, previousSequence: 0, body: [:], checkpoint: 0)
            })
        let outcome = await opsbus(["automation", "start", "Repair", "--wait"], connection)
        #expect(
            outcome.output == """
                fix aws:runCommand InProgress
                fix aws:runCommand Success
                check aws:runCommand InProgress
                check aws:runCommand Success
                e-1 Success

                """)
        #expect(outcome.exitCode == .success)
        #expect(connection.subscriptions.map(\.prefixes) == [["automation/e-1/"]])
    }

    @Test func `A failed runbook says why, and the exit code is 1`() async {
        let connection = FakeConnection([
            "ssm:StartAutomationExecution": [started],
            "ssm:GetAutomationExecution": [
                execution("Failed", [step("fix", "Failed", failure: "exit code 3")], failure: "Step fix failed.")
            ],
        ])
        let outcome = await opsbus(["automation", "start", "Repair", "-w"], connection)
        #expect(outcome.output == "fix aws:runCommand Failed: exit code 3\ne-1 Failed: Step fix failed.\n")
        #expect(outcome.exitCode == .failure)
    }

    @Test func `An execution is shown with its steps`() async {
        let connection = FakeConnection([
            "ssm:GetAutomationExecution": [execution("Failed", [step("fix", "Failed", failure: "exit code 3")])]
        ])
        let outcome = await opsbus(["automation", "show", "e-1"], connection)
        #expect(
            outcome.output == """
                Execution  e-1
                Runbook    Repair
                Status     Failed

                STEP  ACTION          STATUS  STARTED  ENDED  RESULT
                fix   aws:runCommand  Failed                  exit code 3

                """)
    }

    @Test func `Executions are listed and stopped`() async {
        let connection = FakeConnection([
            "ssm:DescribeAutomationExecutions": [
                [
                    "AutomationExecutionMetadataList": [
                        [
                            "AutomationExecutionId": "e-1", "DocumentName": "Repair",
                            "AutomationExecutionStatus": "Success", "ExecutionStartTime": "2026-01-31T08:00:00Z",
                        ]
                    ]
                ]
            ],
            "ssm:StopAutomationExecution": [[:]],
        ])
        let list = await opsbus(["automation", "list"], connection)
        #expect(list.lines.count == 2)
        #expect(list.lines[1].hasPrefix("e-1        2026-01-31T08:00:00Z"))
        _ = await opsbus(["automation", "stop", "e-1"], connection)
        _ = await opsbus(["automation", "stop", "e-1", "--complete"], connection)
        #expect(
            connection.inputs("ssm:StopAutomationExecution") == [
                ["AutomationExecutionId": "e-1", "Type": "Cancel"],
                ["AutomationExecutionId": "e-1", "Type": "Complete"],
            ])
    }
}
