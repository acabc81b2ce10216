internal import API
internal import Core

/// The answers of the Query protocol: XML.
/// - Source: Smithy, "AWS Query protocol".
enum QueryProtocol {
    private static let contentType = "text/xml"

    /// - Parameter path: Of the request: clients of queues name the queue by it.
    static func input(
        _ form: QueryForm, of request: HTTPRequest, for operation: Operation, in service: WireService
    ) -> JSON {
        var input = QueryInput(operation, service.flat).input(form)
        if let member = service.pathMember, input[member] == nil,
            operation.input.contains(where: { $0.name == member }), request.path.split(separator: "/").count == 2
        {
            input[member] = .string("http://\(request.header("host") ?? "localhost")\(request.path)")
        }
        return input
    }

    /// A result element is always there: clients look for it even where a service has nothing to say in it.
    static func success(
        _ output: JSON, of operation: Operation, in service: WireService, _ identifier: Identifier
    ) -> HTTPResponse {
        let action = operation.action
        var writer = XMLWriter(service.flat, action: action)
        writer.element("\(action)Response", namespace: service.namespace) { writer in
            writer.element("\(action)Result") { $0.write(output, .structure(operation.output)) }
            writer.element("ResponseMetadata") { $0.element("RequestId", text: identifier.description) }
        }
        return HTTPResponse(
            200, contentType: contentType, headers: [("x-amzn-RequestId", identifier.description)],
            body: writer.bytes)
    }

    static func failure(_ error: ServiceError, in service: WireService, _ identifier: Identifier) -> HTTPResponse {
        let wire = error.code.query(in: service)
        var writer = XMLWriter()
        writer.element("ErrorResponse", namespace: service.namespace) { writer in
            writer.element("Error") { writer in
                writer.element("Type", text: wire.isSender ? "Sender" : "Receiver")
                writer.element("Code", text: wire.name)
                writer.element("Message", text: error.message)
                writer.write(.object(error.members), .any)
            }
            writer.element("RequestId", text: identifier.description)
        }
        return HTTPResponse(
            wire.status, contentType: contentType, headers: [("x-amzn-RequestId", identifier.description)],
            body: writer.bytes)
    }
}
