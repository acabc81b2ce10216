internal import Core
internal import Platform

extension Command {
    static let nodes = Command(
        "nodes", "Look at managed nodes, tag them, admit and remove them.",
        subcommands: [listNodes, tagNode, activateNode, removeNode])

    private static let listNodes = Command(
        "list", "List the managed nodes.",
        examples: [Example("opsbus nodes list", "Every node with its state")],
        options: [CommonOptions.limit]
    ) { arguments, session in
        let output = try await session.connect().callAll(
            "ssm:DescribeInstanceInformation", [:], list: "InstanceInformationList",
            max: arguments[CommonOptions.limit] ?? 100_000)
        session.output.result(output) {
            var table = Table(["NODE", "*STATUS", "LAST PING", "COMPUTER", "ADDRESS", "PLATFORM", "AGENT"])
            for node in output["InstanceInformationList"]?.array ?? [] {
                table.add([
                    node.cell("InstanceId"), node.cell("PingStatus"), node.timeCell("LastPingDateTime"),
                    node.cell("ComputerName"), node.cell("IPAddress"),
                    "\(node.cell("PlatformName")) \(node.cell("PlatformVersion"))", node.cell("AgentVersion"),
                ])
            }
            session.output.table(table, empty: "No node is registered.")
        }
        return .success
    }

    private static let tagNode = Command(
        "tag", "Give a node tags.",
        examples: [Example("opsbus nodes tag mi-0123456789abcdef0 role=web stage=test", "Set two tags")],
        arguments: [node, tags]
    ) { arguments, session in
        let node = try arguments.required(node)
        let tags = arguments.all(tags).map { tag -> JSON in
            ["Key": .string(tag.key), "Value": .string(tag.value)]
        }
        let output = try await session.connect().call(
            "ssm:AddTagsToResource",
            ["ResourceType": "ManagedInstance", "ResourceId": .string(node), "Tags": .array(tags)])
        session.output.result(output) {
            session.output.line("\(node) has \(tags.count == 1 ? "the tag" : "\(tags.count) tags")")
        }
        return .success
    }

    private static let activateNode = Command(
        "activate", "Make an activation, with which agents register nodes.",
        discussion: "The code is shown this once.",
        examples: [
            Example(
                "opsbus nodes activate --name web --registrations 10 --expires-in 2d", "Admit ten nodes within two days"
            )
        ],
        options: [name, registrations, expires]
    ) { arguments, session in
        let expiration = arguments[expires].map { JSON.string((session.clock.now + $0).description) }
        let output = try await session.connect().call(
            "ssm:CreateActivation",
            input([
                ("DefaultInstanceName", .text(arguments[name])), ("IamRole", "opsbus"),
                ("RegistrationLimit", .number(of: arguments[registrations])), ("ExpirationDate", expiration),
            ]))
        session.output.result(output) {
            session.output.record([
                ("Activation id", output.cell("ActivationId")), ("Activation code", output.cell("ActivationCode")),
            ])
        }
        return .success
    }

    private static let removeNode = Command(
        "remove", "Take a node out; its agent is no longer served.",
        examples: [Example("opsbus nodes remove mi-0123456789abcdef0", "Remove a node")],
        arguments: [node]
    ) { arguments, session in
        let node = try arguments.required(node)
        let output = try await session.connect().call("ssm:DeregisterManagedInstance", ["InstanceId": .string(node)])
        session.output.result(output) { session.output.line("\(node) removed") }
        return .success
    }

    private static let node = Argument("NODE", .text.completing(.live(.nodes)), "The node's id, mi-...")
    private static let tags = Argument(
        "KEY=VALUE", .keyValue, count: 1...Int.max, "Tags; one of the same key is replaced.")
    private static let name = Option("name", "TEXT", .text, "The nodes' name in lists.")
    private static let registrations = Option(
        "registrations", "N", .integer(1...1000), "How many nodes may register with it. [1]")
    private static let expires = Option("expires-in", "DURATION", .duration, "How long it may be used. [1d]")
}
