import Foundation

/// A command as a page shows it, with the output shown below it.
struct ShownCommand: Sendable {
    /// Without the prompt; several lines where a text in quotes or after `<<` goes on.
    var text: String
    /// Of the prompt, from 1.
    var line: Int
    /// Lines of output.
    var output: [String] = []
}

/// The `console` blocks of a Markdown page: commands after the prompt `$ `, and below each what it prints.
enum ConsoleBlock {
    /// - Parameter isComplete: Whether a text is a whole command; the lines after a `$ ` belong to it until it is.
    /// - Returns: The commands of all blocks, in order.
    static func commands(in page: String, isComplete: (String) throws -> Bool) rethrows -> [ShownCommand] {
        var commands: [ShownCommand] = []
        var isInside = false
        var isOpen = false
        for (index, line) in page.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if !isInside || line == "```" {
                isInside = line == "```console"
                continue
            }
            if isOpen {
                commands[commands.count - 1].text += "\n" + line
            } else if line.hasPrefix("$ ") {
                commands.append(ShownCommand(text: String(line.dropFirst(2)), line: index + 1))
            } else {
                commands[commands.count - 1].output.append(String(line))
                continue
            }
            isOpen = try !isComplete(commands[commands.count - 1].text)
        }
        return commands
    }
}

/// Compares what a page shows with what a command printed. Two lines agree where they are the same but for:
///
/// - identifiers: a UUID agrees with any UUID, `mi-` and 17 hexadecimal digits with any such, a SHA-256 with any other;
/// - times, `2026-03-01T08:00:00Z` with or without fractions, and times since: `+0.004s`;
/// - durations: a number with a unit, or several such (`2 hours, 25 minutes`);
/// - the number of spaces between words, since columns are as wide as what they hold;
/// - `…` in the page, which stands for any text within a line, and on a line by itself for any lines.
enum ShownOutput {
    /// Nil where they agree; else the lines that do not.
    static func difference(shown: [String], printed: [String]) -> String? {
        guard !agree(shown[...], printed[...]) else { return nil }
        return "shown:\n\(shown.joined(separator: "\n"))\nprinted:\n\(printed.joined(separator: "\n"))"
    }

    private static func agree(_ shown: ArraySlice<String>, _ printed: ArraySlice<String>) -> Bool {
        guard let line = shown.first else { return printed.isEmpty }
        if line == "…" {
            return (printed.startIndex...printed.endIndex).contains { agree(shown.dropFirst(), printed[$0...]) }
        }
        guard let other = printed.first, agree(line, other) else { return false }
        return agree(shown.dropFirst(), printed.dropFirst())
    }

    private static func agree(_ shown: String, _ printed: String) -> Bool {
        let parts = normal(shown).split(separator: "…", omittingEmptySubsequences: false)
        var rest = normal(printed)[...]
        guard let first = parts.first, let last = parts.last, rest.hasPrefix(first) else { return false }
        guard parts.count > 1 else { return rest == first }
        rest = rest.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let found = rest.range(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return rest.hasSuffix(last)
    }

    private static let units = "(?:ms|s|seconds?|minutes?|hours?|days?|weeks?)"

    private static let shapes = [
        ("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"), ("\\bmi-[0-9a-f]{17}\\b", "<node>"),
        ("\\b[0-9a-f]{64}\\b", "<digest>"), ("\\b\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d+)?Z", "<time>"),
        ("\\+\\d+\\.\\d+s\\b", "<since>"), ("\\b\\d+ \(units)\\b(?:, \\d+ \(units)\\b)*", "<duration>"), (" +", " "),
    ]

    private static func normal(_ line: String) -> String {
        shapes.reduce(line) { $0.replacingOccurrences(of: $1.0, with: $1.1, options: .regularExpression) }
    }
}
