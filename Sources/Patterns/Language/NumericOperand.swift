internal import Core

/// Reads the operand of `numeric`: one comparison, or a range with its lower bound first.
struct NumericOperand {
    let path: [String]

    func range(_ operand: Node) throws(PatternError) -> Predicate {
        guard let terms = operand.elements else {
            throw error("Value of numeric must be an array.", at: operand, suggestion: "write [\">\", 0, \"<=\", 5]")
        }
        guard let first = terms.first else {
            throw error("Invalid member in numeric match: ]", at: operand)
        }
        guard let comparison = first.string else {
            throw error("Invalid member in numeric match: \(first.json.text)", at: first)
        }
        switch comparison {
        case "=":
            let value = try number(terms, 1, after: "equals")
            if terms.count > 2 { throw error("Too many elements in numeric expression", at: terms[2]) }
            return .range(low: value, high: value)
        case "<", "<=":
            let value = try number(terms, 1, after: comparison)
            if terms.count > 2 {
                throw error(
                    "Too many elements in numeric expression", at: terms[2],
                    suggestion: "write the lower bound first: [\">\", 0, \"<\", 5]")
            }
            return .range(low: 0, high: comparison == "<" ? value - 1 : value)
        case ">", ">=":
            let value = try number(terms, 1, after: comparison)
            let low = comparison == ">" ? value + 1 : value
            if terms.count == 2 { return .range(low: low, high: .max) }
            return try bounded(terms, from: value, low: low)
        default:
            throw error(
                "Unrecognized numeric range operator: \(comparison)", at: first,
                suggestion: comparison == "!="
                    ? "use {\"anything-but\": n}" : "comparisons are =, <, <=, > and >=")
        }
    }

    private func bounded(_ terms: [Node], from bottom: UInt64, low: UInt64) throws(PatternError) -> Predicate {
        guard let comparison = terms[2].string else {
            throw error("Bad value in numeric range: \(terms[2].json.text)", at: terms[2])
        }
        guard comparison == "<" || comparison == "<=" else {
            throw error("Bad numeric range operator: \(comparison)", at: terms[2])
        }
        let top = try number(terms, 3, after: comparison)
        if terms.count > 4 { throw error("Too many terms in numeric range expression", at: terms[4]) }
        if bottom >= top { throw error("Bottom must be less than top", at: terms[3]) }
        return .range(low: low, high: comparison == "<" ? top - 1 : top)
    }

    private func number(_ terms: [Node], _ index: Int, after name: String) throws(PatternError) -> UInt64 {
        guard index < terms.count, case .number(let number) = terms[index].value else {
            throw error("Value of \(name) must be numeric", at: index < terms.count ? terms[index] : terms[index - 1])
        }
        guard case .number(let place) = PatternOperator.number(number) else {
            throw error(
                "Cannot compare number : \(number.text)", at: terms[index],
                suggestion: "operands must be exact as a double: at most 15 to 17 digits")
        }
        return place
    }

    private func error(_ reason: String, at node: Node, suggestion: String? = nil) -> PatternError {
        PatternError(.invalidNumericRange, reason, path: path, at: node.position, suggestion: suggestion)
    }
}

/// Reads the operand of `cidr`.
struct AddressOperand {
    let path: [String]

    func network(_ operand: Node) throws(PatternError) -> IPNetwork {
        guard let text = operand.string else {
            throw PatternError(
                .invalidOperand, "prefix match pattern must be a string", path: path, at: operand.position)
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw error("Malformed CIDR, one '/' required", at: operand) }
        guard let bits = Int(parts[1]) else {
            throw error("Malformed CIDR, mask bits must be an integer", at: operand)
        }
        if bits < 0 { throw error("Malformed CIDR, mask bits must not be negative", at: operand) }
        guard let address = Array(parts[0].utf8).withUnsafeBytes({ IPAddress($0) }) else {
            let looksLikeAddress = parts[0].utf8.allSatisfy {
                hexadecimalValue($0) != nil || $0 == UInt8(ascii: ":")
                    || ($0 == UInt8(ascii: ".") && !parts[0].utf8.contains(UInt8(ascii: ":")))
            }
            throw error("\(looksLikeAddress ? "Invalid" : "Nonstandard") IP address: \(parts[0])", at: operand)
        }
        if bits >= address.family.width {
            throw error(
                "IPv\(address.family.rawValue) mask bits must be < \(address.family.width)", at: operand,
                suggestion: "a single address is written as a plain string: [\"\(parts[0])\"]")
        }
        return IPNetwork(address, bits: bits)
    }

    private func error(_ reason: String, at node: Node, suggestion: String? = nil) -> PatternError {
        PatternError(.invalidAddress, reason, path: path, at: node.position, suggestion: suggestion)
    }
}
