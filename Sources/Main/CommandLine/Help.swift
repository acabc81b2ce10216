/// The help of one command, made from its declaration.
struct Help {
    let path: [Command]
    let globals: [any OptionDeclaration]
    let style: Style
    /// Columns to wrap at.
    let width: Int

    private var command: Command { path[path.count - 1] }
    private var name: String { path.map(\.name).joined(separator: " ") }

    var text: String {
        var sections = [command.summary]
        sections.append("\(style.heading("Usage:")) \(usage)")
        if !command.discussion.isEmpty { sections.append(wrapped(command.discussion, indentation: 0)) }
        list("Commands", command.subcommands.map { ($0.name, $0.summary) }, &sections)
        list("Arguments", command.arguments.map { ($0.name, $0.summary) }, &sections)
        list("Options", path.flatMap(\.options).map { (label($0), summary($0)) }, &sections)
        if path.count == 1 { list("Options of every command", globals.map { (label($0), summary($0)) }, &sections) }
        if !examples.isEmpty {
            let lines = examples.map { "  \(style.faint("# \($0.meaning)"))\n  \($0.line)" }
            sections.append("\(style.heading("Examples:"))\n\(lines.joined(separator: "\n\n"))")
        }
        if path.count > 1 {
            sections.append("Options of every command, such as --output json: see 'opsbus --help'.")
        }
        return sections.joined(separator: "\n\n") + "\n"
    }

    /// A command that only holds others shows the first example of each.
    private var examples: [Command.Example] {
        command.run != nil || !command.examples.isEmpty
            ? command.examples : command.subcommands.compactMap(\.examples.first)
    }

    private var usage: String {
        var parts = [name]
        if !path.flatMap(\.options).isEmpty || path.count == 1 { parts.append("[options]") }
        if !command.subcommands.isEmpty { parts.append("COMMAND") }
        for argument in command.arguments {
            let many = argument.count.upperBound > 1 ? "..." : ""
            parts.append(argument.count.lowerBound == 0 ? "[\(argument.name)\(many)]" : argument.name + many)
        }
        if let trailing = command.trailing { parts.append("[-- \(trailing.name)...]") }
        return parts.joined(separator: " ")
    }

    private func label(_ option: any OptionDeclaration) -> String {
        let short = option.short.map { "-\($0), " } ?? ""
        return "\(short)--\(option.name)" + (option.valueName.map { " \($0)" } ?? "")
    }

    private func summary(_ option: any OptionDeclaration) -> String {
        option.isRepeated ? option.summary + " May be repeated." : option.summary
    }

    private func list(_ title: String, _ rows: [(name: String, summary: String)], _ sections: inout [String]) {
        guard !rows.isEmpty else { return }
        let column = min(rows.map { displayWidth($0.name) }.max() ?? 0, 28) + 4
        let lines = rows.map { row in
            let summary = wrapped(row.summary, indentation: column)
            let padding = column - 2 - displayWidth(row.name)
            guard padding >= 2 else { return "  \(row.name)\n\(String(repeating: " ", count: column))\(summary)" }
            return "  \(row.name)\(String(repeating: " ", count: padding))\(summary)"
        }
        sections.append("\(style.heading("\(title):"))\n\(lines.joined(separator: "\n"))")
    }

    /// The text broken at spaces; lines after the first of a paragraph are indented, the first is not.
    private func wrapped(_ text: String, indentation: Int) -> String {
        let margin = String(repeating: " ", count: indentation)
        let room = max(width - indentation, 30)
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { paragraph in
            // Lines that are indented already are meant to stand as they are.
            if paragraph.hasPrefix(" ") { return String(paragraph) }
            var lines: [String] = []
            var line = ""
            for word in paragraph.split(separator: " ") {
                if !line.isEmpty && displayWidth(line) + 1 + displayWidth(word) > room {
                    lines.append(line)
                    line = ""
                }
                line += line.isEmpty ? String(word) : " \(word)"
            }
            return (lines + [line]).joined(separator: "\n\(margin)")
        }.joined(separator: "\n\(margin)")
    }
}
