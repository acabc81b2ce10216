internal import API
internal import Core
internal import Platform
internal import Storage
internal import Synchronization

/// Calls API destinations: at their rate, with the authorization of their connections.
final class DestinationCaller: Sendable {
    private let database: Database
    private let vault: Vault
    private let sender: any HTTPSender
    private let tokens: OAuthTokens
    private let clock: any Clock
    /// By the destination's identifier; full ones are let go of.
    private let buckets = Mutex<[Identifier: TokenBucket]>([:])

    private static let bucketsKept = 1024

    init(database: Database, vault: Vault, sender: any HTTPSender, tokens: OAuthTokens, clock: any Clock) {
        self.database = database
        self.vault = vault
        self.sender = sender
        self.tokens = tokens
        self.clock = clock
    }

    /// Takes the next turn at a destination's rate.
    /// - Returns: When it is: now, or later.
    /// - Throws: `TargetFailure` `NO_RESOURCE`.
    func reserve(_ arn: ARN) async throws(TargetFailure) -> Timestamp {
        let destination = try await find(arn)
        let now = clock.now
        let rate = destination.rate ?? ApiDestination.defaultRate
        return buckets.withLock { buckets in
            if buckets.count > DestinationCaller.bucketsKept {
                buckets = buckets.filter { !$0.value.isFull(now: now) }
            }
            var bucket = buckets[destination.identifier] ?? TokenBucket(rate: rate)
            if bucket.rate != rate { bucket = TokenBucket(rate: rate) }
            defer { buckets[destination.identifier] = bucket }
            return bucket.reserve(now: now)
        }
    }

    /// Sends a text to a destination; where its turn has not been waited for, waits for it.
    /// - Returns: `StatusCode` and `Body`.
    /// - Throws: `TargetFailure`.
    func call(
        _ arn: ARN, _ parameters: DestinationParameters, _ request: TargetRequest
    ) async throws(TargetFailure) -> JSON {
        if !request.hasTurn {
            let turn = try await reserve(arn)
            do {
                try await clock.sleep(until: turn)
            } catch {
                throw TargetFailure.stopping
            }
        }
        let destination = try await find(arn)
        let (connection, secrets) = try await authorization(of: destination)
        let made = DestinationRequest(
            destination: destination, secrets: secrets, authorization: connection.authorization, parameters: parameters,
            traceHeader: request.traceHeader)
        guard connection.authorization == .oauth else {
            return try DestinationCaller.output(try await send(made.call(request.text, token: nil)), secrets)
        }
        let token = try await tokens.token(connection, secrets)
        let answer = try await send(made.call(request.text, token: token))
        guard answer.status == 401 || answer.status == 407 else {
            return try DestinationCaller.output(answer, secrets, token: token)
        }
        // The server may have let go of the token before its time: once more with a new one.
        await tokens.refused(token, connection)
        let renewed = try await tokens.token(connection, secrets)
        return try DestinationCaller.output(
            try await send(made.call(request.text, token: renewed)), secrets, token: renewed)
    }

    private func find(_ arn: ARN) async throws(TargetFailure) -> ApiDestination {
        let parts = arn.name(ofType: "api-destination")?.split(separator: "/").map(String.init) ?? []
        let found = try await read { try ApiDestinationStore.find(parts.first ?? "", $0) }
        guard let destination = found?.destination, parts.count < 2 || parts[1] == destination.identifier.description
        else {
            throw TargetFailure(code: "NO_RESOURCE", message: "The API destination \(arn) does not exist.")
        }
        return destination
    }

    private func authorization(
        of destination: ApiDestination
    ) async throws(TargetFailure) -> (Connection, ConnectionSecrets) {
        let found = try await read { try ConnectionStore.find(destination.connection, $0) }
        guard let found, found.connection.identifier == destination.connectionIdentifier else {
            throw TargetFailure(
                code: "NO_RESOURCE", message: "The connection \(destination.connection) does not exist any more.")
        }
        guard let sealed = found.secret, found.connection.state != .deauthorized else {
            throw TargetFailure(
                code: "NO_PERMISSIONS",
                message: "The connection \(destination.connection) is not authorized"
                    + (found.connection.stateReason.map { ": \($0)" } ?? "."))
        }
        do {
            return (found.connection, ConnectionSecrets(text: try vault.open(sealed)))
        } catch {
            throw TargetFailure(code: "NO_PERMISSIONS", message: "The connection's secret cannot be opened: \(error)")
        }
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (borrowing ReadTransaction) throws -> Value
    ) async throws(TargetFailure) -> Value {
        do {
            return try await database.read(body)
        } catch {
            throw TargetFailure(code: "INTERNAL_ERROR", message: "\(error)", isRetryable: true)
        }
    }

    private func send(_ call: HTTPCall) async throws(TargetFailure) -> HTTPAnswer {
        do throws(HTTPFailure) {
            return try await sender.send(call)
        } catch {
            throw TargetFailure(error)
        }
    }

    private static func output(
        _ answer: HTTPAnswer, _ secrets: ConnectionSecrets, token: String? = nil
    ) throws(TargetFailure) -> JSON {
        if let failure = TargetFailure(answer, secrets, token: token) { throw failure }
        return ["StatusCode": .integer(answer.status), "Body": .string(String(decoding: answer.body, as: UTF8.self))]
    }
}

extension TargetFailure {
    /// Of an answer: what is looked at, and what of that is told.
    private static let bytesRead = 8192
    private static let charactersShown = 200

    /// What an HTTP answer means; nil for a success.
    /// - Parameters:
    ///   - secrets: What the message must not repeat, should the answer.
    ///   - token: The same.
    /// - Source: EventBridge user guide, "API destinations": retries and `Retry-After`.
    init?(_ answer: HTTPAnswer, _ secrets: ConnectionSecrets, token: String? = nil) {
        if (200..<300).contains(answer.status) { return nil }
        let isRetryable = answer.status == 429 || answer.status >= 500
        let code = answer.status == 429 ? "THROTTLING" : answer.status >= 500 ? "INTERNAL_ERROR" : "SDK_CLIENT_ERROR"
        let text = String(decoding: answer.body.prefix(TargetFailure.bytesRead), as: UTF8.self)
        let body = secrets.concealed(text, token: token).prefix(TargetFailure.charactersShown)
        self.init(
            code: code,
            message: "The endpoint answered with status \(answer.status)" + (body.isEmpty ? "." : ": \(body)"),
            isRetryable: isRetryable)
        status = answer.status
        guard isRetryable, let seconds = answer.retryAfterSeconds else { return }
        // A negative one means that there is no later.
        if seconds < 0 { self.isRetryable = false }
        retryAfter = seconds > 0 ? .seconds(min(seconds, Limits.retryAgeSecondsMax)) : nil
    }

    init(_ failure: HTTPFailure) {
        let code: String
        switch failure.code {
        case .invalid: code = "SDK_CLIENT_ERROR"
        case .connection, .certificate: code = "CONNECTION_FAILURE"
        case .timeout: code = "TIMEOUT"
        case .overloaded: code = "THROTTLING"
        case .cancelled:
            self = .stopping
            return
        }
        self.init(code: code, message: failure.message, isRetryable: failure.code != .invalid)
    }
}
