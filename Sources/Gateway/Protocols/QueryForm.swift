internal import API
internal import Core

/// The parameters of a request in the Query protocol: a tree, whose branches are spelled with dots.
///
/// `Tags.member.1.Key=a` is the member `Key` of the first element of the list `Tags`; `Attributes.entry.1.key=a` with
/// `Attributes.entry.1.value=b` is a member of the map `Attributes`.
/// - Source: Smithy, "AWS Query protocol".
struct QueryForm: Sendable {
    /// Levels of a parameter's name.
    static let depthMax = 32
    /// Belong to the request and not to the operation's input.
    private static let reserved: Set<String> = [
        "Action", "Version", "AWSAccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "Timestamp",
    ]

    /// One branch: what it holds itself, and its own branches in the order of their appearance.
    private struct Branch {
        var text: String?
        var names: [String] = []
        var branches: [String: Branch] = [:]

        mutating func add(_ text: String, at path: ArraySlice<Substring>) {
            guard let first = path.first.map(String.init) else {
                self.text = text
                return
            }
            if branches[first] == nil { names.append(first) }
            branches[first, default: Branch()].add(text, at: path.dropFirst())
        }

        /// The branches that are numbered, in the order of their numbers.
        var numbered: [Branch] {
            names.compactMap { name in Int(name).map { ($0, name) } }.sorted { $0.0 < $1.0 }
                .compactMap { branches[$0.1] }
        }
    }

    private let root: Branch

    /// - Throws: `ServiceError` `.serialization` where the encoding is broken or a name has too many levels.
    init(_ form: some StringProtocol) throws(ServiceError) {
        var root = Branch()
        for pair in form.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(parts[0], plusIsSpace: true),
                let value = parts.count == 2 ? PercentEncoding.decode(parts[1], plusIsSpace: true) : ""
            else { throw ServiceError(.serialization, "The form is not UTF-8 in percent-encoding.") }
            let path = name.split(separator: ".")
            guard path.count <= QueryForm.depthMax else {
                throw ServiceError(.serialization, "A parameter's name has more than \(QueryForm.depthMax) levels.")
            }
            root.add(value, at: path[...])
        }
        self.root = root
    }

    /// A form without parameters, for what could not be read.
    init() { root = Branch() }

    var action: String? { root.branches["Action"]?.text }
    var version: String? { root.branches["Version"]?.text }

    /// The input of an operation, in the types that it declares.
    func input(for operation: Operation) -> JSON {
        var input = JSONObject()
        for name in root.names where !QueryForm.reserved.contains(name) && !name.hasPrefix("X-Amz-") {
            guard let branch = root.branches[name] else { continue }
            let shape = operation.input.first { $0.name == name }?.shape ?? .any
            input.append(name, QueryForm.value(branch, shape))
        }
        return .object(input)
    }

    private static func value(_ branch: Branch, _ shape: Shape) -> JSON {
        switch shape {
        case .list(let element, _): list(branch, element)
        case .map(let element, _): map(branch, element)
        case .structure(let fields): structure(branch, fields)
        case .any: anything(branch)
        case .string, .integer, .boolean, .timestamp:
            branch.names.isEmpty ? shape.value(ofText: branch.text ?? "") : anything(branch)
        }
    }

    private static func list(_ branch: Branch, _ element: Shape) -> JSON {
        // Some lists are spelled without `member`.
        .array((branch.branches["member"] ?? branch).numbered.map { value($0, element) })
    }

    private static func map(_ branch: Branch, _ element: Shape) -> JSON {
        var object = JSONObject()
        for entry in (branch.branches["entry"] ?? branch).numbered {
            // SNS calls them so in message attributes.
            let key = entry.branches["key"] ?? entry.branches["Name"]
            let content = entry.branches["value"] ?? entry.branches["Value"] ?? Branch()
            object.append(key?.text ?? "", value(content, element))
        }
        return .object(object)
    }

    private static func structure(_ branch: Branch, _ fields: [Field]) -> JSON {
        var object = JSONObject()
        for name in branch.names {
            guard let member = branch.branches[name] else { continue }
            object.append(name, value(member, fields.first { $0.name == name }?.shape ?? .any))
        }
        return .object(object)
    }

    /// A value of an undeclared type: its spelling tells what it is.
    private static func anything(_ branch: Branch) -> JSON {
        if branch.names.isEmpty { return .string(branch.text ?? "") }
        if branch.names == ["member"] { return list(branch, .any) }
        if branch.names == ["entry"] { return map(branch, .any) }
        return structure(branch, [])
    }
}
