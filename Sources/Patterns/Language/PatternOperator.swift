internal import Core

/// Reads one member of a leaf's list: a literal or an object with one operator.
struct PatternOperator {
    /// Steps inside the pattern to the list.
    let steps: [String]
    /// The member's place in it.
    let index: Int

    /// Steps inside the pattern to the member.
    private var path: [String] { steps + [String(index)] }

    static let names = [
        "prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists", "cidr", "wildcard",
    ]

    /// Names that may not be fields inside `$or`.
    static let reserved: Set<String> = [
        "exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr",
        "=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case", "date-after",
        "date-on-or-after", "date-before", "date-on-or-before", "in-date-range", "ip-address-in-range",
        "ip-address-not-in-range",
    ]

    func alternative(_ node: Node) throws(PatternError) -> Alternative {
        switch node.value {
        case .string(let text):
            return Alternative(test: .holds(Self.stringOrAddress(text)), operatorName: "equals", source: node)
        case .number(let number):
            return Alternative(test: .holds(Self.number(number)), operatorName: "equals", source: node)
        case .bool(let value):
            return Alternative(
                test: .holds(.literal(value ? .isTrue : .isFalse)), operatorName: "equals", source: node)
        case .null: return Alternative(test: .holds(.literal(.isNull)), operatorName: "equals", source: node)
        case .array:
            throw error(
                .misplacedValue, "Match value must be String, number, true, false, or null", at: node,
                suggestion: "lists of alternatives do not nest")
        case .object(let members):
            guard let first = members.first else {
                throw error(.empty, "Match expression name not found", at: node)
            }
            let test = try self.test(first)
            if members.count > 1 { throw tooManyKeys(after: first.key, members[1]) }
            return Alternative(test: test, operatorName: first.key, source: node)
        }
    }

    private func test(_ member: Node.Member) throws(PatternError) -> Alternative.Test {
        let operand = member.value
        switch member.key {
        case "exactly": return .holds(.string(Array(try string(operand, "exact").utf8)))
        case "prefix": return .holds(try affix(operand, .prefix))
        case "suffix": return .holds(try affix(operand, .suffix))
        case "equals-ignore-case":
            return .holds(Self.folded(try string(operand, "equals-ignore-case"), .whole))
        case "wildcard": return .holds(.wildcard(try wildcard(operand, try string(operand, "wildcard"))))
        case "numeric": return .holds(try NumericOperand(path: path).range(operand))
        case "cidr": return .holds(.network(try AddressOperand(path: path).network(operand)))
        case "exists":
            guard case .bool(let value) = operand.value else {
                throw error(
                    .invalidOperand, "exists match pattern must be either true or false.", at: operand)
            }
            return .exists(value)
        case "anything-but": return .anythingBut(try exclusions(operand))
        default:
            let meant = Spelling.nearest(to: member.key, in: Self.names)
            throw PatternError(
                .unknownOperator, "Unrecognized match type \(member.key)", path: path, at: member.keyPosition,
                suggestion: meant.map { "did you mean \"\($0)\"?" }
                    ?? "operators are \(Self.names.joined(separator: ", "))")
        }
    }

    // MARK: Literals

    static func stringOrAddress(_ text: String) -> Predicate {
        var bytes = Array(text.utf8)
        if let address = bytes.withUnsafeMutableBytes({ IPAddress(UnsafeRawBufferPointer($0)) }) {
            return .network(IPNetwork(address))
        }
        return .string(bytes)
    }

    static func number(_ number: JSONNumber) -> Predicate {
        let bytes = Array(number.text.utf8)
        let place = bytes.withUnsafeBytes { text in
            text.baseAddress.flatMap { NumberOrder.place(of: $0, text.count) }
        }
        return place.map { .number($0) } ?? .numberText(bytes)
    }

    static func folded(_ text: String, _ place: FoldedText.Place) -> Predicate {
        let bytes = Array(text.utf8)
        guard bytes.allSatisfy({ $0 < 0x80 }) else { return .foldedText(FoldedText(text, place)) }
        let lower = CaseFolding.lowercased(bytes)
        switch place {
        case .whole: return .folded(lower)
        case .prefix: return .foldedPrefix(lower)
        case .suffix: return .foldedSuffix(lower)
        }
    }

    // MARK: Operands

    private func string(_ operand: Node, _ name: String) throws(PatternError) -> String {
        if let text = operand.string { return text }
        throw error(
            .invalidOperand, "\(name) match pattern must be a string", at: operand,
            suggestion: operand.elements == nil
                ? nil : "for several, write one object for each: [{\"\(name)\": \"a\"}, {\"\(name)\": \"b\"}]")
    }

