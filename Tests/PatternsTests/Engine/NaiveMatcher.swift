internal import Core

/// The semantics of event patterns written down as plainly as possible: the oracle for differential tests.
///
/// Shares nothing with the engine: it interprets the pattern's JSON on a flattened event, by trying every combination
/// of values.
struct NaiveMatcher {
    struct Field {
        let path: String
        let value: JSON
        /// Index of the element chosen in each array.
        let membership: [Int: Int]
    }

    static func matches(pattern: JSON, event: JSON) -> Bool {
        var flattener = Flattener()
        flattener.flatten(event, path: nil, membership: [:])
        return expand(pattern, prefix: nil, from: [[:]]).contains { conjunction in
            let constraints = conjunction.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            return search(constraints[...], flattener.fields, [:])
        }
    }

    static func values(at path: String, of event: JSON) -> [JSON] {
        var flattener = Flattener()
        flattener.flatten(event, path: nil, membership: [:])
        return flattener.fields.filter { $0.path == path }.map(\.value)
    }

    // MARK: Flattening

    private struct Flattener {
        var fields: [Field] = []
        var arrays = 0

        mutating func flatten(_ json: JSON, path: String?, membership: [Int: Int]) {
            switch json {
            case .object(let object):
                for member in object {
                    flatten(
                        member.value, path: path.map { "\($0).\(member.key)" } ?? member.key, membership: membership)
                }
            case .array(let elements):
                let array = arrays
                arrays += 1
                for (index, element) in elements.enumerated() {
                    var inner = membership
                    if element.object != nil || element.array != nil { inner[array] = index }
                    flatten(element, path: path, membership: inner)
                }
            default: fields.append(Field(path: path ?? "", value: json, membership: membership))
            }
        }
    }

    // MARK: Patterns

    typealias Draft = [String: [JSON]]

    private static func expand(_ pattern: JSON, prefix: String?, from drafts: [Draft]) -> [Draft] {
        var drafts = drafts
        for member in pattern.object ?? JSONObject() {
            if member.key == "$or", let branches = member.value.array {
                drafts = branches.flatMap { expand($0, prefix: prefix, from: drafts) }
                continue
            }
            let path = prefix.map { "\($0).\(member.key)" } ?? member.key
            if let list = member.value.array {
                for index in drafts.indices { drafts[index][path] = list }
            } else {
                drafts = expand(member.value, prefix: path, from: drafts)
            }
        }
        return drafts
    }

    private static func search(
        _ constraints: ArraySlice<(key: String, value: [JSON])>, _ fields: [Field], _ chosen: [Int: Int]
    ) -> Bool {
        guard let first = constraints.first else { return true }
        let consistent = fields.filter { field in
            field.path == first.key
                && field.membership.allSatisfy { chosen[$0.key] == nil || chosen[$0.key] == $0.value }
        }
        if consistent.isEmpty, first.value.contains(where: { $0["exists"]?.bool == false }) {
            if search(constraints.dropFirst(), fields, chosen) { return true }
        }
        return consistent.contains { field in
            first.value.contains { holds($0, field.value) }
                && search(constraints.dropFirst(), fields, chosen.merging(field.membership) { $1 })
        }
    }

    // MARK: Operators

    private static func holds(_ alternative: JSON, _ value: JSON) -> Bool {
        guard let member = alternative.object?.members.first else { return equals(alternative, value) }
        let operand = member.value
        switch member.key {
        case "exists": return operand.bool == true
        case "numeric": return numeric(operand.array ?? [], value)
        case "anything-but": return !excluded(operand, value)
        case "cidr": return cidr(operand.string ?? "", value)
        default: return text(member.key, operand, value)
        }
    }

    private static func equals(_ literal: JSON, _ value: JSON) -> Bool {
        switch (literal, value) {
        case (.string(let a), .string(let b)):
            if let left = address(a) { return left == address(b) }
            return Array(a.utf8) == Array(b.utf8)
        case (.number(let a), .number(let b)):
            if a.text == b.text { return true }
            guard let left = exact(a), let right = exact(b) else { return false }
            return left == right
        case (.bool(let a), .bool(let b)): return a == b
        case (.null, .null): return true
        default: return false
        }
    }

    /// The double that a number is, if it is that number's shortest spelling or equal to it.
    private static func exact(_ number: JSONNumber) -> Double? {
        guard let value = Double(number.text), value.isFinite else { return nil }
        return canonical(number.text) == canonical("\(value)") ? value : nil
    }

    /// Significant digits and exponent of a decimal.
    private static func canonical(_ text: String) -> String {
        var mantissa = text.lowercased()
        var exponent = 0
        if let e = mantissa.firstIndex(of: "e") {
            exponent = Int(mantissa[mantissa.index(after: e)...]) ?? 0
            mantissa = String(mantissa[..<e])
        }
        let isNegative = mantissa.hasPrefix("-")
        if isNegative { mantissa.removeFirst() }
        if let dot = mantissa.firstIndex(of: ".") {
            exponent -= mantissa.distance(from: dot, to: mantissa.endIndex) - 1
            mantissa.remove(at: dot)
        }
        var digits = Array(mantissa.drop { $0 == "0" })
        while digits.last == "0" {
            digits.removeLast()
            exponent += 1
        }
        return digits.isEmpty ? "0" : "\(isNegative ? "-" : "")\(String(digits))e\(exponent)"
    }

