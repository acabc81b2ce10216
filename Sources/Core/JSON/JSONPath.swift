/// A path into a JSON value: the subset of JSONPath that `InputPath`, input transformers and selectors of runbook
/// outputs use.
///
/// `$`, then any of `.name`, `['name']`, `[3]`, `[*]` (all elements of an array or members of an object) and, twice at
/// most, `..` before a name or a bracket: that step is then tried on the value and on all inside it, in the order
/// of the text. A name after a dot runs to the next `.` or `[`, so `$.detail-type` needs no quotes.
/// - Source: EventBridge user guide, "Input transformation"; Systems Manager user guide, "Using action outputs as
///   inputs".
public struct JSONPath: Sendable, Hashable, CustomStringConvertible {
    /// The path as it was written.
    public let text: String
    private let steps: [Step]

    fileprivate struct Step: Sendable, Hashable {
        var selector: Selector
        /// Written after `..`: applies at any depth.
        var isDeep = false
    }

    fileprivate enum Selector: Sendable, Hashable {
        case name(String)
        case index(Int)
        case all

        func matches(in value: JSON) -> [JSON] {
            switch self {
            case .name(let name): value[name].map { [$0] } ?? []
            case .index(let index): value[index].map { [$0] } ?? []
            case .all: value.children
            }
        }
    }

    /// - Throws: `JSONPathError` with the column of what is wrong.
    public init(parsing text: String) throws(JSONPathError) {
        self.text = text
        var parser = JSONPathParser(text)
        steps = try parser.path()
    }

    public var description: String { text }

    /// Whether the path leads to one value at most: it has neither `[*]` nor `..`.
    public var isDefinite: Bool { steps.allSatisfy { !$0.isDeep && $0.selector != .all } }

    /// What the path leads to.
    ///
    /// The steps before the first `[*]` or `..` must all lead somewhere; after it, values that a step does not fit are
    /// passed over. Where a key is repeated, the last member counts.
    /// - Returns: For a definite path its value, possibly JSON's `null`; otherwise an array of all matches, possibly
    ///   empty. Nil where the definite part leads nowhere.
    public func values(in document: JSON) -> JSON? {
        var value = document
        let definite = steps.prefix { !$0.isDeep && $0.selector != .all }
        for step in definite {
            guard let match = step.selector.matches(in: value).first else { return nil }
            value = match
        }
        guard definite.count < steps.count else { return value }
        var matches = [value]
        for step in steps[definite.count...] {
            let candidates = step.isDeep ? matches.flatMap(\.selfAndDescendants) : matches
            matches = candidates.flatMap { step.selector.matches(in: $0) }
        }
        return .array(matches)
    }
}

extension JSON {
    /// Elements of an array, values of an object's members; empty for other types.
    fileprivate var children: [JSON] {
        switch self {
        case .array(let elements): elements
        case .object(let object): object.map(\.value)
        default: []
        }
    }

    fileprivate var selfAndDescendants: [JSON] {
        var all: [JSON] = []
        func visit(_ value: JSON) {
            all.append(value)
            for child in value.children { visit(child) }
        }
        visit(self)
        return all
    }
}

/// What is wrong with a JSON path, and where.
public struct JSONPathError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The path does not begin with `$`.
        case root
        /// Something other than a step, or an unfinished one.
        case step
        /// A third `..`.
        case deepScan
    }

    public let code: Code
    public let message: String
    /// Counts Unicode scalars from 1.
    public let column: Int

    public init(_ code: Code, _ message: String, column: Int) {
        self.code = code
        self.message = message
        self.column = column
    }

    public var description: String { "\(message) at column \(column)" }
}

private struct JSONPathParser {
    let scalars: [Unicode.Scalar]
    var index = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    var current: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    func error(_ code: JSONPathError.Code, _ message: String) -> JSONPathError {
        JSONPathError(code, message, column: index + 1)
    }

    mutating func consume(_ scalar: Unicode.Scalar) -> Bool {
        guard current == scalar else { return false }
        index += 1
        return true
    }

    mutating func path() throws(JSONPathError) -> [JSONPath.Step] {
        guard consume("$") else { throw error(.root, "a path begins with '$'") }
        var steps: [JSONPath.Step] = []
        while current != nil {
            var isDeep = false
            if index + 1 < scalars.count, scalars[index] == ".", scalars[index + 1] == "." {
                // Each multiplies the matches by the document's depth. Real runbooks use two, none more.
                guard steps.count(where: \.isDeep) < 2 else {
                    throw error(.deepScan, "a path may hold '..' twice at most")
                }
                isDeep = true
                // The second dot introduces a name, but goes where a bracket follows.
                index += index + 2 < scalars.count && scalars[index + 2] == "[" ? 2 : 1
            }
            steps.append(JSONPath.Step(selector: try selector(), isDeep: isDeep))
        }
        return steps
    }

    mutating func selector() throws(JSONPathError) -> JSONPath.Selector {
        if consume(".") { return .name(try name()) }
        guard consume("[") else { throw error(.step, "expected '.' or '['") }
        let selector: JSONPath.Selector
        if consume("*") {
            selector = .all
        } else if let quote = current, quote == "'" || quote == "\"" {
            selector = .name(try quotedName())
        } else {
            selector = .index(try number())
        }
        guard consume("]") else { throw error(.step, "expected ']'") }
        return selector
    }

    /// A name after a dot.
    mutating func name() throws(JSONPathError) -> String {
        var name = String.UnicodeScalarView()
        while let scalar = current, scalar != ".", scalar != "[" {
            if scalar.value <= 0x20 || "]'\"*()?,".unicodeScalars.contains(scalar) {
                throw error(.step, "'\(scalar)' must be written in brackets and quotes, as in ['name']")
            }
            name.append(scalar)
            index += 1
        }
        if name.isEmpty { throw error(.step, "expected a name after '.'") }
        return String(name)
    }

    /// A name in single or double quotes; `\` makes the character after it stand for itself.
    mutating func quotedName() throws(JSONPathError) -> String {
        let quote = scalars[index]
        let start = index
        var name = String.UnicodeScalarView()
        index += 1
        while let scalar = current {
            index += 1
            if scalar == quote { return String(name) }
            if scalar == "\\", let escaped = current {
                name.append(escaped)
                index += 1
            } else {
                name.append(scalar)
            }
        }
        index = start
        throw error(.step, "the quoted name is not closed")
    }

    mutating func number() throws(JSONPathError) -> Int {
        let start = index
        while let scalar = current, ("0"..."9").contains(scalar) { index += 1 }
        var digits = String.UnicodeScalarView()
        digits.append(contentsOf: scalars[start..<index])
        guard let number = Int(String(digits)) else {
            index = start
            throw error(.step, "expected an index from 0, '*' or a name in quotes")
        }
        return number
    }
}
