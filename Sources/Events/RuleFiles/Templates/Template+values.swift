internal import Core

extension Template {
    /// The value that a node comes to.
    /// - Returns: Nil for `AWS::NoValue`, which is as if nothing were there.
    /// - Throws: The first part that cannot be had.
    func value(of node: Node) throws(Failure) -> Node? {
        switch node.value {
        case .null, .bool, .number, .string: return node
        case .array(let elements):
            var values: [Node] = []
            for element in elements { if let value = try value(of: element) { values.append(value) } }
            return Node(.array(values), at: node.position)
        case .object(let members):
            if members.count == 1, let member = members.first, Template.isFunction(member.key) {
                return try call(member.key, member.value, at: node.position)
            }
            var values: [Node.Member] = []
            for member in members {
                guard let value = try value(of: member.value) else { continue }
                values.append(Node.Member(key: member.key, keyPosition: member.keyPosition, value: value))
            }
            return Node(.object(values), at: node.position)
        }
    }

    private static func isFunction(_ key: String) -> Bool { key == "Ref" || key.hasPrefix("Fn::") }

    /// The value of a node as text; numbers and booleans are written out.
    func text(of node: Node) throws(Failure) -> String {
        guard let value = try value(of: node), let text = Template.text(value) else {
            throw .mistake("expected a text here", at: node.position)
        }
        return text
    }

    private static func text(_ value: Node) -> String? {
        switch value.value {
        case .string(let text): text
        case .number(let number): number.text
        case .bool(let bool): bool ? "true" : "false"
        case .null, .array, .object: nil
        }
    }

    private func list(_ node: Node) throws(Failure) -> [Node] {
        guard let elements = try value(of: node)?.elements else {
            throw .mistake("expected a list here", at: node.position)
        }
        return elements
    }

    // MARK: Functions

    private func call(_ function: String, _ argument: Node, at position: TextPosition) throws(Failure) -> Node? {
        func string(_ text: String) -> Node { Node(.string(text), at: position) }
        switch function {
        case "Ref": return try reference(try text(of: argument), at: position)
        case "Fn::GetAtt": return string(try attribute(argument, at: position))
        case "Fn::Sub": return string(try substitute(argument, at: position))
        case "Fn::Join":
            let (separator, list) = try pair(argument, function)
            let delimiter = try text(of: separator)
            var parts: [String] = []
            for element in try self.list(list) { parts.append(try text(of: element)) }
            return string(try checked(parts.joined(separator: delimiter), at: position))
        case "Fn::Split":
            let (separator, source) = try pair(argument, function)
            let delimiter = try text(of: separator)
            guard !delimiter.isEmpty else { throw .mistake("Fn::Split needs a delimiter", at: position) }
            let parts = Template.split(try text(of: source), by: delimiter)
            return Node(.array(parts.map(string)), at: position)
        case "Fn::Select":
            let (index, list) = try pair(argument, function)
            let elements = try self.list(list)
            guard let number = Int(try text(of: index)), elements.indices.contains(number) else {
                throw .mistake("Fn::Select picks an element that the list does not have", at: position)
            }
            return elements[number]
        case "Fn::If": return try choose(argument, at: position)
        case "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not":
            let node = Node(.object([.init(key: function, keyPosition: position, value: argument)]), at: position)
            return Node(.bool(try isTrue(node)), at: position)
        case "Fn::FindInMap": return try find(argument, at: position)
        case "Fn::ToJsonString": return string(try value(of: argument)?.json.text ?? "null")
        case "Fn::Length": return Node(.number(JSONNumber(uncheckedText: "\(try list(argument).count)")), at: position)
        case "Fn::ImportValue":
            throw .unsupported("Fn::ImportValue: what other stacks export is not known here", at: position)
        default: throw .unsupported("the function \(function) is not known to OpsBus", at: position)
        }
    }

    private func pair(_ argument: Node, _ function: String) throws(Failure) -> (Node, Node) {
        guard let elements = argument.elements, elements.count == 2 else {
            throw .mistake("\(function) takes a list of two", at: argument.position)
        }
        return (elements[0], elements[1])
    }

    private static func split(_ text: String, by delimiter: String) -> [String] {
        text.split(separator: delimiter, omittingEmptySubsequences: false).map(String.init)
    }

