internal import API
internal import Core

extension Command {
    static let parameters = Command(
        "parameters", "Keep values that documents and programs read by name.",
        discussion: """
            A parameter has versions, of which the latest counts unless NAME:VERSION or NAME:LABEL says otherwise. \
            Command documents insert its value for {{ssm:NAME}}; the values of SecureStrings are sealed on the disk \
            and shown with --decrypt only.
            """,
        subcommands: [
            putParameter, getParameter, listParameters, showHistory, labelVersion, deleteParameters,
        ])

    private static let putParameter = Command(
        "put", "Make a parameter; with --overwrite also a new version of one.",
        examples: [
            Example("opsbus parameters put /web/color blue", "A text"),
            Example("opsbus parameters put /web/hosts web-1,web-2 --type StringList --overwrite", "A list"),
            Example("opsbus parameters put /db/password - --type SecureString", "A secret, from standard input"),
        ],
        options: [type, isOverwritten, description, allowedPattern, dataType, tier, policies, tag],
        arguments: [name, value]
    ) { arguments, session in
        var content = try session.text(try arguments.required(value))
        // The end of the line that was typed or piped is not part of the value.
        if arguments[value] == "-", content.last == UInt8(ascii: "\n") { content.removeLast() }
        guard let text = String(validating: content, as: UTF8.self) else {
            throw CommandError.usage("the value is not UTF-8 text", fix: "encode it, as Base64 perhaps")
        }
        let tags = arguments.all(tag).map { ["Key": .string($0.key), "Value": .string($0.value)] as JSON }
        let isNew = !arguments[isOverwritten]
        let output = try await session.connect().call(
            "ssm:PutParameter",
            input([
                ("Name", .string(try arguments.required(name))), ("Value", .string(text)),
                ("Type", .text(arguments[type]) ?? (isNew ? "String" : nil)),
                ("Overwrite", isNew ? nil : true), ("Description", .text(arguments[description])),
                ("AllowedPattern", .text(arguments[allowedPattern])), ("DataType", .text(arguments[dataType])),
                ("Tier", .text(arguments[tier])), ("Policies", .text(arguments[policies])),
                ("Tags", tags.isEmpty ? nil : .array(tags)),
            ]))
        session.output.result(output) { session.output.line("version \(output.cell("Version"))") }
        return .success
    }

    private static let getParameter = Command(
        "get", "Print the value of a parameter.",
        examples: [
            Example("opsbus parameters get /web/color", "The latest value"),
            Example("opsbus parameters get /web/color:3", "That of a version"),
            Example("opsbus parameters get /db/password --decrypt", "A secret"),
        ],
        options: [isDecrypted], arguments: [selection]
    ) { arguments, session in
        let output = try await session.connect().call(
            "ssm:GetParameter",
            [
                "Name": .string(try arguments.required(selection)),
                "WithDecryption": .bool(arguments[isDecrypted]),
            ])
        let parameter = output["Parameter"] ?? [:]
        session.output.result(parameter) { session.output.text(parameter.cell("Value")) }
        return .success
    }

    private static let listParameters = Command(
        "list", "List the parameters, or those below a path.",
        examples: [
            Example("opsbus parameters list", "Every parameter"),
            Example("opsbus parameters list /web", "Those below a path, at any depth"),
        ],
        arguments: [path]
    ) { arguments, session in
        let filters = arguments[path].map { path -> JSON in
            [["Key": "Path", "Option": "Recursive", "Values": [.string(path)]]]
        }
        let output = try await session.connect().callAll(
            "ssm:DescribeParameters", input([("ParameterFilters", filters)]), list: "Parameters")
        session.output.result(output) {
            var table = Table(["NAME", "TYPE", ">VERSION", "TIER", "CHANGED", "DESCRIPTION"])
            for parameter in output["Parameters"]?.array ?? [] {
                table.add([
                    parameter.cell("Name"), parameter.cell("Type"), parameter.cell("Version"),
                    parameter.cell("Tier"), changed(parameter), parameter.cell("Description"),
                ])
            }
            session.output.table(table, empty: "There are no parameters.")
        }
        return .success
    }

