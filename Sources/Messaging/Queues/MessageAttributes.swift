internal import API
internal import Core

/// The typed values that travel beside a message's body.
/// - Source: SQS developer guide, "Amazon SQS message metadata".
struct MessageAttributes: Sendable {
    struct Value: Sendable, Hashable {
        let type: String
        /// Text, or Base64 where the type is binary.
        let text: String
        let isBinary: Bool
        /// As it is counted and digested.
        let bytes: [UInt8]

        var json: JSON { [isBinary ? "BinaryValue" : "StringValue": .string(text), "DataType": .string(type)] }
    }

    /// Sorted by name.
    private(set) var values: [(name: String, value: Value)] = []

    static let countMax = 10

    init() {}

    /// - Parameter json: A map of names to `DataType` with `StringValue` or `BinaryValue`; nil for none.
    /// - Throws: `ServiceError` `.invalidParameterValue`.
    init(_ json: JSON?, countMax: Int = MessageAttributes.countMax) throws(ServiceError) {
        let members = json?.object?.members ?? []
        guard members.count <= countMax else {
            throw ServiceError(
                .invalidParameterValue,
                "Number of message attributes [\(members.count)] exceeds the allowed maximum [\(countMax)].")
        }
        for member in members {
            try MessageAttributes.check(name: member.key)
            values.append((member.key, try MessageAttributes.value(member.key, member.value)))
        }
        values.sort { $0.name < $1.name }
    }

    /// What was stored.
    init(stored json: JSON) {
        for member in json.object?.members ?? [] {
            if let value = try? MessageAttributes.value(member.key, member.value) { values.append((member.key, value)) }
        }
    }

    private static func check(name: String) throws(ServiceError) {
        let allowed = CharacterRule(pattern: "[A-Za-z0-9_.-]+", lettersDigitsAnd: "_-.")
        guard allowed.allows(name), (1...256).contains(name.utf8.count) else {
            throw ServiceError(
                .invalidParameterValue,
                "The message attribute name '\(name)' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore "
                    + "(_), hyphen (-), and period (.) characters.")
        }
        let lowered = name.lowercased()
        let isReserved = lowered.hasPrefix("aws.") || lowered.hasPrefix("amazon.")
        guard !isReserved, !name.hasPrefix("."), !name.hasSuffix("."), !name.contains("..") else {
            throw ServiceError(
                .invalidParameterValue,
                "The message attribute name '\(name)' is invalid. It must not start with AWS. or Amazon., begin or end "
                    + "with a period, or have two in a row.")
        }
    }

    private static func value(_ name: String, _ json: JSON) throws(ServiceError) -> Value {
        func invalid(_ text: String) -> ServiceError {
            ServiceError(.invalidParameterValue, "The message attribute '\(name)' \(text)")
        }
        let type = json["DataType"]?.string ?? ""
        guard !type.isEmpty else { throw invalid("must contain a non-empty message attribute type.") }
        guard type.utf8.count <= 256 else { throw invalid("has a type that is longer than 256 bytes.") }
        let prefix = String(type.prefix { $0 != "." })
        guard ["String", "Number", "Binary"].contains(prefix) else {
            throw invalid(
                "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and "
                    + "String.")
        }
        for list in ["StringListValues", "BinaryListValues"] where json[list]?.array?.isEmpty == false {
            throw invalid("has \(list), which are reserved for future use.")
        }
        let isBinary = prefix == "Binary"
        guard let text = json[isBinary ? "BinaryValue" : "StringValue"]?.string, !text.isEmpty else {
            throw invalid("must contain a non-empty message attribute value for message attribute type '\(type)'.")
        }
        if prefix == "Number", Double(text)?.isFinite != true {
            throw invalid("has a value that is not a number: '\(text)'.")
        }
        if isBinary {
            guard let bytes = Base64.decode(text) else { throw invalid("has a value that is not in Base64.") }
            return Value(type: type, text: text, isBinary: true, bytes: bytes)
        }
        guard OutgoingMessage.areAllowed(text.unicodeScalars) else {
            throw invalid("has a value with characters that are not allowed. \(OutgoingMessage.allowedCharacters)")
        }
        return Value(type: type, text: text, isBinary: false, bytes: Array(text.utf8))
    }

    var isEmpty: Bool { values.isEmpty }

    var json: JSON { .object(JSONObject(values.map { .init(key: $0.name, value: $0.value.json) })) }

    /// What they add to a message's size.
    var byteCount: Int {
        values.reduce(0) { $0 + $1.name.utf8.count + $1.value.type.utf8.count + $1.value.bytes.count }
    }

    /// What SDKs compare: MD5 of names, types and values in the order of the names; nil where there are none.
    var digest: String? {
        if values.isEmpty { return nil }
        var bytes: [UInt8] = []
        func append(_ part: some Collection<UInt8>) {
            withUnsafeBytes(of: UInt32(part.count).bigEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: part)
        }
        for (name, value) in values {
            append(name.utf8)
            append(value.type.utf8)
            bytes.append(value.isBinary ? 2 : 1)
            append(value.bytes)
        }
        return md5(bytes).hexadecimal
    }

    /// Those asked for: by name, by prefix with `.*`, or all of them.
    func selected(by names: [String]) -> MessageAttributes {
        var selected = self
        selected.values = values.filter { value in
            names.contains { name in
                if name == "All" || name == ".*" || name == value.name { return true }
                return name.hasSuffix(".*") && value.name.hasPrefix(name.dropLast(2))
            }
        }
        return selected
    }
}
