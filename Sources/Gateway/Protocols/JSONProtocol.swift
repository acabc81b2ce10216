internal import API
internal import Core

/// AWS JSON 1.0 and 1.1.
/// - Source: Smithy, "AWS JSON 1.0 protocol" and "AWS JSON 1.1 protocol".
enum JSONProtocol {
    /// The input in a body.
    /// - Throws: `ServiceError` `.serialization`.
    static func input(_ body: [UInt8]) throws(ServiceError) -> JSON {
        if body.isEmpty { throw ServiceError(.serialization, "The body is empty; an input without members is {}.") }
        return try JSON(objectIn: body)
    }

    static func success(
        _ output: JSON, of operation: Operation, version: String, _ identifier: Identifier
    ) -> HTTPResponse {
        success(bytes: Shape.structure(operation.output).timesAsNumbers(in: output).bytes, version: version, identifier)
    }

    /// An answer whose bytes are there already.
    static func success(bytes: [UInt8], version: String, _ identifier: Identifier) -> HTTPResponse {
        HTTPResponse(
            200, contentType: contentType(version), headers: [("x-amzn-RequestId", identifier.description)],
            body: bytes)
    }

    static func failure(
        _ error: ServiceError, in service: WireService, version: String, _ identifier: Identifier
    ) -> HTTPResponse {
        let wire = error.code.json(in: service)
        let type = service.errorNamespace + wire.name
        var headers = [("x-amzn-RequestId", identifier.description), ("x-amzn-ErrorType", type)]
        if service.isQueryCompatible {
            let code = error.code.query(in: service).name
            headers.append(("x-amzn-query-error", "\(code);\(wire.isSender ? "Sender" : "Receiver")"))
        }
        return HTTPResponse(
            wire.status, contentType: contentType(version), headers: headers,
            body: body(error, named: type, in: service).bytes)
    }

    /// The JSON form of an error: its type, its text, and what else it carries.
    static func body(_ error: ServiceError, named name: String, in service: WireService) -> JSON {
        var body = JSONObject()
        body.append("__type", .string(name))
        body.append(service.messageMember, .string(error.message))
        for member in error.members { body.append(member.key, member.value) }
        return .object(body)
    }

    private static func contentType(_ version: String) -> String { "application/x-amz-json-\(version)" }
}
