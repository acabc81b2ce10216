internal import Core

extension Command {
    static let call = Command(
        "call", "Call any operation of the server.",
        discussion:
            "The output is printed as JSON. Operations are named as in policies: events:PutRule, ssm:SendCommand.",
        examples: [
            Example("opsbus call events:ListRules", "An operation without input"),
            Example(#"opsbus call events:DescribeRule '{"Name": "file-drift"}'"#, "Input on the command line"),
            Example("opsbus call ssm:CreateDocument @document.json", "Input from a file"),
        ],
        arguments: [operation, body]
    ) { arguments, session in
        let body = try arguments[body].map { try session.json($0, for: "INPUT") } ?? [:]
        session.output.json(try await session.connect().call(try arguments.required(operation), body))
        return .success
    }

    private static let operation = Argument("OPERATION", .operation, "SERVICE:ACTION.")
    private static let body = Argument("INPUT", .text, count: 0...1, "JSON, @FILE or - for standard input. [{}]")
}

extension ValueSyntax where Value == String {
    static let operation = ValueSyntax { (text) throws(ValueError) in
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw ValueError("is not SERVICE:ACTION, such as events:ListRules")
        }
        return text
    }
}
