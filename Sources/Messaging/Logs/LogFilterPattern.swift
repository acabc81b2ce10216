internal import API
internal import Core

/// Which log lines are asked for: by terms, by the members of a JSON object, or by the fields of a line.
/// - Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters, filter log
///   events, and Live Tail".
enum LogFilterPattern: Sendable {
    case terms(LogTerms)
    /// `{ $.level = "ERROR" && $.took > 5 }`
    case json(LogCondition<LogSelector>)
    /// `[ip, user, ..., status = 4*, bytes > 1000]`
    case fields(LogFields)

    /// - Throws: `ServiceError` `.invalidParameterException` that names the place.
    init(_ text: String) throws(ServiceError) {
        var reader = LogPatternReader(text)
        switch reader.peek {
        case "{": self = .json(try reader.jsonPattern())
        case "[": self = .fields(try reader.fieldsPattern())
        default: self = .terms(try reader.terms())
        }
    }

    func matches(_ line: String) -> Bool {
        switch self {
        case .terms(let terms): return terms.matches(line)
        case .fields(let fields): return fields.matches(line)
        case .json(let condition):
            guard let object = try? JSON(parsing: line), object.object != nil else { return false }
            return condition.holds { selector, test in selector.values(in: object).contains(where: test.holds) }
        }
    }
}

/// Words that a line is to have or not.
///
/// `error disk` wants both, `?error ?warning` one of them, `-debug` none of those; `"two words"` is one term, and
/// `%4[0-9]{2}%` a regular expression. Terms match their exact characters anywhere in the line. Beside wanted terms,
/// optional ones say nothing.
struct LogTerms: Sendable {
    enum Term: Sendable {
        case text(String)
        case expression(RegularExpression)

        func isFound(in line: String) -> Bool {
            switch self {
            case .text(let text): line.contains(text)
            case .expression(let expression): expression.matches(line) == true
            }
        }
    }

    var wanted: [Term] = []
    var optional: [Term] = []
    var excluded: [Term] = []

    func matches(_ line: String) -> Bool {
        if excluded.contains(where: { $0.isFound(in: line) }) { return false }
        if wanted.isEmpty && !optional.isEmpty { return optional.contains { $0.isFound(in: line) } }
        return wanted.allSatisfy { $0.isFound(in: line) }
    }
}

/// The fields of a line that blanks divide, where quotation marks and brackets hold one together.
struct LogFields: Sendable {
    enum Column: Sendable {
        /// `...`: any number of fields.
        case rest
        /// One field, perhaps with a condition; the place says which field that is about.
        case field(LogCondition<Void>?)
    }

    let columns: [Column]

    func matches(_ line: String) -> Bool { matches(LogFields.fields(of: line)[...], columns[...]) }

    private func matches(_ fields: ArraySlice<String>, _ columns: ArraySlice<Column>) -> Bool {
        switch columns.first {
        case nil: return fields.isEmpty
        case .rest?:
            // There is one at most, so that what follows it belongs to the last fields.
            let following = columns.dropFirst()
            return following.count <= fields.count && matches(fields.suffix(following.count), following)
        case .field(let condition)?:
            guard let field = fields.first else { return false }
            let holds = condition?.holds { _, test in test.holds(.string(field)) } ?? true
            return holds && matches(fields.dropFirst(), columns.dropFirst())
        }
    }

    static func fields(of line: String) -> [String] {
        var fields: [String] = []
        var rest = line[...]
        while let start = rest.firstIndex(where: { !$0.isWhitespace }) {
            rest = rest[start...]
            let end: Character? =
                switch rest.first {
                case "\"": "\""
                case "[": "]"
                default: nil
                }
            if let end, let close = rest.dropFirst().firstIndex(of: end) {
                fields.append(String(rest[rest.index(after: rest.startIndex)..<close]))
                rest = rest[rest.index(after: close)...]
            } else {
                let word = rest.prefix { !$0.isWhitespace }
                fields.append(String(word))
                rest = rest[word.endIndex...]
            }
        }
        return fields
    }
}
