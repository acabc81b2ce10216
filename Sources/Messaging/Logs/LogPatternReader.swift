internal import API
internal import Core

/// Reads filter patterns.
struct LogPatternReader {
    private let text: String
    private let characters: [Character]
    private var index = 0

    /// Parentheses within each other at most.
    private static let depthMax = 50

    init(_ text: String) {
        self.text = text
        characters = Array(text)
        skipBlanks()
    }

    var peek: Character? { index < characters.count ? characters[index] : nil }

    private func error(_ what: String) -> ServiceError {
        ServiceError(
            .invalidParameterException, "Invalid filter pattern: \(text). At character \(index + 1): \(what).")
    }

    private mutating func skipBlanks() { while let next = peek, next.isWhitespace { index += 1 } }

    private mutating func skip(_ token: String) -> Bool {
        skipBlanks()
        guard characters[index...].starts(with: token) else { return false }
        index += token.count
        return true
    }

    private mutating func expect(_ token: String) throws(ServiceError) {
        guard skip(token) else { throw error("'\(token)' is missing") }
    }

    /// A word in capitals, which something else than a letter follows.
    private mutating func skipWord(_ word: String) -> Bool {
        let start = index
        guard skip(word), peek.map({ !$0.isLetter }) ?? true else {
            index = start
            return false
        }
        return true
    }

    private mutating func end() throws(ServiceError) {
        skipBlanks()
        if peek != nil { throw error("the pattern should have ended") }
    }

    // MARK: Terms

    mutating func terms() throws(ServiceError) -> LogTerms {
        var terms = LogTerms()
        while let first = peek {
            if first == "?" || first == "-" { index += 1 }
            let term: LogTerms.Term
            switch peek {
            case "\"": term = .text(try quoted())
            case "%": term = .expression(try expression())
            default:
                let text = word { !$0.isWhitespace }
                if text.isEmpty { throw error("a term is missing") }
                term = .text(text)
            }
            switch first {
            case "?": terms.optional.append(term)
            case "-": terms.excluded.append(term)
            default: terms.wanted.append(term)
            }
            skipBlanks()
        }
        return terms
    }

    private mutating func word(_ belongs: (Character) -> Bool) -> String {
        let start = index
        while let next = peek, belongs(next) { index += 1 }
        return String(characters[start..<index])
    }

    private mutating func quoted() throws(ServiceError) -> String {
        let start = index
        var result = ""
        index += 1
        while let next = peek {
            index += 1
            if next == "\"" { return result }
            if next == "\\", let escaped = peek {
                result.append(escaped)
                index += 1
            } else {
                result.append(next)
            }
        }
        index = start
        throw error("nothing closes this quotation mark")
    }

    private mutating func expression() throws(ServiceError) -> RegularExpression {
        let start = index
        index += 1
        let source = word { $0 != "%" }
        guard peek != nil else {
            index = start
            throw error("a regular expression ends with another %")
        }
        do throws(RegularExpressionError) {
            let expression = try RegularExpression(source)
            index += 1
            return expression
        } catch {
            index = start
            throw self.error("the regular expression is not valid: \(error)")
        }
    }

    // MARK: JSON

    mutating func jsonPattern() throws(ServiceError) -> LogCondition<LogSelector> {
        try expect("{")
        let condition = try condition(0) { (reader) throws(ServiceError) in try reader.selector() }
        try expect("}")
        try end()
        return condition
    }

    private mutating func selector() throws(ServiceError) -> LogSelector {
        try expect("$")
        var selector = LogSelector()
        while let next = peek, next == "." || next == "[" {
            index += 1
            if next == "." {
                let name = word { $0.isLetter || $0.isNumber || "_-:@#/".contains($0) }
                if name.isEmpty { throw error("the name of a member is missing") }
                selector.steps.append(.member(name))
            } else if peek == "\"" {
                selector.steps.append(.member(try quoted()))
                try expect("]")
            } else if skip("*") {
                selector.steps.append(.anyElement)
                try expect("]")
            } else {
                guard let number = Int(word { $0.isASCII && $0.isNumber }) else {
                    throw error("brackets hold the number of an element, a quoted name, or *")
                }
                selector.steps.append(.element(number))
                try expect("]")
            }
        }
        if selector.steps.isEmpty { throw error("a selector is written as $.name") }
        return selector
    }

