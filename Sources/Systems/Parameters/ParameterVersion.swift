internal import API
internal import Core
internal import Storage

/// One version of a parameter, as stored.
struct ParameterVersion: Sendable {
    enum Kind: String, Sendable, SQLConvertible, CaseIterable {
        case string = "String"
        case list = "StringList"
        case secure = "SecureString"
    }

    enum Tier: String, Sendable, SQLConvertible, CaseIterable {
        case standard = "Standard"
        case advanced = "Advanced"
    }

    /// A value as the database holds it.
    enum Value: Sendable, Hashable {
        case plain(String)
        /// Of a SecureString: see ``ParameterSecrets``.
        case sealed([UInt8])
    }

    /// Of the parameter, as first written.
    var name: String
    var kind: Kind
    var version: Int
    var value: Value
    var description: String?
    var allowedPattern: String?
    /// Of a SecureString, as it was given.
    var keyID: String?
    var dataType: String
    var tier: Tier
    var policies: ParameterPolicies
    var labels: [String] = []
    var modified: Timestamp
    var modifiedBy: Principal

    var key: String { ParameterName.key(name) }
    var subject: Subject { Subject(.parameter, name) }

    func arn(in account: Account) -> ARN { account.arn("ssm", "parameter\(key)") }

    // MARK: Shapes of the API

    /// `Parameter`
    /// - Parameters:
    ///   - text: The value to show: of a SecureString in clear or as kept.
    ///   - selector: As ``ParameterSelection/selector``.
    func json(showing text: String, selector: String = "", in account: Account) -> JSON {
        var json: JSON = [
            "Name": .string(name), "Type": .string(kind.rawValue), "Value": .string(text),
            "Version": .integer(version), "LastModifiedDate": JSON(epoch: modified),
            "ARN": .string(arn(in: account).description), "DataType": .string(dataType),
        ]
        if !selector.isEmpty { json["Selector"] = .string(selector) }
        return json
    }

    /// `ParameterMetadata`; `ParameterHistory` has the value and the labels besides.
    func metadata(in account: Account) -> JSON {
        var json: JSON = [
            "Name": .string(name), "Type": .string(kind.rawValue), "LastModifiedDate": JSON(epoch: modified),
            "LastModifiedUser": .string(account.arn(of: modifiedBy).description), "Version": .integer(version),
            "Tier": .string(tier.rawValue), "Policies": policies.json, "DataType": .string(dataType),
        ]
        json["KeyId"] = keyID.map { .string($0) }
        json["Description"] = description.map { .string($0) }
        json["AllowedPattern"] = allowedPattern.map { .string($0) }
        return json
    }
}

/// Seals the values of SecureStrings, each for its own parameter: what was sealed for one does not open as another's.
struct ParameterSecrets: Sendable {
    /// The one key there is: the vault of the data directory.
    static let keyID = "alias/aws/ssm"

    let vault: Vault
    let account: Account

    /// The key as permissions name it.
    var keyARN: String { account.arn("kms", Self.keyID).description }

    /// - Throws: `ServiceError` `.invalidKeyID` for any key but the one.
    func check(_ keyID: String) throws(ServiceError) {
        guard keyID == Self.keyID || keyID == keyARN else {
            throw ServiceError(
                .invalidKeyID, "There is no key \(keyID): values are encrypted with \(Self.keyID), leave KeyId out.")
        }
    }

    func seal(_ value: String, of name: ParameterName) -> [UInt8] { vault.seal("\(name.key)\n\(value)") }

    /// - Throws: `StorageError` `.corrupt` where it was sealed with another key or for another parameter.
    func open(_ sealed: [UInt8], of key: String) throws(StorageError) -> String {
        let text = try vault.open(sealed)
        guard text.hasPrefix("\(key)\n") else {
            throw StorageError(.corrupt, "the value of \(key) was sealed for another parameter")
        }
        return String(text.dropFirst(key.count + 1))
    }
}
