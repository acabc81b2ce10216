/// A place in a text, for error messages: line and column count from 1, columns in Unicode scalars.
public struct TextPosition: Sendable, Hashable, CustomStringConvertible {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public var description: String { "line \(line), column \(column)" }
}

/// A value read from JSON or YAML that still knows where it stood, so that later checks can name the place.
public struct Node: Sendable, Hashable {
    public enum Value: Sendable, Hashable {
        case null
        case bool(Bool)
        case number(JSONNumber)
        case string(String)
        case array([Node])
        case object([Member])
    }

    public struct Member: Sendable, Hashable {
        public var key: String
        public var keyPosition: TextPosition
        public var value: Node

        public init(key: String, keyPosition: TextPosition, value: Node) {
            self.key = key
            self.keyPosition = keyPosition
            self.value = value
        }
    }

    public var value: Value
    public var position: TextPosition

    public init(_ value: Value, at position: TextPosition) {
        self.value = value
        self.position = position
    }

    /// The same value without positions.
    public var json: JSON {
        switch value {
        case .null: .null
        case .bool(let value): .bool(value)
        case .number(let value): .number(value)
        case .string(let value): .string(value)
        case .array(let elements): .array(elements.map(\.json))
        case .object(let members):
            .object(JSONObject(members.map { JSONObject.Member(key: $0.key, value: $0.value.json) }))
        }
    }

    /// The member of an object, the last where the key is repeated; nil where this is no object.
    public subscript(_ key: String) -> Node? { member(key)?.value }

    /// The member with its key's position.
    public func member(_ key: String) -> Member? {
        guard case .object(let members) = value else { return nil }
        return members.last { $0.key == key }
    }

    public var members: [Member]? {
        if case .object(let members) = value { members } else { nil }
    }

    public var elements: [Node]? {
        if case .array(let elements) = value { elements } else { nil }
    }

    public var string: String? {
        if case .string(let value) = value { value } else { nil }
    }

    /// Follows member names and decimal array indexes as far as they lead, and answers where that is.
    ///
    /// Errors of the pattern compiler name such a path; this turns it into a place in the file the pattern came from.
    public func position(of path: [String]) -> TextPosition {
        var node = self
        for (depth, step) in path.enumerated() {
            if let member = node.member(step) {
                if depth == path.count - 1 { return member.keyPosition }
                node = member.value
            } else if let elements = node.elements, let index = Int(step), elements.indices.contains(index) {
                node = elements[index]
            } else {
                break
            }
        }
        return node.position
    }
}
