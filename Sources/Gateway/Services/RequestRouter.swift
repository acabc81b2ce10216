internal import API
internal import Access
internal import Core

/// Finds out which service and operation a request means.
///
/// One port serves all services. In this order a request tells its service: by the prefix of `X-Amz-Target`, by what it
/// is signed for, by the `Version` of a form, by the first part of its host, by its path.
struct RequestRouter: Sendable {
    private let services: [WireService]
    private let routes: RouteTable

    private let events: WireService

    init(_ operations: [Operation], services: [WireService] = WireService.all) {
        self.services = services
        events = services.first { $0.name == "events" } ?? .own
        routes = RouteTable(operations)
    }

    /// - Throws: `ServiceError` `.serialization` for a form that cannot be read.
    func endpoint(of request: HTTPRequest) throws(ServiceError) -> Endpoint {
        if let target = request.header("x-amz-target") { return json(request, target) }
        let isForm = request.method == "POST" && request.mediaType == "application/x-www-form-urlencoded"
        if isForm || request.query.contains("Action=") { return try query(request, isForm: isForm) }
        return rest(request)
    }

    /// The endpoint of a request that is known to be `events:PutEvents` in AWS JSON, found without taking it apart.
    func publishing(_ request: HTTPRequest) -> Endpoint {
        let isOlder = request.header("content-type") == "application/x-amz-json-1.0"
        return Endpoint(
            service: events, wire: .json(version: isOlder ? "1.0" : events.jsonVersion), operation: "events:PutEvents")
    }

    /// The endpoint for an error that comes before `endpoint(of:)`, or out of it.
    func fallback(for request: HTTPRequest) -> Endpoint {
        if let target = request.header("x-amz-target") { return json(request, target) }
        let service = signed(request) ?? named(request) ?? .own
        let isQuery =
            request.mediaType == "application/x-www-form-urlencoded"
            && (service.queryVersion != nil || service.name == WireService.own.name)
        return Endpoint(service: service, wire: isQuery ? .query(QueryForm()) : .rest(nil), operation: nil)
    }

    private func json(_ request: HTTPRequest, _ target: String) -> Endpoint {
        let dot = target.lastIndex(of: ".")
        let prefix = dot.map { String(target[..<$0]) } ?? ""
        let action = dot.map { String(target[target.index(after: $0)...]) } ?? target
        let service = services.first { $0.targetPrefix == prefix }
        let asked = ["1.0", "1.1"].first { request.mediaType == "application/x-amz-json-\($0)" }
        let version = asked ?? service?.jsonVersion ?? "1.1"
        guard let service else {
            return Endpoint(service: signed(request) ?? .own, wire: .json(version: version), operation: nil)
        }
        let operation = service.name == WireService.own.name ? action : "\(service.name):\(action)"
        return Endpoint(service: service, wire: .json(version: version), operation: operation)
    }

    private func query(_ request: HTTPRequest, isForm: Bool) throws(ServiceError) -> Endpoint {
        guard let body = isForm ? String(validating: request.body, as: UTF8.self) : "" else {
            throw ServiceError(.serialization, "The form is not UTF-8.")
        }
        // A presigned request has its parameters in its query, whatever its method.
        let form = try QueryForm(request.query + "&" + body)
        let candidates = [signed(request), services.first { $0.queryVersion == form.version }, named(request)]
        let service = candidates.compactMap { $0 }.first { $0.queryVersion != nil } ?? .own
        return Endpoint(
            service: service, wire: .query(form), operation: form.action.map { "\(service.name):\($0)" })
    }

    private func rest(_ request: HTTPRequest) -> Endpoint {
        let known = [signed(request), named(request)].compactMap { $0 }.first { routes.hasRoutes($0.name) }
        for service in known.map({ [$0] }) ?? services {
            if let match = routes.match(request.method, request.path, in: service.name) {
                return Endpoint(service: service, wire: .rest(match), operation: match.operation)
            }
        }
        return Endpoint(service: known ?? .own, wire: .rest(nil), operation: nil)
    }

    /// The service that the request is signed for, whether or not the signature is good.
    private func signed(_ request: HTTPRequest) -> WireService? {
        guard let scope = RequestSignature.scope(of: request.signed) else { return nil }
        return services.first { $0.signingName == scope.service }
    }

    /// The service that the host begins with: `events.us-east-1.example`.
    private func named(_ request: HTTPRequest) -> WireService? {
        let name = (request.header("host") ?? "").prefix { $0 != "." && $0 != ":" }
        return services.first { $0.signingName == name }
    }
}
