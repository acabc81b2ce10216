internal import Core

/// The inputs of a plugin, read with errors that name them.
struct PluginInputs {
    private let object: JSON
    /// For errors: `aws:downloadContent`, or the input that this is the value of.
    private let owner: String

    init(_ object: JSON, of owner: String) {
        self.object = object
        self.owner = owner
    }

    /// Texts, numbers and booleans as text; nil where there is none, or an empty one.
    /// - Throws: `StepEnd` for a list or a map.
    func text(_ key: String) throws(StepEnd) -> String? {
        switch object[key] {
        case nil, .null?: return nil
        case .string(let text)?: return text.isEmpty ? nil : text
        case .number(let number)?: return number.text
        case .bool(let flag)?: return flag ? "true" : "false"
        case .array?, .object?: throw .failure("the input \(key) of \(owner) must be text")
        }
    }

    /// - Throws: `StepEnd` where it is missing.
    func required(_ key: String) throws(StepEnd) -> String {
        guard let text = try text(key) else { throw .failure("\(owner) needs the input \(key)") }
        return text
    }

    /// `true` and `false` in any letter case; false where there is none.
    func flag(_ key: String) throws(StepEnd) -> Bool {
        switch try text(key)?.lowercased() {
        case nil, "false"?: return false
        case "true"?: return true
        case let other?: throw .failure("the input \(key) of \(owner) must be true or false, not \(other)")
        }
    }

    /// A map, or JSON text of one; empty where there is none.
    func map(_ key: String) throws(StepEnd) -> JSON {
        switch object[key] {
        case nil, .null?, .string("")?: return [:]
        case .object(let object)?: return .object(object)
        case .string(let text)?:
            if let value = try? JSON(parsing: text), value.object != nil { return value }
            throw .failure("the input \(key) of \(owner) must be a map, or JSON text of one, not \(text.prefix(60))")
        default: throw .failure("the input \(key) of \(owner) must be a map, or JSON text of one")
        }
    }

    /// The inputs within one of the inputs.
    func inputs(_ key: String) throws(StepEnd) -> PluginInputs { PluginInputs(try map(key), of: key) }

    /// A list of texts; a single text is a list of one.
    func list(_ key: String) throws(StepEnd) -> [String] {
        guard let elements = object[key]?.array else { return try text(key).map { [$0] } ?? [] }
        let texts = elements.compactMap(\.string)
        guard texts.count == elements.count else { throw .failure("the input \(key) of \(owner) must list texts") }
        return texts
    }
}
