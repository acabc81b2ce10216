public import Core

extension Shape {
    /// Checks a value and everything inside it.
    /// - Throws: `ServiceError` `.validation`, in the service's words, naming each place and the constraint broken
    ///   there; at once `.serialization` for a value of another type, and `.validation` for a member that is none or is
    ///   not supported.
    public func validate(_ value: JSON, at path: String = "") throws(ServiceError) {
        var violations = Violations()
        try check(value, path, &violations)
        if violations.count > 0 { throw violations.error }
    }

    private func check(_ value: JSON, _ path: String, _ violations: inout Violations) throws(ServiceError) {
        switch self {
        case .any: return
        case .unsupported(let reason):
            throw ServiceError(.validation, "The member '\(path)' is not supported: \(reason).")
        case .string(let length, let characters, let pattern, let values):
            guard let text = value.string else { throw wrongType(value, path) }
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
            guard let number = value.nearestInteger, value.int != nil || !range.contains(number) else {
                throw wrongType(value, path)
            }
            if number < range.lowerBound {
                violations.add(value, path, "Member must have value greater than or equal to \(range.lowerBound)")
            }
            if number > range.upperBound {
                violations.add(value, path, "Member must have value less than or equal to \(range.upperBound)")
            }
        case .boolean:
            guard value.bool != nil else { throw wrongType(value, path) }
        case .timestamp:
            guard value.timestamp != nil else { throw wrongType(value, path) }
        case .blob:
            guard let text = value.string, Base64.decode(text) != nil else { throw wrongType(value, path) }
        case .list(let element, let count):
            guard let elements = value.array else { throw wrongType(value, path) }
            violations.check(length: elements.count, in: count, value, path)
            for (index, member) in elements.enumerated() {
                try element.checkElement(member, "\(path).\(index + 1).member", &violations)
            }
        case .map(let element, let keys, let count):
            guard let object = value.object else { throw wrongType(value, path) }
            violations.check(length: object.count, in: count, value, path)
            for member in object {
                try keys?.check(.string(member.key), "\(path).key", &violations)
                try element.checkElement(member.value, "\(path).\(member.key)", &violations)
            }
        case .structure(let fields):
            guard let object = value.object else { throw wrongType(value, path) }
            try check(object, fields, path, &violations)
        }
    }

    private func checkElement(_ value: JSON, _ path: String, _ violations: inout Violations) throws(ServiceError) {
        if case .any = self { return }
        if value.isNull { return violations.add(nil, path, "Member must not be null") }
        try check(value, path, &violations)
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
            "Unknown member '\(shortened(name, to: 200))'\(path.isEmpty ? "" : " at '\(path)'").\(near) Known: "
                + "\(known.joined(separator: ", ")).")
    }

    /// First in the service's words, then in plain ones.
    private func wrongType(_ value: JSON, _ path: String) -> ServiceError {
        let (expected, words) =
            switch self {
            case .string: ("a string", "\(value.token) can not be converted to a String")
            case .integer: ("an integer", "\(value.token) can not be converted to an Integer")
            case .boolean: ("a boolean", "\(value.token) can not be converted to a Boolean")
            case .timestamp:
                ("a timestamp (RFC 3339 text)", "\(value.token) can not be converted to milliseconds since epoch")
            case .blob: ("a blob (text in Base64)", "\(value.token) can not be converted to a Blob")
            case .list: ("a list", "Expected list or null")
            case .map: ("a map", "Expected map or null")
            case .structure, .unsupported, .any: ("an object", "Expected null")
            }
        let isContainer = value.array != nil || value.object != nil
        let article = "aeiou".contains(value.typeName.prefix(1)) ? "an" : "a"
        let found = value.isNull ? "null" : "\(article) \(value.typeName)"
        let place = path.isEmpty ? "the input" : "the value at '\(path)'"
        return ServiceError(
            .serialization, "\(isContainer ? value.token : words): \(place) must be \(expected), not \(found).")
    }
}

extension JSON {
    /// What the services' parsers call a value that they did not expect.
    /// - Source: answers of AWS JSON services, as recorded by others' emulators.
    fileprivate var token: String {
        switch self {
        case .null: "NULL_VALUE"
        case .bool(let value): value ? "TRUE_VALUE" : "FALSE_VALUE"
        case .number: "NUMBER_VALUE"
        case .string: "STRING_VALUE"
        case .array: "Start of list found where not expected"
        case .object: "Start of structure or map found where not expected"
        }
    }

    /// A whole number; for one that no `Int` holds the nearest that does. Nil for a fraction and what is no number.
    fileprivate var nearestInteger: Int? {
        guard case .number(let number) = self else { return nil }
        if let integer = number.int { return integer }
        return number.double.magnitude < 0x1p63 ? nil : number.double < 0 ? Int.min : Int.max
    }
}

/// A text as error messages quote it: values as the services do, unless they are very long.
private func shortened(_ text: String, to scalarsMax: Int = 1024) -> String {
    text.utf8.count > scalarsMax ? String(Substring(text.unicodeScalars.prefix(scalarsMax))) + "…" : text
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