    private static func numeric(_ terms: [JSON], _ value: JSON) -> Bool {
        guard case .number(let number) = value, let value = exact(number) else { return false }
        return stride(from: 0, to: terms.count, by: 2).allSatisfy { index in
            let bound = terms[index + 1].double ?? .nan
            switch terms[index].string {
            case "=": return value == bound
            case "<": return value < bound
            case "<=": return value <= bound
            case ">": return value > bound
            default: return value >= bound
            }
        }
    }

    private static func excluded(_ operand: JSON, _ value: JSON) -> Bool {
        if let member = operand.object?.members.first {
            return (member.value.array ?? [member.value]).contains { text(member.key, $0, value) }
        }
        return (operand.array ?? [operand]).contains { literal in
            if case .string(let a) = literal, case .string(let b) = value { return Array(a.utf8) == Array(b.utf8) }
            if case .string = literal { return false }
            return equals(literal, value)
        }
    }

    private static func text(_ name: String, _ operand: JSON, _ value: JSON) -> Bool {
        guard let value = value.string else { return false }
        let bytes = Array(value.utf8)
        if let inner = operand["equals-ignore-case"]?.string {
            let scalars = Array(inner.unicodeScalars)[...]
            if name == "prefix" { return folds(scalars, bytes[...], isWhole: false) }
            return bytes.indices.contains { folds(scalars, bytes[$0...], isWhole: true) } || scalars.isEmpty
        }
        let operand = operand.string ?? ""
        switch name {
        case "prefix": return Array(value.utf8).starts(with: operand.utf8)
        case "suffix": return Array(value.utf8.reversed()).starts(with: operand.utf8.reversed())
        case "equals-ignore-case": return folds(Array(operand.unicodeScalars)[...], bytes[...], isWhole: true)
        case "wildcard": return glob(Array(operand.utf8)[...], Array(value.utf8)[...])
        default: return Array(operand.utf8) == Array(value.utf8)
        }
    }

    /// Whether a text begins with (or is) another with each character in lower or upper case.
    private static func folds(_ text: ArraySlice<Unicode.Scalar>, _ value: ArraySlice<UInt8>, isWhole: Bool) -> Bool {
        guard let scalar = text.first else { return !isWhole || value.isEmpty }
        let isPair = scalar.value > 0xFFFF
        let forms =
            isPair ? [String(scalar)] : [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping]
        return forms.contains { form in
            value.starts(with: form.utf8)
                && folds(text.dropFirst(), value.dropFirst(form.utf8.count), isWhole: isWhole)
        }
    }

    /// Follows all places of the pattern that the value read so far can be at.
    private static func glob(_ pattern: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Bool {
        var tokens: [UInt8?] = []
        var isEscaped = false
        for byte in pattern {
            if !isEscaped, byte == UInt8(ascii: "\\") {
                isEscaped = true
                continue
            }
            tokens.append(!isEscaped && byte == UInt8(ascii: "*") ? nil : byte)
            isEscaped = false
        }
        func withStars(_ places: Set<Int>) -> Set<Int> {
            var all = places
            for place in tokens.indices where all.contains(place) && tokens[place] == nil { all.insert(place + 1) }
            return all
        }
        var places = withStars([0])
        for byte in value {
            var next = Set<Int>()
            for place in places where place < tokens.count {
                if tokens[place] == nil { next.insert(place) } else if tokens[place] == byte { next.insert(place + 1) }
            }
            places = withStars(next)
        }
        return places.contains(tokens.count)
    }

    // MARK: Addresses

    private static func address(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count == 4 {
            let bytes = parts.compactMap { part in
                part.count <= 3 && part.allSatisfy(\.isNumber) ? UInt8(part) : nil
            }
            return bytes.count == 4 ? bytes : nil
        }
        let halves = text.components(separatedBy: "::")
        guard text.contains(":"), halves.count <= 2 else { return nil }
        let groups = halves.map { half in
            half.isEmpty ? [] : half.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
        let written = groups.joined().count
        guard halves.count == 2 ? written < 8 : written == 8 else { return nil }
        let zeros = [String](repeating: "0", count: 8 - written)
        let all = groups.count == 2 ? groups[0] + zeros + groups[1] : groups[0]
        var bytes: [UInt8] = []
        for group in all {
            guard (1...4).contains(group.count), let value = UInt16(group, radix: 16) else { return nil }
            bytes += [UInt8(value >> 8), UInt8(value & 0xFF)]
        }
        return bytes
    }

    private static func cidr(_ operand: String, _ value: JSON) -> Bool {
        let parts = operand.split(separator: "/")
        guard let text = value.string, let given = address(text), let wanted = address(String(parts[0])),
            let bits = Int(parts[1]), given.count == wanted.count
        else { return false }
        for bit in 0..<bits {
            let mask: UInt8 = 0x80 >> UInt8(bit % 8)
            if given[bit / 8] & mask != wanted[bit / 8] & mask { return false }
        }
        return true
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = Substring(self)
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
