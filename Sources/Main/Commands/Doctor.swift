internal import Core

extension Command {
    static let doctor = Command(
        "doctor", "Examine a data directory and explain its health.",
        discussion: """
            Reads every record of the journal and of the audit log, has the database check itself, and looks at the \
            space that is left. Changes nothing; works beside a running server. Exit code 1 if something is wrong.
            """,
        examples: [Example("opsbus doctor --data /var/lib/opsbus", "Examine a data directory")],
        options: [Settings.data.option]
    ) { _, session in
        let findings = HealthCheck(directory: try session.configure()[Settings.data]).findings()
        let isHealthy = findings.allSatisfy { $0.verdict != .bad }
        let report: JSON = ["Healthy": .bool(isHealthy), "Findings": .array(findings.map(\.json))]
        session.output.result(report) {
            let style = session.output.style
            for finding in findings {
                let mark =
                    switch finding.verdict {
                    case .good: style.good("ok     ")
                    case .warning: style.waiting("warning")
                    case .bad: style.bad("BAD    ")
                    }
                session.output.line("\(mark)  \(style.heading(finding.part)): \(printable(finding.text))")
                if !finding.advice.isEmpty { session.output.line("         \(finding.advice)") }
            }
            session.output.line(isHealthy ? "The data directory is healthy." : "The data directory needs attention.")
        }
        return isHealthy ? .success : .failure
    }
}
