internal import Core
internal import Platform

extension Command {
    static let run = Command(
        "run", "Run a command, or a command document, on nodes.",
        discussion: """
            What follows '--' is the command: one word is a line of shell, several are a program and its arguments as \
            they are. It ends where --targets or --node follow, if none stands before the '--'. It is followed to \
            its end; with a DOCUMENT or --shell, --wait does that, and without it the command's id is printed.
            Following prints each node's progress and output; on a terminal a line below counts. ^C ends the \
            following, not the command.
            Exit codes: 0 every node succeeded, 1 some did not or there was none, 64 usage, 69 no server, 77 access \
            denied, 130 ^C. A script's own exit code is shown beside its node.
            """,
        examples: [
            Example(
                "opsbus run --targets tag:env=prod --max-concurrency 10% --max-errors 2 -- uptime",
                "Run a command on the nodes with a tag, a tenth at a time, until a third fails"),
            Example(
                "opsbus run --node mi-0123456789abcdef0 --show failed -- 'df -h / | tail -n 1'", "Run a line of shell"),
            Example(
                "opsbus run Restart-Service --targets tag:role=web -p service=nginx --max-concurrency 2 --wait",
                "Run a document on all nodes with a tag, two at a time"),
        ],
        options: [
            shell, nodeList, CommonOptions.targets, CommonOptions.parameters, CommonOptions.wait, detach, show,
            timeout, maxConcurrency, maxErrors, comment,
        ],
        arguments: [document], trailing: Trailing("COMMAND", endsAt: [CommonOptions.targets.name, nodeList.name])
    ) { arguments, session in
        let request = try commandRequest(arguments)
        let connection = try session.connect()
        let output = try await connection.call("ssm:SendCommand", request)
        guard let identifier = output["Command"]?["CommandId"]?.string else {
            throw CommandError(.internal, "the server answered no CommandId")
        }
        let isFollowed = arguments[CommonOptions.wait] || arguments.trailing != nil
        guard isFollowed && !arguments[detach] else {
            session.output.result(output) { session.output.line(identifier) }
            return .success
        }
        let progress = CommandProgress(
            identifier: identifier, connection: connection, output: session.output,
            shown: arguments[show].flatMap(CommandProgress.Shown.init(rawValue:)) ?? .all)
        return try await session.untilInterrupted {
            do {
                return try await progress.follow()
            } catch is CancellationError {
                session.output.remark("the command goes on; to end it: opsbus commands cancel \(identifier)")
                return .interrupted
            }
        }
    }

    private static func commandRequest(_ arguments: Arguments) throws(CommandError) -> JSON {
        var parameters = CommonOptions.parameterMap(arguments)
        let name: String
        switch (arguments[document], arguments[shell], arguments.trailing.map(shellLine)) {
        case (let document?, nil, nil): name = document
        case (nil, let script?, nil), (nil, nil, let script?):
            name = "AWS-RunShellScript"
            parameters["commands"] = .array(
                script.split(separator: "\n", omittingEmptySubsequences: false).map { .string(String($0)) })
        case (nil, nil, nil): throw .usage("nothing to run", fix: "give a DOCUMENT, --shell COMMAND or -- COMMAND")
        default: throw .usage("DOCUMENT, --shell and -- COMMAND exclude each other", fix: "give one of them")
        }
        let targets = CommonOptions.targetList(arguments)
        let instances = arguments.all(nodeList).flatMap { CommonOptions.commaSeparated($0) }
        guard !instances.isEmpty || targets != [] else {
            throw .usage("no nodes given", fix: "give --node ID,... or --targets tag:KEY=VALUE")
        }
        return input([
            ("DocumentName", .string(name)),
            ("InstanceIds", instances.isEmpty ? nil : .array(instances)),
            ("Targets", targets == [] ? nil : targets),
            ("Parameters", parameters == [:] ? nil : parameters),
            ("TimeoutSeconds", .number(of: arguments[timeout].map { Int($0.components.seconds) })),
            ("MaxConcurrency", .text(arguments[maxConcurrency])),
            ("MaxErrors", .text(arguments[maxErrors])),
            ("Comment", .text(arguments[comment])),
        ])
    }

    private static let shell = Option("shell", short: "s", "COMMAND", .text, "Run this with AWS-RunShellScript.")
    private static let nodeList = Option(
        "node", "ID[,ID]", .text.completing(.live(.nodes)), repeated: true, "Nodes by their ids.")
    private static let detach = Flag("detach", "Do not follow a command given after '--'; print its id.")
    private static let show = Option(
        "show", "all|failed|none", .choice(CommandProgress.Shown.allCases.map(\.rawValue)),
        "Whose output to print when following. [all]")
    private static let timeout = Option(
        "timeout", "DURATION", .duration, "Give up on nodes that have not begun by then (30s or more).")
    private static let maxConcurrency = Option(
        "max-concurrency", "N|N%", .countOrPercentage, "How many nodes run it at a time. [50]")
    private static let maxErrors = Option(
        "max-errors", "N|N%", .countOrPercentage, "Stop sending after more failed nodes than this. [0]")
    private static let comment = Option("comment", "TEXT", .text, "Why, for the record.")
    private static let document = Argument(
        "DOCUMENT", .text.completing(.live(.documents)), count: 0...1, "The command document's name.")

    /// One word is a line of shell; several are words that the shell is to take as they are.
    static func shellLine(_ words: [String]) -> String {
        guard words.count > 1 else { return words.first ?? "" }
        return words.map { word in
            let isPlain = !word.isEmpty && word.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-_./:=,+@%".utf8.contains(byte)
                }
            }
            if isPlain { return word }
            return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
        }.joined(separator: " ")
    }
}

extension ValueSyntax where Value == String {
    /// As the API takes MaxConcurrency and MaxErrors.
    static let countOrPercentage = ValueSyntax { (text) throws(ValueError) in
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard let number = Int(digits), number >= 0, !text.hasSuffix("%") || number <= 100 else {
            throw ValueError("is neither a number such as 10 nor a percentage such as 25%")
        }
        return text
    }
}
