internal import API
internal import Core

extension Shape {
    /// A value that came as text, as in a form or a query; text that is none stays text, for `validate` to refuse.
    func value(ofText text: String) -> JSON {
        switch self {
        case .integer: Int(text).map { .integer($0) } ?? .string(text)
        case .boolean: text == "true" ? true : text == "false" ? false : .string(text)
        case .string, .timestamp, .blob, .list, .map, .structure, .any, .unsupported: .string(text)
        }
    }

    /// The value without the members of structures that are null or that nobody knows: the services pass over both.
    func known(in value: JSON) -> JSON {
        switch (self, value) {
        case (.list(let element, _), .array(let elements)): .array(elements.map { element.known(in: $0) })
        case (.map(let element, _, _), .object(let object)):
            .object(JSONObject(object.map { .init(key: $0.key, value: element.known(in: $0.value)) }))
        case (.structure(let fields), .object(let object)):
            .object(
                JSONObject(
                    object.compactMap { member -> JSONObject.Member? in
                        guard !member.value.isNull, let field = fields.first(where: { $0.name == member.key }) else {
                            return nil
                        }
                        return JSONObject.Member(key: member.key, value: field.shape.known(in: member.value))
                    }))
        default: value
        }
    }

    /// The value with its times as seconds since 1970, the form that JSON protocols answer; inside OpsBus they are
    /// RFC 3339 text.
    func timesAsNumbers(in value: JSON) -> JSON {
        switch (self, value) {
        case (.timestamp, .string(let text)):
            Timestamp(rfc3339: text).map { .number($0.secondsNumber) } ?? value
        case (.list(let element, _), .array(let elements)): .array(elements.map { element.timesAsNumbers(in: $0) })
        case (.map(let element, _, _), .object(let object)):
            .object(JSONObject(object.map { .init(key: $0.key, value: element.timesAsNumbers(in: $0.value)) }))
        case (.structure(let fields), .object(let object)) where !fields.isEmpty:
            .object(
                JSONObject(
                    object.map { member in
                        let shape = fields.first { $0.name == member.key }?.shape ?? .any
                        return .init(key: member.key, value: shape.timesAsNumbers(in: member.value))
                    }))
        default: value
        }
    }
}

extension Timestamp {
    /// Seconds since 1970, with milliseconds where there are any: `1700000000.123`.
    fileprivate var secondsNumber: JSONNumber {
        let milliseconds = (microseconds - seconds * 1_000_000) / 1000
        // Before 1970 the fraction would count the other way.
        if milliseconds == 0 || seconds < 0 { return JSONNumber(seconds) }
        let digits = String(milliseconds)
        let padded = String(repeating: "0", count: 3 - digits.count) + digits
        return JSONNumber(uncheckedText: "\(seconds).\(padded)")
    }
}