    private func affix(_ operand: Node, _ place: FoldedText.Place) throws(PatternError) -> Predicate {
        let name = place == .prefix ? "prefix" : "suffix"
        if let members = operand.members {
            guard let inner = members.first, inner.key == "equals-ignore-case" else {
                throw error(
                    .unknownOperator, "Unsupported \(name) pattern: \(members.first?.key ?? "")", at: operand,
                    suggestion: "only \"equals-ignore-case\" can stand here")
            }
            let text = try string(inner.value, "equals-ignore-case")
            if members.count > 1 { throw tooManyKeys(after: name, members[1]) }
            return Self.folded(text, place)
        }
        let bytes = Array(try string(operand, name).utf8)
        return place == .prefix ? .prefix(bytes) : .suffix(bytes)
    }

    private func wildcard(_ operand: Node, _ text: String) throws(PatternError) -> Wildcard {
        do {
            return try Wildcard(text)
        } catch {
            let (reason, suggestion) =
                switch error {
                case .consecutiveStars(let position):
                    (
                        "Consecutive wildcard characters at pos \(position)",
                        "one * matches any number of characters"
                    )
                case .invalidEscape(let position):
                    (
                        "Invalid escape character at pos \(position)",
                        "only \\* and \\\\ are escapes in a wildcard, each backslash doubled in JSON"
                    )
                }
            throw self.error(.invalidWildcard, reason, at: operand, suggestion: suggestion)
        }
    }

    // MARK: anything-but

    private func exclusions(_ operand: Node) throws(PatternError) -> [Predicate] {
        switch operand.value {
        case .string(let text): return [.string(Array(text.utf8))]
        case .number(let number): return [Self.number(number)]
        case .array(let elements): return try exclusions(elements, of: operand)
        case .object(let members): return try exclusions(members, of: operand)
        case .null, .bool:
            throw error(
                .invalidOperand, "Value of anything-but must be an array or single string/number value.", at: operand)
        }
    }

    private func exclusions(_ elements: [Node], of operand: Node) throws(PatternError) -> [Predicate] {
        var predicates: [Predicate] = []
        var strings = 0
        for element in elements {
            switch element.value {
            case .string(let text):
                strings += 1
                predicates.append(.string(Array(text.utf8)))
            case .number(let number): predicates.append(Self.number(number))
            default:
                throw error(
                    .invalidOperand, "Inside anything but list, start|null|boolean is not supported.", at: element,
                    suggestion: element.members == nil
                        ? nil : "write {\"anything-but\": {\"prefix\": [\"a\", \"b\"]}}")
            }
        }
        if elements.isEmpty || (strings != 0 && strings != elements.count) {
            throw error(
                .invalidOperand,
                "Inside anything but list, either all values are number or string, mixed type is not supported",
                at: operand)
        }
        return predicates
    }

    private func exclusions(_ members: [Node.Member], of operand: Node) throws(PatternError) -> [Predicate] {
        guard let inner = members.first else {
            throw error(
                .invalidOperand, "Value of anything-but must be an array or single string/number value.", at: operand)
        }
        guard ["prefix", "suffix", "equals-ignore-case", "wildcard"].contains(inner.key) else {
            throw error(
                .unknownOperator, "Unsupported anything-but pattern: \(inner.key)", at: operand,
                suggestion: "anything-but takes prefix, suffix, equals-ignore-case or wildcard")
        }
        if inner.value.members != nil {
            throw error(
                .invalidOperand, "Value of anything-but must be an array or single string/number value.",
                at: inner.value)
        }
        let operands = inner.value.elements ?? [inner.value]
        if operands.isEmpty {
            throw error(.empty, "Empty arrays are not allowed", at: inner.value)
        }
        var predicates: [Predicate] = []
        for operand in operands { predicates.append(try exclusion(operand, inner.key)) }
        if members.count > 1 { throw tooManyKeys(after: "anything-but", members[1]) }
        return predicates
    }

    private func exclusion(_ operand: Node, _ name: String) throws(PatternError) -> Predicate {
        guard let text = operand.string else {
            let reason =
                switch name {
                case "equals-ignore-case":
                    "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
                case "wildcard": "wildcard match pattern must be a string"
                default: "prefix/suffix match pattern must be a string"
                }
            throw error(.invalidOperand, reason, at: operand)
        }
        switch name {
        case "equals-ignore-case": return Self.folded(text, .whole)
        case "wildcard": return .wildcard(try wildcard(operand, text))
        default:
            if text.isEmpty {
                throw error(.empty, "Null prefix/suffix not allowed", at: operand)
            }
            return name == "prefix" ? .prefix(Array(text.utf8)) : .suffix(Array(text.utf8))
        }
    }

    // MARK: Errors

    private func tooManyKeys(after name: String, _ extra: Node.Member) -> PatternError {
        let isList = name == "anything-but" || name == "numeric"
        return PatternError(
            .tooManyKeys,
            isList ? "Too many elements in numeric expression" : "Only one key allowed in match expression",
            path: path, at: extra.keyPosition, suggestion: "write each operator as an object of its own")
    }

    private func error(
        _ code: PatternError.Code, _ reason: String, at node: Node, suggestion: String? = nil
    ) -> PatternError {
        PatternError(code, reason, path: path, at: node.position, suggestion: suggestion)
    }
}
