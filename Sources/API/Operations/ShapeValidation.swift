public import Core

extension Shape {
    /// Checks a value and everything inside it.
    /// - Throws: `ServiceError` `.validation`, in the service's words, naming each place and the constraint broken
    ///   there; a value of another type, and a member that is none, at once.
    public func validate(_ value: JSON, at path: String = "") throws(ServiceError) {
        var violations = Violations()
        try check(value, path, &violations)
        if violations.count > 0 { throw violations.error }
    }

    private func check(_ value: JSON, _ path: String, _ violations: inout Violations) throws(ServiceError) {
        switch self {
        case .any: return
        case .string(let length, let characters, let pattern, let values):
            guard let text = value.string else { throw wrongType("a string", value, path) }
            violations.check(length: text.unicodeScalars.count, in: length, value, path)
            if let characters, !characters.allows(text) {
                violations.add(value, path, "Member must satisfy regular expression pattern: \(characters.pattern)")
            }
            if let pattern, !pattern.matches(text) {
                violations.add(value, path, "Member must satisfy regular expression pattern: \(pattern)")
            }
            if !values.isEmpty && !values.contains(text) {
                violations.add(value, path, "Member must satisfy enum value set: [\(values.joined(separator: ", "))]")
            }
        case .integer(let range):
            guard let number = value.int else { throw wrongType("an integer", value, path) }
            if number < range.lowerBound {
                violations.add(value, path, "Member must have value greater than or equal to \(range.lowerBound)")
            }
            if number > range.upperBound {
                violations.add(value, path, "Member must have value less than or equal to \(range.upperBound)")
            }
        case .boolean:
            guard value.bool != nil else { throw wrongType("a boolean", value, path) }
        case .timestamp:
            guard value.timestamp != nil else { throw wrongType("a timestamp (RFC 3339 text)", value, path) }
        case .list(let element, let count):
            guard let elements = value.array else { throw wrongType("a list", value, path) }
            violations.check(length: elements.count, in: count, value, path)
            for (index, member) in elements.enumerated() {
                try element.check(member, "\(path).\(index + 1).member", &violations)
            }
        case .map(let element, let keys, let count):
            guard let object = value.object else { throw wrongType("a map", value, path) }
            violations.check(length: object.count, in: count, value, path)
            for member in object {
                try keys?.check(.string(member.key), "\(path).key", &violations)
                try element.check(member.value, "\(path).\(member.key)", &violations)
            }
        case .structure(let fields):
            guard let object = value.object else { throw wrongType("an object", value, path) }
            try check(object, fields, path, &violations)
        }
    }

    private func check(
        _ object: JSONObject, _ fields: [Field], _ path: String, _ violations: inout Violations
    ) throws(ServiceError) {
        for member in object {
            guard let field = fields.first(where: { $0.name == member.key }) else {
                throw unknown(member.key, fields.map(\.name), path)
            }
            // A required member that is null is told below, as one that is missing.
            if member.value.isNull { continue }
            let place = Shape.join(path, member.key)
            let hidesValues = violations.hidesValues
            violations.hidesValues = hidesValues || field.isSensitive
            try field.shape.check(member.value, place, &violations)
            violations.hidesValues = hidesValues
        }
        for field in fields where field.isRequired && (object[field.name] ?? .null).isNull {
            violations.add(nil, Shape.join(path, field.name), "Member must not be null")
        }
    }

    private static func join(_ path: String, _ name: String) -> String {
        let lowered = name.prefix(1).lowercased() + name.dropFirst()
        return path.isEmpty ? lowered : "\(path).\(lowered)"
    }

    private func unknown(_ name: String, _ known: [String], _ path: String) -> ServiceError {
        let near = nearest(to: name, among: known).map { " Did you mean '\($0)'?" } ?? ""
        return ServiceError(
            .validation,
            "Unknown member '\(shortened(name))'\(path.isEmpty ? "" : " at '\(path)'").\(near) Known: "
                + "\(known.joined(separator: ", ")).")
    }

    private func wrongType(_ expected: String, _ value: JSON, _ path: String) -> ServiceError {
        let article = "aeiou".contains(value.typeName.prefix(1)) ? "an" : "a"
        let found = value.isNull ? "null" : "\(article) \(value.typeName)"
        return ServiceError(
            .validation,
            "\(path.isEmpty ? "The input" : "The value at '\(path)'") must be \(expected), not \(found).")
    }
}

/// A text as error messages quote it.
private func shortened(_ text: String) -> String {
    let scalarsMax = 200
    return text.utf8.count > scalarsMax ? String(Substring(text.unicodeScalars.prefix(scalarsMax))) + "…" : text
}

/// The constraints that an input breaks, in the words of the AWS services.
private struct Violations {
    private(set) var count = 0
    private var texts: [String] = []
    /// Whether what is checked is secret, so that no message may show it.
    var hidesValues = false

    /// Told in full; the others are only counted.
    private static let textsMax = 20

    /// - Parameter value: Nil where there is none.
    mutating func add(_ value: JSON?, _ path: String, _ constraint: String) {
        count += 1
        if texts.count == Violations.textsMax { return }
        let quoted = hidesValues ? "(secret)" : value.map { "'\(shortened($0.string ?? $0.text))'" } ?? "null"
        texts.append("Value \(quoted) at '\(path)' failed to satisfy constraint: \(constraint)")
    }

    mutating func check(length: Int, in range: ClosedRange<Int>, _ value: JSON, _ path: String) {
        if length < range.lowerBound {
            add(value, path, "Member must have length greater than or equal to \(range.lowerBound)")
        }
        if length > range.upperBound {
            add(value, path, "Member must have length less than or equal to \(range.upperBound)")
        }
    }

    var error: ServiceError {
        let more = count > texts.count ? "; …" : ""
        return ServiceError(
            .validation,
            "\(count) validation error\(count == 1 ? "" : "s") detected: \(texts.joined(separator: "; "))\(more)")
    }
}
