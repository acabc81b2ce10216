internal import API

/// Which log lines are asked for, in the term syntax of CloudWatch Logs.
///
/// `error disk` wants both words, `?error ?warning` one of them, `-debug` none of those; `"two words"` is one term.
/// Terms match their exact characters anywhere in the line. Beside wanted terms, optional ones say nothing.
/// - Source: CloudWatch Logs user guide, "Filter pattern syntax".
struct LogFilterPattern: Sendable, Hashable {
    private(set) var wanted: [String] = []
    private(set) var optional: [String] = []
    private(set) var excluded: [String] = []

    /// - Throws: `ServiceError` `.invalidParameterException` for JSON, columns and regular expressions, which OpsBus
    ///   does not match, and for a quotation mark that nothing closes.
    init(_ text: String) throws(ServiceError) {
        var rest = text[...]
        while let start = rest.firstIndex(where: { !$0.isWhitespace }) {
            rest = rest[start...]
            let sign = rest.first.flatMap { "?-".contains($0) ? $0 : nil }
            if sign != nil { rest = rest.dropFirst() }
            let term = try LogFilterPattern.term(&rest, of: text)
            switch sign {
            case "?": optional.append(term)
            case "-": excluded.append(term)
            default: wanted.append(term)
            }
        }
    }

    private static func term(_ rest: inout Substring, of text: String) throws(ServiceError) -> String {
        switch rest.first {
        case "{", "[", "%":
            throw ServiceError(
                .invalidParameterException,
                "Invalid filter pattern: \(text). OpsBus matches terms; JSON, columns and regular expressions it does "
                    + "not.")
        case "\"":
            var term = ""
            rest = rest.dropFirst()
            while let character = rest.popFirst() {
                if character == "\"" { return term }
                term.append(character == "\\" ? rest.popFirst() ?? character : character)
            }
            throw ServiceError(.invalidParameterException, "Invalid filter pattern: \(text). A quotation mark is open.")
        default:
            let term = rest.prefix { !$0.isWhitespace }
            rest = rest.dropFirst(term.count)
            return String(term)
        }
    }

    func matches(_ line: String) -> Bool {
        if excluded.contains(where: line.contains) { return false }
        if wanted.isEmpty && !optional.isEmpty { return optional.contains(where: line.contains) }
        return wanted.allSatisfy(line.contains)
    }
}
