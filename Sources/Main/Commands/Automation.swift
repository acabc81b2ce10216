internal import Core
internal import Platform

extension Command {
    static let automation = Command(
        "automation", "Run runbooks and see how they go.",
        subcommands: [startAutomation, listAutomation, showAutomation, stopAutomation])

    private static let startAutomation = Command(
        "start", "Start a runbook.",
        discussion:
            "With --wait every step is printed as it goes; the exit code is 0 only where the runbook succeeded.",
        examples: [
            Example(
                "opsbus automation start Remediate-ServiceDown --parameter Node=web-1 "
                    + "--parameter Unit=nginx.service --wait",
                "Run a runbook and follow it")
        ],
        options: [CommonOptions.parameters, CommonOptions.wait], arguments: [document]
    ) { arguments, session in
        let parameters = CommonOptions.parameterMap(arguments)
        let connection = try session.connect()
        let output = try await connection.call(
            "ssm:StartAutomationExecution",
            input([
                ("DocumentName", .string(try arguments.required(document))),
                ("Parameters", parameters == [:] ? nil : parameters),
            ]))
        guard let identifier = output["AutomationExecutionId"]?.string else {
            throw CommandError(.internal, "the server answered no AutomationExecutionId")
        }
        guard arguments[CommonOptions.wait] else {
            session.output.result(output) { session.output.line(identifier) }
            return .success
        }
        let progress = AutomationProgress(identifier: identifier, connection: connection, output: session.output)
        return try await session.untilInterrupted {
            do {
                return try await progress.follow()
            } catch is CancellationError {
                session.output.remark("the runbook goes on; to end it: opsbus automation stop \(identifier)")
                return .interrupted
            }
        }
    }

    private static let listAutomation = Command(
        "list", "List executions, the latest first.",
        examples: [Example("opsbus automation list --limit 5", "The last five executions")],
        options: [CommonOptions.limit]
    ) { arguments, session in
        let output = try await session.connect().callAll(
            "ssm:DescribeAutomationExecutions", [:], list: "AutomationExecutionMetadataList",
            max: arguments[CommonOptions.limit] ?? 50)
        session.output.result(output) {
            var table = Table(["EXECUTION", "STARTED", "ENDED", "*STATUS", "RUNBOOK", "FAILURE"])
            for execution in output["AutomationExecutionMetadataList"]?.array ?? [] {
                table.add([
                    execution.cell("AutomationExecutionId"), execution.timeCell("ExecutionStartTime"),
                    execution.timeCell("ExecutionEndTime"), execution.cell("AutomationExecutionStatus"),
                    execution.cell("DocumentName"), execution.cell("FailureMessage"),
                ])
            }
            session.output.table(table, empty: "No runbook has been run.")
        }
        return .success
    }

    private static let showAutomation = Command(
        "show", "Show an execution with its steps.",
        examples: [Example("opsbus automation show 7f3a4c9d-2b11-4e01-9d5c-3b1f0c53ad1d", "Show an execution")],
        arguments: [identifier]
    ) { arguments, session in
        let output = try await session.connect().call(
            "ssm:GetAutomationExecution", ["AutomationExecutionId": .string(try arguments.required(identifier))])
        session.output.result(output) { show(output["AutomationExecution"] ?? .null, session.output) }
        return .success
    }

    private static func show(_ execution: JSON, _ output: Output) {
        output.record([
            ("Execution", execution.cell("AutomationExecutionId")), ("Runbook", execution.cell("DocumentName")),
            ("Status", execution.cell("AutomationExecutionStatus")),
            ("Started", execution.timeCell("ExecutionStartTime")), ("Ended", execution.timeCell("ExecutionEndTime")),
            ("Executed by", execution.cell("ExecutedBy")), ("Parameters", execution.cell("Parameters")),
            ("Outputs", execution.cell("Outputs")), ("Failure", execution.cell("FailureMessage")),
        ])
        output.line("")
        var table = Table(["STEP", "ACTION", "*STATUS", "STARTED", "ENDED", "RESULT"])
        for step in execution["StepExecutions"]?.array ?? [] {
            let failure = step.cell("FailureMessage")
            table.add([
                step.cell("StepName"), step.cell("Action"), step.cell("StepStatus"),
                step.timeCell("ExecutionStartTime"), step.timeCell("ExecutionEndTime"),
                failure.isEmpty ? step.cell("Outputs") : failure,
            ])
        }
        output.table(table, empty: "No step has begun.")
    }

    private static let stopAutomation = Command(
        "stop", "End an execution.",
        examples: [Example("opsbus automation stop 7f3a4c9d-2b11-4e01-9d5c-3b1f0c53ad1d", "Cancel an execution")],
        options: [complete], arguments: [identifier]
    ) { arguments, session in
        let identifier = try arguments.required(identifier)
        let output = try await session.connect().call(
            "ssm:StopAutomationExecution",
            ["AutomationExecutionId": .string(identifier), "Type": arguments[complete] ? "Complete" : "Cancel"])
        session.output.result(output) { session.output.line("\(identifier) is being stopped") }
        return .success
    }

    private static let complete = Flag("complete", "Let the step that runs end first, and count it as done.")
    private static let document = Argument("RUNBOOK", .text.completing(.live(.runbooks)), "The runbook's name.")
    private static let identifier = Argument("ID", .text.completing(.live(.executions)), "The execution's id.")
}

/// Follows an automation execution until it has ended.
struct AutomationProgress: Sendable {
    let identifier: String
    let connection: any Connection
    let output: Output

    private static let running: Set<String> = [
        "Pending", "InProgress", "Waiting", "Cancelling", "PendingApproval", "Approved", "Scheduled",
        "RunbookInProgress", "PendingChangeCalendarOverride", "ChangeCalendarOverrideApproved", "",
    ]

    /// Prints each change of a step.
    /// - Returns: Success only where the execution's status is `Success`.
    func follow() async throws -> ExitCode {
        var shown: [String: String] = [:]
        var execution = JSON.null
        try await watch(
            [StreamTopic.automation(identifier)], on: connection, every: .seconds(1), remark: { output.remark($0) }
        ) {
            let answer = try await connection.call(
                "ssm:GetAutomationExecution", ["AutomationExecutionId": .string(identifier)])
            execution = answer["AutomationExecution"] ?? .null
            for (index, step) in (execution["StepExecutions"]?.array ?? []).enumerated() {
                let key = step["StepExecutionId"]?.string ?? "\(index)"
                let status = step.cell("StepStatus")
                guard shown[key] != status, status != "Pending" else { continue }
                shown[key] = status
                show(step, status)
            }
            return !AutomationProgress.running.contains(execution.cell("AutomationExecutionStatus"))
        }
        let status = execution.cell("AutomationExecutionStatus")
        switch output.format {
        case .json: output.jsonLine(["AutomationExecution": execution])
        case .table:
            let failure = execution.cell("FailureMessage")
            output.line(
                "\(identifier) \(output.style.status(status))"
                    + (failure.isEmpty ? "" : ": \(output.hanging(failure, by: 4))"))
        }
        return status == "Success" ? .success : .failure
    }

    private func show(_ step: JSON, _ status: String) {
        guard output.format == .table else { return }
        let failure = step.cell("FailureMessage")
        output.line(
            "\(output.style.heading(step.cell("StepName"))) \(output.style.faint(step.cell("Action"))) "
                + output.style.status(status) + (failure.isEmpty ? "" : ": \(output.hanging(failure, by: 4))"))
    }
}
