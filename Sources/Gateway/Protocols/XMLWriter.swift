internal import API
internal import Core

/// Writes XML 1.0 that every reader takes, whatever texts it holds.
struct XMLWriter {
    private(set) var bytes: [UInt8] = []
    private let flat: FlatNames
    private let action: String

    /// - Parameter action: The operation answered, after which some elements are named.
    init(_ flat: FlatNames = .none, action: String = "") {
        self.flat = flat
        self.action = action
    }

    /// An element with others inside.
    mutating func element(_ name: String, namespace: String = "", _ body: (inout XMLWriter) -> Void) {
        let name = XMLWriter.validName(name)
        bytes.append(contentsOf: "<\(name)".utf8)
        if !namespace.isEmpty {
            bytes.append(contentsOf: " xmlns=\"".utf8)
            text(namespace)
            bytes.append(UInt8(ascii: "\""))
        }
        bytes.append(UInt8(ascii: ">"))
        body(&self)
        bytes.append(contentsOf: "</\(name)>".utf8)
    }

    mutating func element(_ name: String, text: String) {
        element(name) { $0.text(text) }
    }

    /// The members of a structure, the elements of a list, the entries of a map, or a text: what stands between the
    /// tags of the value's element.
    mutating func write(_ value: JSON, _ shape: Shape) {
        switch value {
        case .null: break
        case .bool(let value): text(value ? "true" : "false")
        case .number(let number): text(number.text)
        case .string(let value): text(value)
        case .array(let elements):
            let inner = if case .list(let element, _) = shape { element } else { Shape.any }
            for element in elements { self.element("member") { $0.write(element, inner) } }
        case .object(let object):
            if case .map(let inner, _, _) = shape { return map(object, inner) }
            let fields = if case .structure(let fields) = shape { fields } else { [Field]() }
            for member in object where !member.value.isNull {
                let inner = fields.first { $0.name == member.key }?.shape ?? .any
                if let flatMember = flat.member(named: member.key, action: action) {
                    write(member.value, inner, as: flatMember)
                } else {
                    element(member.key) { $0.write(member.value, inner) }
                }
            }
        }
    }

    /// A list or map without an element around its elements.
    private mutating func write(_ value: JSON, _ shape: Shape, as member: FlatNames.Member) {
        if let names = member.entry, let object = value.object {
            let inner = if case .map(let element, _, _) = shape { element } else { Shape.any }
            for entry in object {
                element(member.element) { writer in
                    writer.element(names.key, text: entry.key)
                    writer.element(names.value) { $0.write(entry.value, inner) }
                }
            }
        } else {
            let inner = if case .list(let element, _) = shape { element } else { Shape.any }
            for item in value.array ?? [] { element(member.element) { $0.write(item, inner) } }
        }
    }

    private mutating func map(_ object: JSONObject, _ inner: Shape) {
        for member in object {
            element("entry") { entry in
                entry.element("key", text: member.key)
                entry.element("value") { $0.write(member.value, inner) }
            }
        }
    }

    /// Appends text, with what would be markup escaped and what XML cannot hold replaced.
    mutating func text(_ text: String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": bytes.append(contentsOf: "&amp;".utf8)
            case "<": bytes.append(contentsOf: "&lt;".utf8)
            case ">": bytes.append(contentsOf: "&gt;".utf8)
            case "\"": bytes.append(contentsOf: "&quot;".utf8)
            // Readers turn a carriage return that is not escaped into a line feed.
            case "\r": bytes.append(contentsOf: "&#xD;".utf8)
            case "\t", "\n", " "..."\u{D7FF}", "\u{E000}"..."\u{FFFD}", "\u{10000}"..."\u{10FFFF}":
                bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            default: bytes.append(contentsOf: "\u{FFFD}".utf8)
            }
        }
    }

    /// Names come from declarations; one that comes from data must not break the document.
    private static func validName(_ name: String) -> String {
        func isLetter(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
        }
        func isNameByte(_ byte: UInt8) -> Bool {
            isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: ".")
        }
        var bytes = name.utf8.map { isNameByte($0) ? $0 : UInt8(ascii: "_") }
        if bytes.first.map(isLetter) != true { bytes.insert(UInt8(ascii: "_"), at: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
