internal import Bus
internal import Core
internal import Platform

extension Command {
    static let keys = Command(
        "keys", "Make CURVE keys, and say which may connect.",
        discussion: """
            On an encrypted bus (opsbus serve --curve true) every client and agent has a key pair, and only those \
            whose public key is registered connect. A server that starts encrypted with no key registered makes one \
            for the principal admin, in keys/admin.key of its data directory, with which the others are registered.
            """,
        subcommands: [generateKey, publicKey, addKey, listKeys, removeKey])

    private static let generateKey = Command(
        "generate", "Make a key pair in a file and print its public key.",
        discussion:
            "The file is for --client-key; only its owner may read it. It holds the secret: keep it where it is.",
        examples: [Example("opsbus keys generate --out ~/.opsbus.key", "Make a pair")],
        options: [out]
    ) { arguments, session in
        let path = arguments[out] ?? "opsbus.key"
        guard !Files.exists(path) else {
            throw CommandError.failure(
                "\(path) exists already",
                fix: "name another file with --out, or print its key with 'opsbus keys public'")
        }
        let pair = try CurveKeyPair(file: path)
        session.output.result(["PublicKey": .string(pair.publicKey), "File": .string(path)]) {
            session.output.line(pair.publicKey)
            session.output.remark(
                "the pair is in \(path); register it with: opsbus keys add NAME --public '\(pair.publicKey)'")
        }
        return .success
    }

    private static let publicKey = Command(
        "public", "Print the public key of a pair.",
        examples: [
            Example("opsbus keys public /var/lib/opsbus/keys/server.key", "The key that clients need as --server-key")
        ],
        arguments: [file]
    ) { arguments, session in
        let key = try CurveKeyPair.publicKey(file: try arguments.required(file))
        session.output.result(["PublicKey": .string(key)]) { session.output.line(key) }
        return .success
    }

    private static let addKey = Command(
        "add", "Register a public key under a name.",
        discussion: """
            The name is the principal that policies and the audit log show. --allow takes an operation or a pattern, \
            and perhaps a resource: events:PutEvents, ssm:Get*, 'bus:Subscribe event/default/*', or \
            'bus:Acknowledge NAME' for one named subscriber's place. Without one the key may publish, subscribe and \
            move every place; a node's key may only be a node.
            """,
        examples: [
            Example(
                "opsbus keys add billing --public 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7' --allow events:PutEvents",
                "A publisher that may do nothing else"),
            Example(
                "opsbus keys add web-1 --public 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7' --node", "A node's agent"),
        ],
        options: [key, allow, isNode], arguments: [name]
    ) { arguments, session in
        let name = try arguments.required(name)
        let allowed = arguments.all(allow).map { JSON.string($0) }
        let output = try await session.connect().call(
            "bus:PutKey",
            input([
                ("Name", .string(name)), ("PublicKey", .string(try arguments.required(key))),
                ("Allow", allowed.isEmpty ? nil : .array(allowed)), ("Node", .bool(arguments[isNode])),
            ]))
        session.output.result(output) { session.output.line("\(name) may connect") }
        return .success
    }

    private static let listKeys = Command(
        "list", "List the registered keys.", examples: [Example("opsbus keys list", "Every key")]
    ) { _, session in
        let output = try await session.connect().call("bus:ListKeys", [:])
        session.output.result(output) {
            var table = Table(["NAME", "PUBLIC KEY", "NODE", "ALLOW"])
            for key in output["Keys"]?.array ?? [] {
                table.add([
                    key.cell("Name"), key.cell("PublicKey"), key["Node"]?.bool == true ? "yes" : "no",
                    (key["Allow"]?.array ?? []).map(\.cell).joined(separator: " "),
                ])
            }
            session.output.table(table, empty: "No keys are registered.")
        }
        return .success
    }

    private static let removeKey = Command(
        "remove", "Take a key out; its owner can no longer connect.",
        discussion: """
            What its owner asks on a connection that is open is refused at once. A subscription that is open goes on \
            until its connection ends: restart the server to end it now; the other subscribers miss nothing by that.
            """,
        examples: [Example("opsbus keys remove billing", "Remove the key of billing")],
        arguments: [name]
    ) { arguments, session in
        let name = try arguments.required(name)
        let output = try await session.connect().call("bus:DeleteKey", ["Name": .string(name)])
        session.output.result(output) { session.output.line("\(name) removed") }
        return .success
    }

    private static let out = Option("out", "FILE", .file, "Where to keep the pair. [opsbus.key]")
    private static let key = Option("public", "KEY", .curveKey, "The public key, 40 characters.")
    private static let allow = Option("allow", "PATTERN", .text, repeated: true, "Operations it may call.")
    private static let isNode = Flag("node", "The key belongs to the agent of a node.")
    private static let name = Argument("NAME", .text, "The principal's name.")
    private static let file = Argument("FILE", .file, "A file that 'opsbus keys generate' or the server made.")
}

extension ValueSyntax where Value == String {
    /// A CURVE key in Z85.
    static let curveKey = ValueSyntax { (text) throws(ValueError) in
        guard CurveKeyPair.isKey(text) else {
            throw ValueError("is not a key of 40 characters (quote it in the shell)")
        }
        return text
    }
}
