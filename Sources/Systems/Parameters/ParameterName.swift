internal import API
internal import Core

/// The name of a parameter: one word, or a path that begins with a slash.
///
/// A word and the path of that one word, `db` and `/db`, name the same parameter.
/// - Source: user guide, "About requirements and constraints for parameter names".
struct ParameterName: Sendable, Hashable {
    /// As it was first written.
    let text: String

    /// The same for all names of one parameter: with a slash at its beginning.
    var key: String { ParameterName.key(text) }

    private static let levelsMax = 15
    /// Of the ARN's part before the name and the name.
    private static let arnLengthMax = 1011

    /// - Parameter text: Spaces around it do not count.
    /// - Throws: `ServiceError`: `.validation`, `.accessDenied` or `.hierarchyLevelLimitExceeded`.
    init(new text: String, in account: Account) throws(ServiceError) {
        self.text = ParameterName.trimmed(text)
        try checkForm()
        try checkPrefix()
        guard key.utf8.count(where: { $0 == UInt8(ascii: "/") }) <= Self.levelsMax else {
            throw ServiceError(
                .hierarchyLevelLimitExceeded,
                "\(self.text) has more than \(Self.levelsMax) levels; a hierarchy may have \(Self.levelsMax).")
        }
        guard account.arn("ssm", "parameter\(key)").description.utf8.count <= Self.arnLengthMax else {
            throw ServiceError(
                .validation, "The name is too long: its ARN may have \(Self.arnLengthMax) characters.")
        }
    }

    private func checkForm() throws(ServiceError) {
        let isPath = text.hasPrefix("/")
        let levels = text.dropFirst(isPath ? 1 : 0).split(separator: "/", omittingEmptySubsequences: false)
        guard levels.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(ParameterName.isLevelByte) }) else {
            throw ServiceError(
                .validation,
                "Parameter name: \(text) is not allowed. A name has letters, numbers and the symbols .-_ and may be a "
                    + "path of such names, divided and begun by a slash.")
        }
        guard isPath || levels.count == 1 else {
            throw ServiceError(
                .validation,
                "Parameter name must be a fully qualified name: a path begins with a slash, as in /\(text).")
        }
    }

    private func checkPrefix() throws(ServiceError) {
        let first = key.dropFirst().prefix { $0 != "/" }.lowercased()
        guard first.hasPrefix("aws") || first.hasPrefix("ssm") else { return }
        let isPath = key.dropFirst().contains("/")
        guard isPath else {
            throw ServiceError(
                .validation, "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).")
        }
        if first.hasPrefix("aws") {
            throw ServiceError(.accessDenied, "No access to reserved parameter name: \(text).")
        }
        throw ServiceError(
            .validation,
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of "
                + "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the "
                + "following 3 symbols .-_")
    }

    static func isLevelByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// The key of a name that may or may not be there.
    static func key(_ text: String) -> String { text.hasPrefix("/") ? text : "/" + text }

    static func trimmed(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let space = UInt8(ascii: " ")
        let first = bytes.firstIndex { $0 != space } ?? 0
        let last = bytes.lastIndex { $0 != space } ?? -1
        return first > last ? "" : String(decoding: bytes[first...last], as: UTF8.self)
    }
}

/// A parameter, or one of its versions, as readers name it: `NAME`, `NAME:3`, `NAME:label`, or the ARN of such.
struct ParameterSelection: Sendable, Hashable {
    enum Version: Sendable, Hashable {
        case latest
        case number(Int)
        case label(String)
    }

    /// As asked for.
    let text: String
    let key: String
    let version: Version

    /// The part after the name, with its colon; empty for the latest version.
    var selector: String {
        switch version {
        case .latest: ""
        case .number(let number): ":\(number)"
        case .label(let label): ":\(label)"
        }
    }

    /// The name without the version.
    var name: String { String(bare.dropLast(selector.count)) }

    private let bare: String

    init(_ text: String) {
        self.text = text
        var bare = ParameterName.trimmed(text)
        if let arn = ARN(bare), arn.service == "ssm", arn.resource.hasPrefix("parameter/") {
            bare = String(arn.resource.dropFirst("parameter".count))
        }
        self.bare = bare
        guard let colon = bare.lastIndex(of: ":") else {
            key = ParameterName.key(bare)
            version = .latest
            return
        }
        key = ParameterName.key(String(bare[..<colon]))
        let selector = String(bare[bare.index(after: colon)...])
        let isNumber = selector.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        version = isNumber ? Int(selector).map { .number($0) } ?? .label(selector) : .label(selector)
    }
}

/// A place in the tree of names.
struct ParameterPath: Sendable, Hashable {
    /// Ends in a slash.
    let prefix: String

    /// - Parameter text: Begins with a slash; one at its end does not count.
    /// - Throws: `ServiceError` `.validation`.
    init(_ text: String) throws(ServiceError) {
        let levels = text.split(separator: "/", omittingEmptySubsequences: false)
        let inner = levels.dropFirst().dropLast(text.hasSuffix("/") && text.count > 1 ? 1 : 0)
        let isForm = inner.allSatisfy { level in
            (!level.isEmpty || text == "/") && level.utf8.allSatisfy(ParameterName.isLevelByte)
        }
        guard text.hasPrefix("/"), isForm else {
            throw ServiceError(
                .validation,
                "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a "
                    + "forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must "
                    + "use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). "
                    + "Special characters are not allowed. All sub-paths, if specified, must use the forward slash "
                    + "symbol \"/\". Valid example: /get/parameters2-/by1./path0_.")
        }
        prefix = text.hasSuffix("/") ? text : text + "/"
    }

    /// Whether a parameter is below this place, or only right below it.
    func contains(_ key: String, recursive: Bool) -> Bool {
        guard key.hasPrefix(prefix) else { return false }
        return recursive || !key.dropFirst(prefix.count).contains("/")
    }
}
