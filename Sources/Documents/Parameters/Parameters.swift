public import Core

/// The arguments of one run of a document: supplied values and defaults, checked against the declarations.
public struct Parameters: Sendable, Hashable {
    /// Every declared parameter with its value, in the order declared; each value of its declared type.
    public let values: JSONObject
    /// Names whose values scripts receive through the environment.
    let environmentNames: Set<String>

    /// Binds the form of the API: each name with a list of texts.
    /// - Throws: as ``init(binding:to:)-(JSONObject,_)``.
    public init(binding supplied: [String: [String]], to document: Document) throws(DocumentError) {
        let members = supplied.sorted { $0.key < $1.key }.map { name, texts in
            JSONObject.Member(key: name, value: .array(texts.map { .string($0) }))
        }
        try self.init(binding: JSONObject(members), to: document)
    }

    /// Binds values by name.
    /// - Parameter supplied: Each value typed (`5`, `["a"]`, `{"k": "v"}`), or in the API's form, a list of texts where
    ///   maps and lists of maps are JSON.
    ///   A value that refers to Parameter Store is kept as it is; ``resolving(_:in:)`` checks it.
    /// - Throws: `DocumentError` with `.invalidParameters`, naming the parameter.
    public init(binding supplied: JSONObject, to document: Document) throws(DocumentError) {
        for name in supplied.keys where document[parameter: name] == nil {
            let known = document.parameters.map(\.name).joined(separator: ", ")
            let hint = known.isEmpty ? "it has none" : "it has: \(known)"
            throw DocumentError(.invalidParameters, "the document has no parameter \"\(name)\"; \(hint)")
        }
        var values = JSONObject()
        for parameter in document.parameters {
            values.append(parameter.name, try parameter.bind(supplied[parameter.name]))
        }
        self.values = values
        environmentNames = Set(document.parameters.filter(\.isEnvironmentVariable).map(\.name))
    }

    /// Values bound before, as ``values`` gave them.
    init(bound values: JSONObject, to document: Document) {
        self.values = values
        environmentNames = Set(document.parameters.filter(\.isEnvironmentVariable).map(\.name))
    }

    /// The value of a parameter; nil for one that is not declared.
    public subscript(name: String) -> JSON? { values[name] }

    /// The form of the API: each name with a list of texts.
    public var texts: [String: [String]] {
        var texts: [String: [String]] = [:]
        for member in values { texts[member.key] = member.value.apiTexts }
        return texts
    }
}

extension JSON {
    /// The value as the API carries it: a list has a text for each element, anything else one text.
    var apiTexts: [String] { array.map { $0.map(\.insertedText) } ?? [insertedText] }
}

extension DocumentParameter {
    /// Checks a value as a run of the document would.
    /// - Parameter supplied: Typed, or in the API's form, as in ``Parameters/init(binding:to:)-(JSONObject,_)``.
    /// - Throws: `DocumentError` with `.invalidParameters`.
    public func validate(_ supplied: JSON) throws(DocumentError) { _ = try bind(supplied) }

    /// The value of this parameter, the default where none is supplied.
    fileprivate func bind(_ supplied: JSON?) throws(DocumentError) -> JSON {
        guard let supplied else {
            guard let defaultValue else { throw refusal("is required and was not supplied") }
            if StoredParameters.names(in: defaultValue).isEmpty { try check(defaultValue) }
            return defaultValue
        }
        if !StoredParameters.names(in: supplied).isEmpty { return try reference(supplied) }
        guard let value = type.value(from: supplied) else {
            throw refusal("must be of type \(typeName), not \(supplied.text.prefix(60))")
        }
        try check(value)
        return value
    }

    /// A value that refers to Parameter Store, as it was written: its type shows once it is known.
    private func reference(_ supplied: JSON) throws(DocumentError) -> JSON {
        if type == .stringList { return .array(supplied.array ?? [supplied]) }
        guard !type.isList, let elements = supplied.array else { return supplied }
        guard elements.count == 1 else {
            throw refusal("must be of type \(typeName), not \(supplied.text.prefix(60))")
        }
        return elements[0]
    }

    private func refusal(_ reason: String) -> DocumentError {
        DocumentError(.invalidParameters, "the parameter \"\(name)\" \(reason)")
    }

    private func check(_ value: JSON) throws(DocumentError) {
        let texts = value.apiTexts
        if type.isList, !items.contains(texts.count) {
            throw refusal("has \(texts.count) items, allowed are \(items.shown)")
        }
        if let members = value.object, !items.contains(members.count) {
            throw refusal("has \(members.count) items, allowed are \(items.shown)")
        }
        if let integer = value.int, type == .integer, !range.contains(integer) {
            throw refusal("is \(integer), allowed are \(range.shown)")
        }
        let pattern = try allowedPattern.map { text throws(DocumentError) in try compiled(text) }
        for text in texts {
            if !allowedValues.isEmpty, !allowedValues.contains(text) {
                let choices = allowedValues.map { "\"\($0)\"" }.joined(separator: ", ")
                throw refusal("is \"\(text.prefix(60))\", allowed are \(choices)")
            }
            if type == .string || type == .stringList, !chars.contains(text.unicodeScalars.count) {
                throw refusal("has \(text.unicodeScalars.count) characters, allowed are \(chars.shown)")
            }
            if let pattern { try check(text, pattern) }
        }
    }

    private func compiled(_ text: String) throws(DocumentError) -> RegularExpression {
        do throws(RegularExpressionError) {
            return try RegularExpression(text)
        } catch {
            throw refusal("has an allowedPattern that does not compile: \(error)")
        }
    }

    private func check(_ text: String, _ pattern: RegularExpression) throws(DocumentError) {
        switch pattern.matches(text) {
        case true?: return
        case false?:
            throw refusal("is \"\(text.prefix(60))\", which does not match its allowedPattern \(allowedPattern ?? "")")
        case nil: throw refusal("has a value that its allowedPattern takes too long to check")
        }
    }
}

extension ClosedRange<Int> {
    fileprivate var shown: String {
        switch (lowerBound, upperBound) {
        case (let low, .max): "\(low) or more"
        case (.min, let high): "\(high) or less"
        default: "\(lowerBound) to \(upperBound)"
        }
    }
}
