public import Core

/// The error an operation answers.
public struct ServiceError: Error, Sendable, Hashable, CustomStringConvertible {
    public let code: ErrorCode
    public let message: String
    /// Members that some errors carry beside their message, such as the oldest sequence of `SequenceExpired`.
    public let members: JSONObject

    public init(_ code: ErrorCode, _ message: String, members: JSONObject = JSONObject()) {
        self.code = code
        self.message = message
        self.members = members
    }

    public var description: String { "\(code.rawValue): \(message)" }

    /// The body of an error reply: `{"__type": code, "message": text, …}`.
    public var json: JSON {
        var object = JSONObject()
        object.append("__type", .string(code.rawValue))
        object.append("message", .string(message))
        for member in members { object.append(member.key, member.value) }
        return .object(object)
    }

    /// Reads an error reply; nil where the body is none or its code is unknown.
    public init?(json: JSON) {
        guard let code = json["__type"]?.string.flatMap(ErrorCode.init(rawValue:)) else { return nil }
        self.init(
            code, json["message"]?.string ?? "",
            members: JSONObject((json.object?.members ?? []).filter { $0.key != "__type" && $0.key != "message" }))
    }
}

extension JSON {
    /// The object that a request's body holds.
    /// - Parameter name: Of the body, as an error calls it.
    /// - Throws: `ServiceError` `.serialization`, with the place of the mistake.
    public init(objectIn body: [UInt8], named name: String = "The body") throws(ServiceError) {
        do throws(JSONError) {
            self = try JSON(parsing: body)
            guard object != nil else {
                throw JSONError(
                    .syntax, "expected a JSON object, found \(typeName)", at: TextPosition(line: 1, column: 1))
            }
        } catch {
            throw ServiceError(.serialization, "\(name) is not valid: \(error).")
        }
    }
}
