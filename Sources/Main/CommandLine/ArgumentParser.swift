internal import Core

/// Turns the words of a command line into a command and its arguments.
///
/// Options may stand anywhere after the command they belong to; global ones anywhere. `--` ends the options.
struct ArgumentParser {
    let root: Command
    /// Options of every command.
    let globals: [any OptionDeclaration]

    /// What was typed: the command's path from the root and its arguments.
    struct Result {
        var path: [Command]
        var arguments = Arguments()
        /// `--help` or `-h` was among the words; the arguments are then not complete.
        var wantsHelp = false
    }

    static let help = Flag("help", short: "h", "Show this help.")

    /// - Parameter words: Without the program's name.
    /// - Throws: `CommandError` `.usage`.
    func parse(_ words: [String]) throws(CommandError) -> Result {
        var result = Result(path: [root])
        var positionals: [String] = []
        var rest = words[...]
        var problem: CommandError?
        while let word = rest.popFirst() {
            do throws(CommandError) {
                if word == "--", let trailing = result.path[result.path.count - 1].trailing {
                    takeTrailing(trailing, &rest, &result)
                } else if word == "--" {
                    positionals.append(contentsOf: rest)
                    break
                } else if word.hasPrefix("--") {
                    try parseLong(word, &rest, &result)
                } else if word.hasPrefix("-") && word != "-" {
                    try parseShort(word, &rest, &result)
                } else {
                    try take(word, &positionals, &result)
                }
            } catch {
                // Help is shown even where other words are wrong.
                problem = problem ?? error
            }
        }
        if result.wantsHelp { return result }
        if let problem { throw problem }
        try assign(positionals, &result)
        return result
    }

    /// The options that may follow the commands of a path.
    func options(of path: [Command]) -> [any OptionDeclaration] {
        path.flatMap(\.options) + globals + [ArgumentParser.help]
    }

    private func takeTrailing(_ trailing: Trailing, _ rest: inout ArraySlice<String>, _ result: inout Result) {
        var words = rest
        if !trailing.endsAt.contains(where: result.arguments.has(option:)) {
            words = rest.prefix { word in
                !trailing.endsAt.contains { word == "--\($0)" || word.hasPrefix("--\($0)=") }
            }
        }
        result.arguments.trailing = Array(words)
        rest = rest.dropFirst(words.count)
    }

    private func take(
        _ word: String, _ positionals: inout [String], _ result: inout Result
    ) throws(CommandError) {
        let command = result.path[result.path.count - 1]
        guard command.run == nil else {
            positionals.append(word)
            return
        }
        guard let next = command.subcommand(word) else {
            let names = command.subcommands.map(\.name)
            let near = nearest(to: word, among: names).map { "did you mean '\($0)'?" }
            throw .usage("there is no command '\(spelled(result.path)) \(word)'", fix: near ?? choice(result.path))
        }
        result.path.append(next)
    }

    private func parseLong(
        _ word: String, _ rest: inout ArraySlice<String>, _ result: inout Result
    ) throws(CommandError) {
        let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts.first.map(String.init) ?? ""
        let options = options(of: result.path)
        guard let option = options.first(where: { $0.name == name }) else {
            let near = nearest(to: name, among: options.map(\.name)).map { "did you mean '--\($0)'?" }
            throw .usage("unknown option '--\(name)'", fix: near ?? helpHint(result.path))
        }
        try add(option, spelled: "--\(name)", value: parts.count > 1 ? String(parts[1]) : nil, &rest, &result)
    }

    /// `-n VALUE`, `-nVALUE`, and flags run together: `-wv`.
    private func parseShort(
        _ word: String, _ rest: inout ArraySlice<String>, _ result: inout Result
    ) throws(CommandError) {
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            guard let option = options(of: result.path).first(where: { $0.short == letter }) else {
                throw .usage("unknown option '-\(letter)'", fix: helpHint(result.path))
            }
            if option.valueName == nil {
                try add(option, spelled: "-\(letter)", value: nil, &rest, &result)
            } else {
                let attached = letters.first == "=" ? letters.dropFirst() : letters
                try add(
                    option, spelled: "-\(letter)", value: letters.isEmpty ? nil : String(attached), &rest, &result)
                return
            }
        }
    }

    private func add(
        _ option: any OptionDeclaration, spelled: String, value: String?, _ rest: inout ArraySlice<String>,
        _ result: inout Result
    ) throws(CommandError) {
        if option.name == ArgumentParser.help.name {
            result.wantsHelp = true
            return
        }
        guard let valueName = option.valueName else {
            guard value == nil else {
                throw .usage("\(spelled) takes no value", fix: "write \(spelled) alone")
            }
            return result.arguments.add(true, text: "true", option: option)
        }
        guard let text = value ?? rest.popFirst() else {
            throw .usage("\(spelled) needs a value", fix: "write \(spelled) \(valueName)")
        }
        do {
            result.arguments.add(try option.value(of: text), text: text, option: option)
        } catch {
            throw .usage("\(spelled): '\(text)' \(error.problem)", fix: helpHint(result.path))
        }
    }

    private func assign(_ positionals: [String], _ result: inout Result) throws(CommandError) {
        let command = result.path[result.path.count - 1]
        guard command.run != nil else {
            throw .usage("'\(spelled(result.path))' needs a command", fix: choice(result.path))
        }
        var rest = positionals[...]
        for (index, argument) in command.arguments.enumerated() {
            // An optional argument leaves enough for the required ones after it.
            let needed = command.arguments[(index + 1)...].reduce(0) { $0 + $1.count.lowerBound }
            let available = min(argument.count.upperBound, max(rest.count - needed, argument.count.lowerBound))
            let taken = rest.prefix(available)
            rest = rest.dropFirst(taken.count)
            guard taken.count >= argument.count.lowerBound else {
                throw .usage("\(argument.name) is missing", fix: helpHint(result.path))
            }
            for text in taken {
                do {
                    result.arguments.add(try argument.value(of: text), argument: argument.name)
                } catch {
                    throw .usage("\(argument.name): '\(text)' \(error.problem)", fix: helpHint(result.path))
                }
            }
        }
        if let extra = rest.first {
            throw .usage("'\(extra)' is one argument too many", fix: helpHint(result.path))
        }
    }

    /// The commands that may follow, where they are few enough for one line.
    private func choice(_ path: [Command]) -> String {
        let names = path[path.count - 1].subcommands.map(\.name)
        return names.count > 10 ? helpHint(path) : "choose one of \(names.joined(separator: ", "))"
    }

    private func helpHint(_ path: [Command]) -> String { "see '\(spelled(path)) --help'" }

    private func spelled(_ path: [Command]) -> String { path.map(\.name).joined(separator: " ") }
}
