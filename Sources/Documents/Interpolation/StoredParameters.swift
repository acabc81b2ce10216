public import Core

/// Values of Parameter Store that a document refers to by `{{ ssm:NAME }}`, and their insertion.
///
/// - Source: amazon-ssm-agent, `parameterstore`; user guide, "Using Parameter Store parameters in other tools".
public struct StoredParameters: Sendable, Hashable {
    /// A value as documents may use it.
    public enum Value: Sendable, Hashable {
        case text(String)
        /// Elements with commas between them.
        case list(String)
        /// Of a SecureString, which documents may not insert.
        case secret

        /// - Parameters:
        ///   - type: As in the API: `String`, `StringList` or `SecureString`.
        ///   - text: Nil where it may not be told.
        public init(type: String, text: String?) {
            self = text.map { type == "StringList" ? .list($0) : .text($0) } ?? .secret
        }
    }

    /// The space of names that references are made in.
    public enum Space: String, Sendable {
        case plain = "ssm:"
        /// For credentials alone, which are never written down.
        case secret = "ssm-secure:"
    }

    private let values: [String: Value]
    private let space: Space

    /// - Parameter values: By what stands after `ssm:`, the version or label included.
    public init(_ values: [String: Value] = [:], space: Space = .plain) {
        self.values = values
        self.space = space
    }

    /// What a value refers to, in order, each once: `NAME`, `NAME:VERSION` or `NAME:LABEL`.
    public static func names(in value: JSON, space: Space = .plain) -> [String] {
        var names: [String] = []
        collect(value, space, &names)
        return names
    }

    private static func collect(_ value: JSON, _ space: Space, _ names: inout [String]) {
        switch value {
        case .string(let text):
            for name in Template(text).references where name.hasPrefix(space.rawValue) {
                let name = String(name.dropFirst(space.rawValue.count))
                if !names.contains(name) { names.append(name) }
            }
        case .array(let elements):
            for element in elements { collect(element, space, &names) }
        case .object(let object):
            for member in object { collect(member.value, space, &names) }
        default: break
        }
    }

    /// Inserts the values; a list may stand for an element of a list alone, in whose place its elements come.
    /// - Throws: `DocumentError` `.invalidParameters`, naming what is missing or may not stand where it does.
    public func resolve(_ value: JSON) throws(DocumentError) -> JSON {
        switch value {
        case .string(let text): return .string(try resolve(text))
        case .array(let elements):
            var resolved: [JSON] = []
            for element in elements {
                if let list = try list(element) {
                    resolved += list.map { .string($0) }
                } else {
                    resolved.append(try resolve(element))
                }
            }
            return .array(resolved)
        case .object(let object):
            var resolved = JSONObject()
            for member in object { resolved.append(member.key, try resolve(member.value)) }
            return .object(resolved)
        default: return value
        }
    }

    /// Inserts the values into a text; a list may be the whole of it.
    public func resolve(_ text: String) throws(DocumentError) -> String {
        let template = Template(text)
        var result = ""
        for part in template.parts {
            switch part {
            case .text(let text): result += text
            case .reference(let name, let spelled) where !name.hasPrefix(space.rawValue): result += spelled
            case .reference(let name, _):
                switch try value(of: name) {
                case .text(let value): result += value
                case .list(let value) where template.single != nil: result += value
                case .list:
                    throw DocumentError(
                        .invalidParameters,
                        "{{\(name)}} is a StringList, which cannot stand within a text; use it as an element of a list")
                case .secret: throw refusal(name)
                }
            }
        }
        return result
    }

    private func list(_ element: JSON) throws(DocumentError) -> [String]? {
        guard let name = element.string.flatMap({ Template($0).single }), name.hasPrefix(space.rawValue),
            case .list(let text) = try value(of: name)
        else { return nil }
        return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    private func value(of name: String) throws(DocumentError) -> Value {
        let bare = String(name.dropFirst(space.rawValue.count))
        guard let value = values[bare] else {
            throw DocumentError(.invalidParameters, "Input contains invalid parameters [\(bare)]")
        }
        return value
    }

    private func refusal(_ name: String) -> DocumentError {
        DocumentError(
            .invalidParameters,
            "{{\(name)}} is a SecureString, whose value is not inserted into documents; credentials of "
                + "aws:downloadContent may refer to it by ssm-secure:")
    }
}

extension Parameters {
    /// What the values refer to in Parameter Store.
    public var storedNames: [String] { StoredParameters.names(in: .object(values)) }

    /// The values with what they refer to, each then of its declared type and checked as any other value is.
    /// - Throws: `DocumentError` `.invalidParameters`, naming the parameter.
    public func resolving(_ stored: StoredParameters, in document: Document) throws(DocumentError) -> Parameters {
        var supplied = JSONObject()
        for member in values { supplied.append(member.key, try stored.resolve(member.value)) }
        return try Parameters(binding: supplied, to: document)
    }
}
