internal import API
internal import Core

/// What a request asks for, and in which protocol: all that is known before its operation has been looked up.
struct Endpoint: Sendable {
    enum Wire: Sendable {
        /// AWS JSON 1.0 or 1.1: the operation in a header, the input as the body.
        case json(version: String)
        /// Query: operation and input in a form, XML in the answer.
        case query(QueryForm)
        /// REST-JSON: the operation by method and path.
        case rest(RouteTable.Match?)
    }

    let service: WireService
    let wire: Wire
    /// As the operation table has it, whether or not it is there: `events:PutRule`. Nil where the request names none.
    let operation: String?

    /// The input without what the service passes over; called by its name in OpsBus, an operation gets all.
    /// - Throws: `ServiceError` `.serialization` for a body that is not of the protocol's form.
    func input(of request: HTTPRequest, for operation: Operation) throws(ServiceError) -> JSON {
        let input =
            switch wire {
            case .json: try JSONProtocol.input(request.body)
            case .query(let form): QueryProtocol.input(form, of: request, for: operation, in: service)
            case .rest(let match): try RESTProtocol.input(request, match, operation)
            }
        return service.name == WireService.own.name ? input : Shape.structure(operation.input).known(in: input)
    }

    func success(_ output: JSON, of operation: Operation, _ identifier: Identifier) -> HTTPResponse {
        switch wire {
        case .json(let version): JSONProtocol.success(output, of: operation, version: version, identifier)
        case .query: QueryProtocol.success(output, of: operation, in: service, identifier)
        case .rest: RESTProtocol.success(output, of: operation, identifier)
        }
    }

    func failure(_ error: ServiceError, _ identifier: Identifier) -> HTTPResponse {
        switch wire {
        case .json(let version): JSONProtocol.failure(error, in: service, version: version, identifier)
        case .query: QueryProtocol.failure(error, in: service, identifier)
        case .rest: RESTProtocol.failure(error, in: service, identifier)
        }
    }
}