    // MARK: Fields

    mutating func fieldsPattern() throws(ServiceError) -> LogFields {
        try expect("[")
        var columns: [LogFields.Column] = []
        var hasRest = false
        repeat {
            if skip("...") {
                if hasRest { throw error("'...' may stand once") }
                hasRest = true
                columns.append(.rest)
            } else {
                columns.append(try column())
            }
        } while skip(",")
        try expect("]")
        try end()
        return LogFields(columns: columns)
    }

    private mutating func column() throws(ServiceError) -> LogFields.Column {
        skipBlanks()
        let start = index
        let name = try fieldName()
        skipBlanks()
        if peek == "," || peek == "]" { return .field(nil) }
        index = start
        let condition = try condition(0) { (reader) throws(ServiceError) in
            let found = try reader.fieldName()
            guard found == name else { throw reader.error("the condition of \(name) names \(found)") }
        }
        return .field(condition)
    }

    private mutating func fieldName() throws(ServiceError) -> String {
        skipBlanks()
        let name = word { $0.isLetter || $0.isNumber || "_-".contains($0) }
        if name.isEmpty { throw error("the name of a field is missing") }
        return name
    }

    // MARK: Conditions

    private typealias SubjectReader<Subject> = (inout LogPatternReader) throws(ServiceError) -> Subject

    private mutating func condition<Subject>(
        _ depth: Int, _ subject: SubjectReader<Subject>
    ) throws(ServiceError) -> LogCondition<Subject> {
        var alternatives = [try conjunction(depth, subject)]
        while skip("||") { alternatives.append(try conjunction(depth, subject)) }
        return alternatives.count == 1 ? alternatives[0] : .any(alternatives)
    }

    private mutating func conjunction<Subject>(
        _ depth: Int, _ subject: SubjectReader<Subject>
    ) throws(ServiceError) -> LogCondition<Subject> {
        var parts = [try comparison(depth, subject)]
        while skip("&&") { parts.append(try comparison(depth, subject)) }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func comparison<Subject>(
        _ depth: Int, _ subject: SubjectReader<Subject>
    ) throws(ServiceError) -> LogCondition<Subject> {
        if skip("(") {
            if depth >= Self.depthMax { throw error("more than \(Self.depthMax) parentheses within each other") }
            let inner = try condition(depth + 1, subject)
            try expect(")")
            return inner
        }
        let subject = try subject(&self)
        if skipWord("NOT") {
            guard skipWord("EXISTS") else { throw error("NOT is followed by EXISTS") }
            return .absent(subject)
        }
        if skipWord("IS") {
            for (word, value) in [("TRUE", JSON.bool(true)), ("FALSE", .bool(false)), ("NULL", .null)]
            where skipWord(word) {
                return .compare(subject, .constant(value))
            }
            throw error("IS is followed by TRUE, FALSE or NULL")
        }
        return .compare(subject, try test())
    }

    private mutating func test() throws(ServiceError) -> LogTest {
        for order in [LogTest.Order.lessOrEqual, .greaterOrEqual, .less, .greater] where skip(order.rawValue) {
            skipBlanks()
            guard let number = LogTest.number(value()) else { throw error("\(order.rawValue) compares with a number") }
            return .ordered(order, number)
        }
        let isEqual: Bool
        if skip("==") {
            throw error("a single = compares")
        } else if skip("!=") {
            isEqual = false
        } else if skip("=") {
            isEqual = true
        } else {
            throw error("one of = != < <= > >= is missing")
        }
        skipBlanks()
        switch peek {
        case "\"": return .text(LogWildcard(try quoted()), isEqual: isEqual)
        case "%": return .expression(try expression(), isEqual: isEqual)
        default:
            let word = value()
            if word.isEmpty { throw error("the value to compare with is missing") }
            if let number = LogTest.number(word) { return .number(number, isEqual: isEqual) }
            return .text(LogWildcard(word), isEqual: isEqual)
        }
    }

    /// A value without quotation marks.
    private mutating func value() -> String { word { !$0.isWhitespace && !"&|,)]}".contains($0) } }
}
