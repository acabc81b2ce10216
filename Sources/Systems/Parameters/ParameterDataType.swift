internal import API
internal import Core
internal import Glibc

/// What `DataType` promises of a value, checked when it is written.
/// - Source: user guide, "Native parameter support", and botocore's model of `ssm`.
enum ParameterDataType: String, Sendable, CaseIterable {
    case text
    /// Checked after the call, as at AWS: the event of the change says what is wrong.
    case image = "aws:ec2:image"
    case integration = "aws:ssm:integration"
    case region = "aws:region"
    case accountID = "aws:account:id"
    case boolean, integer, float, binary, hostname, email
    case ipv4Address = "ipv4-address"
    case ipv6Address = "ipv6-address"
    case url, json, jsonc

    /// Whether only parameters of the tier Advanced have it.
    var isAdvanced: Bool { [.url, .json, .jsonc].contains(self) }

    /// - Throws: `ServiceError` `.validation`.
    init(checking name: String) throws(ServiceError) {
        guard let type = ParameterDataType(rawValue: name) else {
            throw ServiceError(
                .validation,
                "The following data type is not supported: \(name) (Data type names are all lowercase.)")
        }
        self = type
    }

    /// - Throws: `ServiceError` `.validation` that does not show the value, which may be a secret.
    func check(_ value: String, of kind: ParameterVersion.Kind) throws(ServiceError) {
        guard self != .integration || kind == .secure else {
            throw ServiceError(.validation, "The data type \(rawValue) is for parameters of type SecureString.")
        }
        guard self != .image || kind == .string else {
            throw ServiceError(.validation, "The data type \(rawValue) is for parameters of type String.")
        }
        guard accepts(value) else {
            throw ServiceError(.validation, "The value is not of the data type \(rawValue).")
        }
    }

    /// What is wrong with a value that was taken all the same; nil for nothing.
    func doubt(about value: String) -> String? {
        guard self == .image, !Self.matches(value, "(ami|img)-[0-9A-Za-z-]+") else { return nil }
        return "The value is not the ID of an image: it begins with ami- or img-."
    }

    private func accepts(_ value: String) -> Bool {
        switch self {
        case .text, .image, .integration: true
        case .region: Self.matches(value, "[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}")
        case .accountID: Self.matches(value, "[0-9]{12}")
        case .boolean: ["true", "false"].contains(value.lowercased())
        case .integer: Self.matches(value, "[+-]?[0-9]+")
        case .float: Self.matches(value, #"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"#)
        case .binary: Base64.decode(value) != nil
        case .hostname: value.utf8.count <= 253 && Self.matches(value, Self.host)
        case .email: Self.matches(value, #"[^@\s]+@"# + Self.host)
        case .ipv4Address: Self.isAddress(value, AF_INET)
        case .ipv6Address: Self.isAddress(value, AF_INET6)
        case .url: Self.matches(value, #"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]+[^\s]*"#)
        case .json: (try? JSON(parsing: value)) != nil
        case .jsonc: (try? JSON(parsing: Self.withoutComments(value))) != nil
        }
    }

    private static let host = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
        + #"(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"#

    private static func matches(_ value: String, _ pattern: String) -> Bool {
        (try? RegularExpression("^(\(pattern))$"))?.matches(value) == true
    }

    private static func isAddress(_ value: String, _ family: Int32) -> Bool {
        var address = in6_addr()
        return inet_pton(family, value, &address) == 1
    }

    /// The text with `//` and `/* */` comments outside strings replaced by spaces.
    private static func withoutComments(_ text: String) -> String {
        var result: [UInt8] = []
        var rest = Array(text.utf8)[...]
        var isInString = false
        while let byte = rest.popFirst() {
            if isInString {
                result.append(byte)
                if byte == UInt8(ascii: "\\"), let next = rest.popFirst() { result.append(next) }
                if byte == UInt8(ascii: "\"") { isInString = false }
            } else if byte == UInt8(ascii: "/"), rest.first == UInt8(ascii: "/") {
                rest = rest.drop { $0 != UInt8(ascii: "\n") }
            } else if byte == UInt8(ascii: "/"), rest.first == UInt8(ascii: "*") {
                rest = rest.dropFirst()
                while let inner = rest.popFirst(), !(inner == UInt8(ascii: "*") && rest.first == UInt8(ascii: "/")) {}
                rest = rest.dropFirst()
                result.append(UInt8(ascii: " "))
            } else {
                isInString = byte == UInt8(ascii: "\"")
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
