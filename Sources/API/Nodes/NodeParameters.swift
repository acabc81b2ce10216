public import Core

/// What a node asks for while a command runs on it, values of Parameter Store: a body of `Fetch`.
public struct NodeParameterRequest: Sendable, Hashable {
    /// Names in one question at most.
    public static let namesMax = 10

    /// The command that needs them; a node that runs none is told nothing.
    public var command: Identifier
    /// Chosen by the node; the answer carries it.
    public var number: Int
    /// Each perhaps with a version or a label: `NAME:3`.
    public var names: [String]
    /// Whether the values are credentials: SecureStrings are then told in clear.
    public var areSecret: Bool

    public init(command: Identifier, number: Int, names: [String], areSecret: Bool) {
        self.command = command
        self.number = number
        self.names = names
        self.areSecret = areSecret
    }

    /// Nil where a member is missing or of another type.
    public init?(_ body: JSON) {
        guard let command = body["CommandId"]?.string.flatMap({ Identifier($0) }), let number = body["Number"]?.int,
            let names = body["ParameterNames"]?.array?.compactMap(\.string), names.count <= Self.namesMax
        else { return nil }
        self.init(command: command, number: number, names: names, areSecret: body["WithDecryption"]?.bool ?? false)
    }

    public var json: JSON {
        [
            "CommandId": .string(command.description), "Number": .integer(number),
            "ParameterNames": .array(names.map { .string($0) }), "WithDecryption": .bool(areSecret),
        ]
    }
}

/// One value that a node asked for; all of an answer are a JSON list in its payload, which no log shows.
public struct NodeParameter: Sendable, Hashable {
    /// As asked for.
    public var name: String
    /// `String`, `StringList` or `SecureString`.
    public var type: String
    /// Nil for a SecureString that was not asked for as a secret.
    public var value: String?

    public init(name: String, type: String, value: String?) {
        self.name = name
        self.type = type
        self.value = value
    }

    /// Nil where a member is missing or of another type.
    public init?(_ json: JSON) {
        guard let name = json["Name"]?.string, let type = json["Type"]?.string else { return nil }
        self.init(name: name, type: type, value: json["Value"]?.string)
    }

    public var json: JSON {
        var json: JSON = ["Name": .string(name), "Type": .string(type)]
        json["Value"] = value.map { .string($0) }
        return json
    }
}
