internal import Core

extension Command {
    static let accessKeys = Command(
        "access-keys", "Make and remove the keys that sign HTTP requests.",
        discussion: """
            With --http-auth required, clients of AWS sign what they ask for with an access key made here \
            (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY). In development mode any key will do.
            """,
        subcommands: [createAccessKey, listAccessKeys, deleteAccessKey])

    private static let createAccessKey = Command(
        "create", "Make an access key and print its secret, this once.",
        discussion: """
            The name is the principal that policies and the audit log show; it may have several keys. --allow takes an \
            operation or a pattern, and perhaps a resource: events:PutEvents, ssm:Get*. Without it the key may \
            publish and read the stream. A key with --expires is temporary and has a session token besides.
            """,
        examples: [
            Example("opsbus access-keys create billing --allow events:PutEvents", "A publisher, and no more"),
            Example("opsbus access-keys create ci --allow '*' --expires 1h", "An administrator for an hour"),
        ],
        options: [allow, expires], arguments: [name]
    ) { arguments, session in
        let allowed = arguments.all(allow).map { JSON.string($0) }
        let output = try await session.connect().call(
            "iam:CreateAccessKey",
            input([
                ("UserName", .string(try arguments.required(name))),
                ("Allow", allowed.isEmpty ? nil : .array(allowed)),
                ("DurationSeconds", arguments[expires].map { .integer($0.components.seconds) }),
            ]))
        session.output.result(output) {
            let key = output["AccessKey"] ?? [:]
            session.output.line("AWS_ACCESS_KEY_ID=\(key.cell("AccessKeyId"))")
            session.output.line("AWS_SECRET_ACCESS_KEY=\(key.cell("SecretAccessKey"))")
            if let token = key["SessionToken"]?.string { session.output.line("AWS_SESSION_TOKEN=\(token)") }
            session.output.remark("keep the secret: it is not shown again")
        }
        return .success
    }

    private static let listAccessKeys = Command(
        "list", "List the access keys, without their secrets.",
        examples: [Example("opsbus access-keys list", "Every access key")]
    ) { _, session in
        let output = try await session.connect().call("iam:ListAccessKeys", [:])
        session.output.result(output) {
            var table = Table(["ACCESS KEY", "NAME", "STATUS", "EXPIRES", "ALLOW"])
            for key in output["AccessKeyMetadata"]?.array ?? [] {
                table.add([
                    key.cell("AccessKeyId"), key.cell("UserName"), key.cell("Status"), key.cell("Expiration"),
                    (key["Allow"]?.array ?? []).map(\.cell).joined(separator: " "),
                ])
            }
            session.output.table(table, empty: "There are no access keys.")
        }
        return .success
    }

    private static let deleteAccessKey = Command(
        "delete", "Remove an access key: what it signs is refused from now on.",
        examples: [Example("opsbus access-keys delete AKIAIOSFODNN7EXAMPLE", "Remove one key")],
        arguments: [identifier]
    ) { arguments, session in
        let identifier = try arguments.required(identifier)
        let output = try await session.connect().call("iam:DeleteAccessKey", ["AccessKeyId": .string(identifier)])
        session.output.result(output) { session.output.line("\(identifier) removed") }
        return .success
    }

    private static let allow = Option("allow", "PATTERN", .text, repeated: true, "Operations it may call.")
    private static let expires = Option("expires", "DURATION", .duration, "How long it is good. [for ever]")
    private static let name = Argument("NAME", .text, "The principal's name.")
    private static let identifier = Argument("ACCESSKEY", .text, "The access key's id.")
}
