internal import Core

/// The inputs of `aws:runShellScript`, references resolved.
/// - Source: Systems Manager user guide, "aws:runShellScript"; amazon-ssm-agent for what it leaves open.
struct ShellScript: Sendable, Hashable {
    static let timeoutDefault = 3600
    static let timeoutRange = 5...172_800

    /// The script's text, ending in a line feed.
    let text: String
    let timeoutSeconds: Int
    /// Empty for that of the command's downloads.
    let workingDirectory: String

    /// - Parameter inputs: `runCommand`, a text or a list of lines, themselves lists where a parameter was a list;
    ///   `timeoutSeconds`, `workingDirectory`.
    /// - Returns: Nil where `runCommand` is missing or holds something else.
    init?(inputs: JSON) {
        guard let lines = ShellScript.lines(inputs["runCommand"] ?? .null) else { return nil }
        text = lines.joined(separator: "\n") + "\n"
        timeoutSeconds = ShellScript.timeout(inputs["timeoutSeconds"])
        workingDirectory = inputs["workingDirectory"]?.string ?? ""
    }

    private static func lines(_ value: JSON) -> [String]? {
        switch value {
        case .string(let text): return [text]
        case .number(let number): return [number.text]
        case .bool(let bool): return [bool ? "true" : "false"]
        case .array(let elements):
            var lines: [String] = []
            for element in elements {
                guard let more = ShellScript.lines(element) else { return nil }
                lines += more
            }
            return lines
        case .null, .object: return nil
        }
    }

    /// Missing, unreadable and out-of-range values all mean the default, as the agent of Systems Manager has it.
    private static func timeout(_ value: JSON?) -> Int {
        let seconds = value?.double ?? value?.string.flatMap(Double.init) ?? 0
        guard seconds.isFinite, seconds.magnitude < 1e9, timeoutRange.contains(Int(seconds)) else {
            return timeoutDefault
        }
        return Int(seconds)
    }

    /// The path as one word of a shell command.
    static func quote(_ path: String) -> String {
        "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