    /// `Fn::Sub`: `${Name}`, `${Resource.Attribute}`, and `${!Name}` for the text `${Name}` itself.
    private func substitute(_ argument: Node, at position: TextPosition) throws(Failure) -> String {
        var variables: [Node.Member] = []
        var source = argument
        if let elements = argument.elements {
            guard elements.count == 2, let members = elements[1].members else {
                throw .mistake("Fn::Sub takes a text, or a list of a text and a map", at: argument.position)
            }
            source = elements[0]
            variables = members
        }
        guard let text = source.string else { throw .mistake("Fn::Sub needs a text", at: source.position) }
        var output = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
            output += rest[..<start.lowerBound]
            let name = String(rest[start.upperBound..<end])
            rest = rest[rest.index(after: end)...]
            if name.hasPrefix("!") {
                output += "${\(name.dropFirst())}"
            } else if let variable = variables.first(where: { $0.key == name }) {
                output += try self.text(of: variable.value)
            } else if name.contains(".") {
                output += try attribute(name, at: position)
            } else {
                guard let value = try reference(name, at: position), let part = Template.text(value) else {
                    throw .mistake("\(name) is no text that could stand in another", at: position)
                }
                output += part
            }
        }
        return try checked(output + rest, at: position)
    }

    /// A text that functions have made, which must not grow without bounds.
    private func checked(_ text: String, at position: TextPosition) throws(Failure) -> String {
        guard text.utf8.count <= Template.textBytesMax else {
            throw .mistake("the text comes to more than \(Template.textBytesMax) bytes", at: position)
        }
        return text
    }

    private static let textBytesMax = 256 << 10

    private func find(_ argument: Node, at position: TextPosition) throws(Failure) -> Node? {
        guard let elements = argument.elements, elements.count >= 3 else {
            throw .mistake("Fn::FindInMap takes a list of three", at: argument.position)
        }
        let map = try text(of: elements[0])
        let first = try text(of: elements[1])
        let second = try text(of: elements[2])
        // Mappings hold no functions.
        if let value = mappings?[map]?[first]?[second] { return value }
        if elements.count > 3, let fallback = elements[3]["DefaultValue"] { return try value(of: fallback) }
        throw .mistake("Mappings has no \(map).\(first).\(second)", at: position)
    }

    // MARK: Conditions

    private func choose(_ argument: Node, at position: TextPosition) throws(Failure) -> Node? {
        guard let elements = argument.elements, elements.count == 3, let name = elements[0].string else {
            throw .mistake("Fn::If takes a condition's name and two values", at: argument.position)
        }
        return try value(of: try holds(name, at: position) ? elements[1] : elements[2])
    }

    /// Whether a named condition holds.
    func holds(_ name: String, at position: TextPosition) throws(Failure) -> Bool {
        if let known = memory.conditions[name] { return known }
        guard let condition = conditions?[name] else { throw .mistake("Conditions has no \(name)", at: position) }
        guard memory.open.insert("condition \(name)").inserted else {
            throw .mistake("the condition \(name) depends on itself", at: condition.position)
        }
        defer { memory.open.remove("condition \(name)") }
        let holds = try isTrue(condition)
        memory.conditions[name] = holds
        return holds
    }

    private func isTrue(_ node: Node) throws(Failure) -> Bool {
        guard let member = node.members?.first, node.members?.count == 1 else {
            throw .mistake("expected a condition, such as Fn::Equals", at: node.position)
        }
        let elements = member.value.elements ?? []
        switch member.key {
        case "Condition": return try holds(member.value.string ?? "", at: node.position)
        case "Fn::Equals":
            let (left, right) = try pair(member.value, member.key)
            return try text(of: left) == text(of: right)
        case "Fn::Not":
            guard elements.count == 1 else { throw .mistake("Fn::Not takes a list of one", at: node.position) }
            return try !isTrue(elements[0])
        case "Fn::And":
            for element in elements where try !isTrue(element) { return false }
            return true
        case "Fn::Or":
            for element in elements where try isTrue(element) { return true }
            return false
        default: throw .unsupported("the condition \(member.key) is not known to OpsBus", at: node.position)
        }
    }
}
