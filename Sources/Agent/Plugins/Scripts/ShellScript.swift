internal import Core
internal import Documents

/// The inputs of `aws:runShellScript`, references resolved.
/// - Source: Systems Manager user guide, "aws:runShellScript"; amazon-ssm-agent for what it leaves open.
struct ShellScript: Sendable, Hashable {
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
        timeoutSeconds = ScriptTimeout.seconds(inputs["timeoutSeconds"])
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

    /// The path as one word of a shell command.
    static func quote(_ path: String) -> String {
        "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
