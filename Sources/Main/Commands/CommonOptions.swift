internal import Core

/// Options that several commands share.
enum CommonOptions {
    static let bus = Option("bus", short: "b", "NAME", .text.completing(.live(.buses)), "The event bus. [default]")
    static let limit = Option("limit", short: "n", "N", .positive, "Show at most N.")
    static let wait = Flag("wait", short: "w", "Follow the progress until it has ended; exit 1 unless it succeeded.")
    static let parameters = Option(
        "parameter", short: "p", "NAME=VALUE", .keyValue, repeated: true,
        "A parameter of the document; several of one name make a list, and so does a JSON list of strings.")
    static let targets = Option(
        "targets", short: "t", "tag:KEY=VALUE[,VALUE]", .keyValue, repeated: true,
        "Nodes by tag, by tag-key=KEY, or by resource-groups:Name=GROUP.")

    /// `Parameters` as the API takes them: each name with a list of texts.
    static func parameterMap(_ arguments: Arguments) -> JSON {
        var map = JSONObject()
        for parameter in arguments.all(parameters) {
            var values = map[parameter.key]?.array ?? []
            // Text that only looks like a list is meant as it stands.
            if let list = (try? JSON(parsing: parameter.value))?.array, list.allSatisfy({ $0.string != nil }) {
                values += list
            } else {
                values.append(.string(parameter.value))
            }
            map[parameter.key] = .array(values)
        }
        return .object(map)
    }

    /// `Targets` as the API takes them.
    static func targetList(_ arguments: Arguments) -> JSON {
        .array(
            arguments.all(targets).map { target in
                ["Key": .string(target.key), "Values": .array(commaSeparated(target.value))]
            })
    }

    static func commaSeparated(_ text: String) -> [JSON] {
        text.split(separator: ",").map { .string(String($0)) }
    }
}

/// An input object from members of which some may be absent: nil, or null, which is what `nil` means as JSON.
func input(_ members: [(String, JSON?)]) -> JSON {
    var object = JSONObject()
    for case (let key, let value?) in members where !value.isNull { object.append(key, value) }
    return .object(object)
}

extension JSON {
    /// A text, or nil where there is none, for members that may be absent.
    static func text(_ value: String?) -> JSON? { value.map { .string($0) } }
    static func number(of value: Int?) -> JSON? { value.map { .integer($0) } }
}
