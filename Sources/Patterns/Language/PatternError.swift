public import Core

/// What is wrong with an event pattern (or with an event given to be matched), where, and what was probably meant.
public struct PatternError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Stable names of the kinds of error.
    public enum Code: String, Sendable, CaseIterable {
        /// Not JSON.
        case syntax = "Syntax"
        case notAnObject = "NotAnObject"
        /// An empty object, array or list where something is required.
        case empty = "Empty"
        /// A scalar or array where the language has no place for it.
        case misplacedValue = "MisplacedValue"
        case unknownOperator = "UnknownOperator"
        /// More than one key in an operator object.
        case tooManyKeys = "TooManyKeys"
        case invalidOperand = "InvalidOperand"
        case invalidNumericRange = "InvalidNumericRange"
        case invalidAddress = "InvalidAddress"
        case invalidWildcard = "InvalidWildcard"
        /// Wildcards or `$or` combinations beyond the service's limits.
        case tooComplex = "TooComplex"
        case invalidOr = "InvalidOr"
        /// The event, not the pattern, is malformed.
        case invalidEvent = "InvalidEvent"
    }

    public let code: Code

    /// The error code of the service's answer.
    public var serviceCode: String {
        code == .invalidEvent ? "ValidationException" : "InvalidEventPatternException"
    }

    /// What is wrong, in the service's words where it has any.
    public let reason: String
    /// Keys and array indexes that lead to the place inside the pattern; empty for the whole of it.
    public let path: [String]
    public let position: TextPosition
    /// What was probably meant, as a sentence such as `did you mean "prefix"?`.
    public let suggestion: String?

    public init(
        _ code: Code, _ reason: String, path: [String] = [], at position: TextPosition, suggestion: String? = nil
    ) {
        self.code = code
        self.reason = reason
        self.path = path
        self.position = position
        self.suggestion = suggestion
    }

    /// The service's sentence with line and column, the path inside the pattern, and the suggestion.
    public var description: String {
        if code == .invalidEvent { return "Event is not valid. Reason: \(reason) at \(position)" }
        var text = "Event pattern is not valid. Reason: \(reason) at \(position)"
        if !path.isEmpty { text += " (\(PatternPath.display(path)))" }
        if let suggestion { text += "; \(suggestion)" }
        return text
    }
}

/// Something legal in a pattern that is surely a mistake.
public struct PatternWarning: Hashable, Sendable, CustomStringConvertible {
    public let message: String
    /// As in `PatternError`.
    public let path: [String]
    public let position: TextPosition

    public init(_ message: String, path: [String], at position: TextPosition) {
        self.message = message
        self.path = path
        self.position = position
    }

    public var description: String { "\(PatternPath.display(path)): \(message) at \(position)" }
}

enum PatternPath {
    /// `["detail", "state", "0"]` as `detail.state[0]`.
    static func display(_ path: [String]) -> String {
        var text = ""
        for step in path {
            if !text.isEmpty, !step.isEmpty, step.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
                text += "[\(step)]"
            } else {
                text += text.isEmpty ? step : ".\(step)"
            }
        }
        return text
    }
}

enum Spelling {
    /// The word of a list that is most like the one given, if it is near enough to have been meant.
    static func nearest(to word: String, in words: [String]) -> String? {
        let given = Array(word.lowercased().utf8.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 })
        guard given.count <= 40 else { return nil }
        let ranked = words.map { ($0, distance(given, Array($0.utf8))) }
        guard let best = ranked.min(by: { $0.1 < $1.1 }) else { return nil }
        return best.1 <= max(1, best.0.utf8.count / 3) ? best.0 : nil
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
