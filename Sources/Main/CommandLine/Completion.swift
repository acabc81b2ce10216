internal import Core

/// Names that complete an argument from what a running server holds.
enum LiveName: Sendable, Hashable, CaseIterable {
    case rules, buses, archives, replays, nodes, documents, runbooks, topics, commands, executions

    /// The operation that lists them, its input, the list in its output and the name in each element.
    var source: (operation: String, input: JSON, list: String, name: String) {
        switch self {
        case .rules: ("events:ListRules", [:], "Rules", "Name")
        case .buses: ("events:ListEventBuses", [:], "EventBuses", "Name")
        case .archives: ("events:ListArchives", [:], "Archives", "ArchiveName")
        case .replays: ("events:ListReplays", [:], "Replays", "ReplayName")
        case .nodes: ("ssm:DescribeInstanceInformation", [:], "InstanceInformationList", "InstanceId")
        case .documents: ("ssm:ListDocuments", [:], "DocumentIdentifiers", "Name")
        case .runbooks:
            (
                "ssm:ListDocuments", ["Filters": [["Key": "DocumentType", "Values": ["Automation"]]]],
                "DocumentIdentifiers", "Name"
            )
        case .topics: ("sns:ListTopics", [:], "Topics", "TopicArn")
        case .commands: ("ssm:ListCommands", [:], "Commands", "CommandId")
        case .executions:
            (
                "ssm:DescribeAutomationExecutions", [:], "AutomationExecutionMetadataList", "AutomationExecutionId"
            )
        }
    }
}

/// Answers the hidden verb `__complete`: what may stand in place of the last word.
struct Completer {
    let parser: ArgumentParser

    /// What the last word could be; the shell itself completes files.
    enum Answer: Hashable {
        case candidates([String])
        case files
        case live(LiveName)
    }

    /// - Parameter words: All words after the program's name; the last is the one being typed, perhaps empty.
    func answer(_ words: [String]) -> Answer {
        let typed = words.last ?? ""
        var path = [parser.root]
        var positionals = 0
        var pending: (any OptionDeclaration)?
        for word in words.dropLast() {
            if pending != nil {
                pending = nil
            } else if word.hasPrefix("-") && word != "-" {
                pending = option(word, path)
            } else if let next = path[path.count - 1].subcommand(word) {
                path.append(next)
            } else {
                positionals += 1
            }
        }
        if let pending { return answer(pending.completion, typed) }
        if typed.hasPrefix("--"), let separator = typed.firstIndex(of: "=") {
            let name = String(typed[..<separator])
            guard let option = option(name, path) else { return .candidates([]) }
            let value = String(typed[typed.index(after: separator)...])
            guard case .candidates(let values) = answer(option.completion, value) else { return .files }
            return .candidates(values.map { "\(name)=\($0)" })
        }
        if typed.hasPrefix("-") {
            return matching(parser.options(of: path).map { "--\($0.name)" }.sorted(), typed)
        }
        let command = path[path.count - 1]
        if command.run == nil { return matching(command.subcommands.map(\.name), typed) }
        return answer(argument(positionals, of: command)?.completion ?? .none, typed)
    }

    /// The option of a word that still waits for its value.
    private func option(_ word: String, _ path: [Command]) -> (any OptionDeclaration)? {
        parser.options(of: path).first { option in
            option.valueName != nil && (word == "--\(option.name)" || option.short.map { word == "-\($0)" } ?? false)
        }
    }

    private func argument(_ index: Int, of command: Command) -> (any ArgumentDeclaration)? {
        var index = index
        for argument in command.arguments {
            if index < argument.count.upperBound { return argument }
            index -= argument.count.upperBound
        }
        return nil
    }

    private func answer(_ completion: Completion, _ typed: String) -> Answer {
        switch completion {
        case .none: .candidates([])
        case .files: .files
        case .values(let values): matching(values, typed)
        case .live(let name): .live(name)
        }
    }

    private func matching(_ candidates: [String], _ typed: String) -> Answer {
        .candidates(candidates.filter { $0.hasPrefix(typed) })
    }

    /// How long a shell may wait for names from a server.
    static let liveTimeout = Duration.milliseconds(200)

    /// Names of one kind that begin with what is typed; none where the server does not answer in time.
    static func names(_ kind: LiveName, beginningWith typed: String, _ connection: any Connection) async -> [String] {
        let source = kind.source
        let (answers, continuation) = AsyncStream<[String]>.makeStream()
        // Not structured: whichever comes first is the answer, and the process ends without waiting for the other.
        Task {
            // A server that is not there has no names; completion says nothing of errors.
            let output = (try? await connection.call(source.operation, source.input)) ?? .null
            continuation.yield((output[source.list]?.array ?? []).compactMap { $0[source.name]?.string })
        }
        Task {
            try? await Task.sleep(for: liveTimeout)
            continuation.yield([])
        }
        for await names in answers { return names.filter { $0.hasPrefix(typed) }.sorted() }
        return []
    }
}
