internal import API
internal import Access
internal import Core

/// REST-JSON: members of the input in path, query and headers, the rest in a JSON body.
/// - Source: Smithy, "AWS REST JSON 1.0 protocol".
enum RESTProtocol {
    private static let contentType = "application/json"

    /// - Throws: `ServiceError` `.serialization`.
    static func input(
        _ request: HTTPRequest, _ match: RouteTable.Match?, _ operation: Operation
    ) throws(ServiceError) -> JSON {
        var input: JSON = [:]
        if let member = operation.route?.body?.member {
            guard let text = String(validating: request.body, as: UTF8.self) else {
                throw ServiceError(.serialization, "The body is not UTF-8.")
            }
            if !text.isEmpty { input[member] = .string(text) }
        } else if !request.body.isEmpty {
            input = try JSONProtocol.input(request.body)
        }
        func shape(_ member: String) -> Shape { operation.input.first { $0.name == member }?.shape ?? .any }
        for label in match?.labels ?? [] { input[label.member] = shape(label.member).value(ofText: label.text) }
        guard let route = operation.route else { return input }
        for (name, member) in route.headers {
            if let text = request.header(name) { input[member] = shape(member).value(ofText: text) }
        }
        guard let parameters = request.signed.queryParameters else {
            throw ServiceError(.serialization, "The query is not UTF-8 in percent-encoding.")
        }
        for (name, member) in route.query {
            let texts = parameters.filter { $0.name == name }.map(\.value)
            guard let last = texts.last else { continue }
            if case .list(let element, _) = shape(member) {
                input[member] = .array(texts.map { element.value(ofText: $0) })
            } else {
                input[member] = shape(member).value(ofText: last)
            }
        }
        return input
    }

    static func success(_ output: JSON, of operation: Operation, _ identifier: Identifier) -> HTTPResponse {
        if let body = operation.route?.body { return success(output, as: body, of: operation, identifier) }
        return HTTPResponse(
            operation.route?.status ?? 200, contentType: contentType,
            headers: [("x-amzn-RequestId", identifier.description)],
            body: Shape.structure(operation.output).timesAsNumbers(in: output).bytes)
    }

    private static func success(
        _ output: JSON, as body: Route.RawBody, of operation: Operation, _ identifier: Identifier
    ) -> HTTPResponse {
        var headers = [("x-amzn-RequestId", identifier.description)]
        for (name, member) in body.headers.sorted(by: { $0.key < $1.key }) {
            if let value = output[member] { headers.append((name, value.string ?? value.text)) }
        }
        let status = body.status.flatMap { output[$0]?.int } ?? operation.route?.status ?? 200
        return HTTPResponse(
            status, contentType: contentType, headers: headers, body: Array((output[body.member]?.string ?? "").utf8))
    }

    static func failure(_ error: ServiceError, in service: WireService, _ identifier: Identifier) -> HTTPResponse {
        let wire = error.code.rest(in: service)
        return HTTPResponse(
            wire.status, contentType: contentType,
            headers: [("x-amzn-RequestId", identifier.description), ("x-amzn-ErrorType", wire.name)],
            body: JSONProtocol.body(error, named: wire.name, in: service).bytes)
    }
}
