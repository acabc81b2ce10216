internal import API
internal import Access
internal import Core
internal import Platform
internal import Synchronization

/// From a request to its answer: who asks, which operation, its input; then the operation table, and back.
///
/// `events:PutEvents` in AWS JSON goes past the table to the `PublishHandler`, as on the bus, and is answered when its
/// events are durable. Whether its body is JSON is that handler's affair.
struct RequestHandler: HTTPHandler {
    private static let publishTarget = "AWSEvents.PutEvents"
    private static let publishOperation = "events:PutEvents"

    /// What a browser or a proxy asks before it asks.
    private static let methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

    let operations: OperationTable
    let account: Account
    let publisher: any PublishHandler
    let authentication: Authentication
    let router: RequestRouter
    let maintenance: MaintenanceRoutes
    /// `http` or `https`.
    let scheme: String
    private let random = SharedRandom()
    /// Requests to publish that came at a time, for one batch in the journal.
    private let round = Round()

    init(
        operations: OperationTable, account: Account, publisher: any PublishHandler, authentication: Authentication,
        maintenance: MaintenanceRoutes, scheme: String = "http"
    ) {
        self.operations = operations
        self.account = account
        self.publisher = publisher
        self.authentication = authentication
        self.maintenance = maintenance
        self.scheme = scheme
        router = RequestRouter(operations.all)
    }

    func handle(_ request: HTTPRequest, reply: @escaping @Sendable (HTTPResponse) -> Void) {
        let identifier = random.identifier()
        // With nothing to decode and no signature to compute there is nothing to leave the server's thread for.
        if authentication.mode == .development, request.method == "POST",
            request.header("x-amz-target") == RequestHandler.publishTarget
        {
            let endpoint = router.publishing(request)
            do throws(ServiceError) {
                let principal = try authentication.principal(of: request, for: endpoint.service.signingName)
                let isFull = round.add(publishRequest(request, endpoint, principal, identifier, reply))
                if isFull { finishRound() }
                return
            } catch {
                return reply(endpoint.failure(error, identifier))
            }
        }
        if request.method == "OPTIONS" { return reply(HTTPResponse(204, headers: [("Allow", RequestHandler.methods)])) }
        Task { @concurrent in
            if request.path.hasPrefix(MaintenanceRoutes.prefix) {
                return reply(await maintenance.answer(request, identifier))
            }
            await answer(request, identifier, reply)
        }
    }

    func finishRound() {
        let requests = round.take()
        if !requests.isEmpty { publisher.publish(requests) }
    }

    func refuse(_ request: HTTPRequest, because refusal: HTTPRefusal) -> HTTPResponse {
        let error =
            switch refusal {
            case .tooLarge:
                ServiceError(.requestTooLarge, "The body is longer than \(Limits.requestBytesMax) bytes.")
            case .ambiguousLength:
                ServiceError(
                    .malformedRequest,
                    "The length of the body is not clear: there must be one Content-Length, or chunks and none.")
            case .ambiguousHost: ServiceError(.malformedRequest, "There must be one header Host.")
            case .misplacedSpace:
                ServiceError(.malformedRequest, "There may be no space in the path, the query or a header's name.")
            case .overloaded: ServiceError(.throttling, "Too much is being worked on; try again later.")
            case .stopping: ServiceError(.serviceUnavailable, "The server is stopping.")
            }
        return router.fallback(for: request).failure(error, random.identifier())
    }

    private func answer(
        _ request: HTTPRequest, _ identifier: Identifier, _ reply: @escaping @Sendable (HTTPResponse) -> Void
    ) async {
        var endpoint = router.fallback(for: request)
        let regions = RegionNaming(request, server: account)
        do throws(ServiceError) {
            endpoint = try router.endpoint(of: request)
            let principal = try principal(of: request, at: endpoint)
            guard let name = endpoint.operation else { throw RequestHandler.noOperation(request) }
            if case .json = endpoint.wire {
                guard request.method == "POST" else {
                    throw ServiceError(.unknownOperation, "\(name) is called by POST, not by \(request.method).")
                }
                if name == RequestHandler.publishOperation {
                    return publisher.publish([publishRequest(request, endpoint, principal, identifier, reply)])
                }
            }
            let operation = try operations.operation(name)
            let input = try endpoint.input(of: request, for: operation)
            let context = OperationContext(
                principal: principal, endpoint: request.header("host").map { "\(scheme)://\($0)" })
            let output = try await operations.call(name, regions?.incoming(input) ?? input, context)
            reply(endpoint.success(regions?.outgoing(output) ?? output, of: operation, identifier))
        } catch {
            reply(endpoint.failure(regions?.outgoing(error) ?? error, identifier))
        }
    }

    private func principal(of request: HTTPRequest, at endpoint: Endpoint) throws(ServiceError) -> Principal {
        let operation = endpoint.operation.flatMap { operations.find($0) }
        if operation?.allowsUnsigned == true, authentication.isAnonymous(request) { return .anonymous }
        return try authentication.principal(of: request, for: endpoint.service.signingName)
    }

    private func publishRequest(
        _ request: HTTPRequest, _ endpoint: Endpoint, _ principal: Principal, _ identifier: Identifier,
        _ reply: @escaping @Sendable (HTTPResponse) -> Void
    ) -> PublishRequest {
        let region = request.header("authorization") == nil ? nil : RegionNaming(request, server: account)?.region
        return PublishRequest(
            body: request.body, principal: principal, entriesMax: Limits.awsPutEventsEntriesMax,
            ignoresUnknownMembers: true, region: region
        ) { status, body in
            if status == 200, case .json(let version) = endpoint.wire {
                reply(JSONProtocol.success(bytes: body, version: version, identifier))
            } else {
                let error = (try? JSON(parsing: body)).flatMap(ServiceError.init(json:))
                reply(
                    endpoint.failure(
                        error ?? ServiceError(.internalFailure, "Internal Service Failure"), identifier))
            }
        }
    }

    private static func noOperation(_ request: HTTPRequest) -> ServiceError {
        if let target = request.header("x-amz-target") {
            return ServiceError(.unknownOperation, "There is no operation \(target).")
        }
        return ServiceError(
            .unknownOperation, "\(request.method) \(request.path) names no operation of any service here.")
    }
}

/// What waits for the end of the server's round.
private final class Round: Sendable {
    /// Few enough that the disk has something to write while the rest of the round is read.
    private static let requestsMax = 8

    private let requests = Mutex<[PublishRequest]>([])

    /// - Returns: Whether there are enough for a batch.
    func add(_ request: PublishRequest) -> Bool {
        requests.withLock { requests in
            requests.append(request)
            return requests.count >= Round.requestsMax
        }
    }

    func take() -> [PublishRequest] {
        requests.withLock { requests in
            defer { requests = [] }
            return requests
        }
    }
}

/// Random identifiers for many threads.
private final class SharedRandom: Sendable {
    private let random = Mutex(BlockRandom())

    func identifier() -> Identifier { random.withLock { Identifier(using: &$0) } }
}
