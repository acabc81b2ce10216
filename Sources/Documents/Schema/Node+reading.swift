internal import Core

/// Reading the parts of a document with errors that say what was expected and where.
extension Node {
    /// Reads the text of a document.
    /// - Throws: `DocumentError` `.syntax`
    init(document content: [UInt8], fileName: String?) throws(DocumentError) {
        try Document.checkSize(of: content)
        do throws(YAMLError) {
            self = try Node(parsing: content, fileName: fileName)
        } catch {
            throw DocumentError(.syntax, error.message, at: error.position)
        }
    }

    var typeName: String { json.typeName }

    /// Strings as they are, numbers and booleans by their spelling: authors leave quotes out.
    var plainText: String? {
        switch value {
        case .string(let text): text
        case .number(let number): number.text
        case .bool(let flag): flag ? "true" : "false"
        default: nil
        }
    }

    /// The member, with `null` and the empty string read as absent.
    func present(_ key: String) -> Node? {
        guard let node = self[key], node.value != .null, node.value != .string("") else { return nil }
        return node
    }

    func required(_ key: String, of owner: String) throws(DocumentError) -> Node {
        guard let node = self[key], node.value != .null else {
            throw DocumentError(.content, "\(owner) needs \"\(key)\"", at: position)
        }
        return node
    }

    func text(_ what: String) throws(DocumentError) -> String {
        guard let plainText else { throw mismatch(what, "text") }
        return plainText
    }

    func list(_ what: String) throws(DocumentError) -> [Node] {
        guard let elements else { throw mismatch(what, "a list") }
        return elements
    }

    func map(_ what: String) throws(DocumentError) -> [Member] {
        guard let members else { throw mismatch(what, "a map") }
        return members
    }

    func integer(_ what: String) throws(DocumentError) -> Int {
        guard let text = plainText, let value = JSONNumber(uncheckedText: text).int else {
            throw mismatch(what, "an integer")
        }
        return value
    }

    func flag(_ what: String) throws(DocumentError) -> Bool {
        guard let flag = plainText.flatMap(Bool.init(spelled:)) else { throw mismatch(what, "true or false") }
        return flag
    }

    /// A value or the reference it is written as.
    func setting<Value>(
        _ what: String, _ read: (Node, String) throws(DocumentError) -> Value
    ) throws(DocumentError) -> Setting<Value> {
        if let string, Template(string).single != nil { return .reference(string) }
        return .value(try read(self, what))
    }

    func mismatch(_ what: String, _ expected: String) -> DocumentError {
        let found = plainText.map { "'\($0.prefix(40))'" } ?? typeName
        return DocumentError(.content, "\(what) must be \(expected), not \(found)", at: position)
    }

    /// Calls `body` with every string within, map keys left out.
    func forEachText<E: Error>(_ body: (String, TextPosition) throws(E) -> Void) throws(E) {
        switch value {
        case .string(let text): try body(text, position)
        case .array(let elements): for element in elements { try element.forEachText(body) }
        case .object(let members): for member in members { try member.value.forEachText(body) }
        default: break
        }
    }
}

extension Bool {
    /// `true` and `false` in any letter case, as documents spell them.
    init?(spelled text: String) {
        switch text.lowercased() {
        case "true": self = true
        case "false": self = false
        default: return nil
        }
    }
}
