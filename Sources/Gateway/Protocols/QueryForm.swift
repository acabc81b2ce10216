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
    struct Branch: Sendable {
        fileprivate(set) var text: String?
        fileprivate(set) var names: [String] = []
        fileprivate(set) var branches: [String: Branch] = [:]

        fileprivate mutating func add(_ text: String, at path: ArraySlice<Substring>) {
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

    /// The parameters that belong to the operation's input.
    var input: Branch {
        var input = root
        input.names.removeAll { QueryForm.reserved.contains($0) || $0.hasPrefix("X-Amz-") }
        return input
    }
}
