internal import API
internal import Core

/// Prints results the way the caller asked for.
struct Output: Sendable {
    enum Format: String, Sendable, CaseIterable {
        /// Tables and sentences, for people.
        case table
        /// The operation's output as it is, for programs.
        case json
    }

    let terminal: any Terminal
    let format: Format
    let style: Style

    init(terminal: any Terminal, format: Format = .table, isColored: Bool = false) {
        self.terminal = terminal
        self.format = format
        style = Style(isColored: isColored)
    }

    func line(_ text: String) { terminal.write(text + "\n") }

    /// Text as it is, without a line end of its own.
    func raw(_ text: String) { terminal.write(text) }

    /// Text of several lines, each made safe to show.
    func text(_ text: String) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        for content in lines { line(printable(String(content))) }
    }

    /// A remark that is no part of the result, on standard error.
    func remark(_ text: String) { terminal.writeError("opsbus: \(printable(text))\n") }

    /// One complete result: indented for people, on one line for programs.
    func json(_ value: JSON) { line(terminal.isInteractive ? value.prettyText : value.text) }

    /// One of a stream of results: always on one line.
    func jsonLine(_ value: JSON) { line(value.text) }

    /// The operation's output as it is, or what `people` make of it.
    func result(_ value: JSON, people: () -> Void) {
        switch format {
        case .json: json(value)
        case .table: people()
        }
    }

    /// - Parameter empty: The sentence that stands for a table without rows.
    func table(_ table: Table, empty: String) {
        if table.rows.isEmpty {
            line(empty)
        } else {
            raw(table.text(style: style, width: terminal.isInteractive ? terminal.width : nil))
        }
    }

    /// Named values, one a line; those without a value are left out.
    func record(_ members: [(name: String, value: String)]) {
        let shown = members.filter { !$0.value.isEmpty }
        let column = (shown.map { displayWidth($0.name) }.max() ?? 0) + 2
        for member in shown {
            let padding = String(repeating: " ", count: column - displayWidth(member.name))
            line("\(style.faint(member.name))\(padding)\(hanging(member.value, by: column))")
        }
    }

    /// Lines of text, all but the first indented.
    func hanging(_ text: String, by columns: Int) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
            .joined(separator: "\n" + String(repeating: " ", count: columns))
    }
}

/// A number with its noun: `1 document`, `2 documents`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

extension JSON {
    /// A value as a cell of a table shows it: text without quotes, nothing for null and for what is empty.
    var cell: String {
        switch self {
        case .null, .array([]): ""
        case .object(let object) where object.isEmpty: ""
        case .string(let text): text
        default: text
        }
    }

    /// A member of an object as a cell; empty where it is missing.
    func cell(_ key: String) -> String { self[key]?.cell ?? "" }

    /// A member that holds a time, which AWS APIs write as seconds since 1970 or as RFC 3339.
    func timeCell(_ key: String) -> String {
        guard let value = self[key], !value.isNull else { return "" }
        return value.timestamp?.description ?? value.cell
    }
}