    private static let showHistory = Command(
        "history", "List the versions of a parameter, the oldest first.",
        examples: [Example("opsbus parameters history /web/color", "Who changed it when to what")],
        options: [isDecrypted], arguments: [name]
    ) { arguments, session in
        let output = try await session.connect().callAll(
            "ssm:GetParameterHistory",
            [
                "Name": .string(try arguments.required(name)), "WithDecryption": .bool(arguments[isDecrypted]),
            ], list: "Parameters")
        session.output.result(output) {
            var table = Table([">VERSION", "CHANGED", "BY", "LABELS", "VALUE"])
            for version in output["Parameters"]?.array ?? [] {
                let labels = (version["Labels"]?.array ?? []).compactMap(\.string)
                table.add([
                    version.cell("Version"), changed(version), version.cell("LastModifiedUser"),
                    labels.joined(separator: ","), version.cell("Value"),
                ])
            }
            session.output.table(table, empty: "There are no versions.")
        }
        return .success
    }

    private static let labelVersion = Command(
        "label", "Give a label to a version of a parameter; another version that has it loses it.",
        examples: [
            Example("opsbus parameters label /web/color production", "To the latest version"),
            Example("opsbus parameters label /web/color production --version 3", "To another"),
        ],
        options: [versionNumber], arguments: [name, labels]
    ) { arguments, session in
        let output = try await session.connect().call(
            "ssm:LabelParameterVersion",
            input([
                ("Name", .string(try arguments.required(name))),
                ("Labels", .array(arguments.all(labels).map { .string($0) })),
                ("ParameterVersion", .number(of: arguments[versionNumber])),
            ]))
        let refused = (output["InvalidLabels"]?.array ?? []).compactMap(\.string)
        session.output.result(output) { session.output.line("version \(output.cell("ParameterVersion"))") }
        for label in refused {
            session.output.remark(
                "\(label) is no label: letters, digits and .-_ that begin with none of a digit, aws, ssm")
        }
        return refused.isEmpty ? .success : .failure
    }

    private static let deleteParameters = Command(
        "delete", "Delete parameters with all their versions.",
        examples: [Example("opsbus parameters delete /web/color", "Delete it")], arguments: [names]
    ) { arguments, session in
        let connection = try session.connect()
        var deleted: [JSON] = []
        var missing: [JSON] = []
        var rest = arguments.all(names)[...]
        while !rest.isEmpty {
            let output = try await connection.call(
                "ssm:DeleteParameters", ["Names": .array(rest.prefix(10).map { .string($0) })])
            deleted += output["DeletedParameters"]?.array ?? []
            missing += output["InvalidParameters"]?.array ?? []
            rest = rest.dropFirst(10)
        }
        session.output.result(["DeletedParameters": .array(deleted), "InvalidParameters": .array(missing)]) {
            for name in deleted { session.output.line("\(name.cell) deleted") }
        }
        for name in missing { session.output.remark("there is no parameter \(name.cell)") }
        return missing.isEmpty ? .success : .failure
    }

    /// Times of the API count seconds.
    private static func changed(_ parameter: JSON) -> String {
        parameter["LastModifiedDate"]?.timestamp?.millisecondDescription ?? ""
    }

    private static let name = Argument("NAME", .text, "The parameter's name: one word, or a path.")
    private static let names = Argument("NAME", .text, count: 1...1000, "The names of parameters.")
    private static let selection = Argument("NAME", .text, "Its name, perhaps with :VERSION or :LABEL.")
    private static let value = Argument("VALUE", .text, "The text, @FILE, or - for standard input.")
    private static let path = Argument("PATH", .text, count: 0...1, "Begins with a slash.")
    private static let labels = Argument("LABEL", .text, count: 1...10, "The labels.")
    private static let type = Option(
        "type", "TYPE", .choice(["String", "StringList", "SecureString"]), "Of the value. [String]")
    private static let isOverwritten = Flag("overwrite", "Make a new version where there is the parameter already.")
    private static let description = Option("description", "TEXT", .text, "What it is for.")
    private static let allowedPattern = Option(
        "allowed-pattern", "REGEX", .text, "What the whole value must match, now and later.")
    private static let dataType = Option("data-type", "TYPE", .text, "What the value is: integer, url, json… [text]")
    private static let tier = Option(
        "tier", "TIER", .choice(["Standard", "Advanced", "Intelligent-Tiering"]),
        "Advanced may have 8 KiB and policies.")
    private static let policies = Option("policies", "JSON", .text, "When it expires, and who is told before.")
    private static let tag = Option("tag", "KEY=VALUE", .keyValue, repeated: true, "A tag of a new parameter.")
    private static let versionNumber = Option("version", "N", .positive, "The version. [the latest]")
    private static let isDecrypted = Flag("decrypt", "Show a SecureString in clear.")
}
