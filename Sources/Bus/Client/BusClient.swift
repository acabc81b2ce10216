internal import API
public import Core
internal import Synchronization

/// A program's connection to an OpsBus server.
///
///     let client = try BusClient()
///     try await client.putEvents([
///         ["Source": "billing", "DetailType": "Invoice Paid", "Detail": "{\"amount\": 12}"]
///     ])
///
/// Usable from any number of tasks at once: calls share one connection and do not wait for each other. The connection
/// is made in the background and made again when it breaks.
public final class BusClient: Sendable {
    private let context: Context
    private let loop: BusLoop
    private let requests: RequestChannel
    private let isClosed = Atomic<Bool>(false)
    private let subscriptions = Mutex<[Weak<StreamChannel>]>([])
    private let streamEndpoint: String
    private let keys: ClientKeys?
    private let timeout: Duration

    /// Starts connecting.
    /// - Parameters:
    ///   - endpoint: Of the server's requests socket.
    ///   - streamEndpoint: Of its stream socket, for subscriptions.
    ///   - keys: For CURVE; nil for a server on this machine without keys.
    ///   - timeout: How long calls wait for their answer, connecting included.
    /// - Throws: `BusError` `.invalidEndpoint`, `.socket`.
    public init(
        endpoint: String = BusConfiguration.defaultRequestsEndpoint,
        streamEndpoint: String = BusConfiguration.defaultStreamEndpoint, keys: ClientKeys? = nil,
        timeout: Duration = .seconds(30)
    ) throws(BusError) {
        context = try Context()
        loop = try BusLoop(name: "ops-client")
        self.streamEndpoint = streamEndpoint
        self.keys = keys
        self.timeout = timeout
        do throws(BusError) {
            requests = try RequestChannel(endpoint: endpoint, keys: keys, context: context, loop: loop)
        } catch {
            loop.stop()
            throw error
        }
        requests.start()
    }

    deinit {
        if isClosed.load(ordering: .relaxed) { return }
        let (requests, loop, context) = (requests, loop, context)
        let channels = subscriptions.withLock { $0.compactMap(\.object) }
        Task { await BusClient.close(requests, channels, loop, context) }
    }

    /// Ends the connection; calls that still wait throw `BusError` `.closed`, and subscriptions end.
    public func close() async {
        guard !isClosed.exchange(true, ordering: .relaxed) else { return }
        await BusClient.close(requests, subscriptions.withLock { $0.compactMap(\.object) }, loop, context)
    }

    private static func close(
        _ requests: RequestChannel, _ channels: [StreamChannel], _ loop: BusLoop, _ context: Context
    ) async {
        await requests.stop()
        for channel in channels { await channel.stop() }
        await LoopEnd(loop: loop).terminate(context)
    }

    /// Calls an operation.
    /// - Parameters:
    ///   - operation: As policies spell it: `ssm:SendCommand`.
    ///   - input: The operation's input object.
    ///   - timeout: Instead of the client's own.
    /// - Returns: The operation's output object.
    /// - Throws: `ServiceError`: what the operation answered, and `.requestTooLarge` for an input that is not sent.
    ///   `BusError` `.timedOut`; `.connectionLost`, where it is unknown whether the operation was carried out, and
    ///   reads were tried again first; `.closed`; `.overloaded`. `CancellationError`.
    public func call(_ operation: String, _ input: JSON = [:], timeout: Duration? = nil) async throws -> JSON {
        try await call(operation, input, isRepeatable: BusClient.isRead(operation), timeout: timeout ?? self.timeout)
    }

    /// Publishes events; returns once they are durable.
    ///
    /// Entries without an `OpsBusEventId` get one, so that a request whose answer was lost is sent again without being
    /// delivered twice.
    /// - Parameter entries: As of `events:PutEvents`: `Source`, `DetailType`, `Detail` (JSON text), and so on.
    /// - Returns: The output of `events:PutEvents`; entries fail one by one, so look at `FailedEntryCount`.
    /// - Throws: As ``call(_:_:timeout:)``.
    @discardableResult
    public func putEvents(_ entries: [JSON], timeout: Duration? = nil) async throws -> JSON {
        var generator = SystemRandomNumberGenerator()
        let named = entries.map { entry in
            guard entry.object != nil, entry["OpsBusEventId"] == nil else { return entry }
            var entry = entry
            entry["OpsBusEventId"] = .string(Identifier(using: &generator).description)
            return entry
        }
        return try await call(
            "events:PutEvents", ["Entries": .array(named)], isRepeatable: true, timeout: timeout ?? self.timeout)
    }

    /// Subscribes to every topic that begins with one of the prefixes.
    ///
    ///     for try await message in try client.subscribe(to: ["event/default/"], from: .after(0)) { … }
    ///
    /// First the subscription is made, then what the journal holds is delivered, then what comes live; what gets lost
    /// on the way is read from the journal, so every message comes once, and those of one topic in order. A reader that
    /// is slow is served from the journal: at most 10,000 messages wait in memory.
    /// - Parameter prefixes: Such as `event/default/`, see bus protocol OPS1, section 3; empty text means all topics.
    /// - Throws: `BusError` `.invalidEndpoint`, `.socket`. What iterating throws stands at its `next`.
    public func subscribe(to prefixes: [String], from start: StreamStart = .now) throws(BusError) -> StreamSubscription
    {
        try subscribe(to: prefixes, from: start, messagesMax: StreamChannel.messagesMax)
    }

    func subscribe(
        to prefixes: [String], from start: StreamStart, messagesMax: Int
    ) throws(BusError) -> StreamSubscription {
        let channel = try StreamChannel(
            endpoint: streamEndpoint, prefixes: prefixes, keys: keys, timeout: timeout, messagesMax: messagesMax,
            context: context, loop: loop)
        subscriptions.withLock { subscriptions in
            subscriptions.removeAll { $0.object == nil }
            subscriptions.append(Weak(channel))
        }
        channel.start()
        return StreamSubscription(client: self, channel: channel, prefixes: prefixes, start: start)
    }

    /// Notes on the server how far a named subscriber has come, for ``StreamStart/named(_:)``.
    /// - Parameter sequence: Everything up to it is handled; ``StreamMessage/checkpoint`` is the safest.
    public func acknowledge(_ sequence: UInt64, subscriber name: String) async throws {
        let input: JSON = ["Subscriber": .string(name), "Sequence": .integer(sequence)]
        _ = try await call("bus:Acknowledge", input, isRepeatable: true, timeout: timeout)
    }

    private func call(_ operation: String, _ input: JSON, isRepeatable: Bool, timeout: Duration) async throws -> JSON {
        let body = input.bytes
        // The server would refuse it too, or, were it far larger, cut the connection, which other calls share.
        guard body.count <= Limits.requestBytesMax else { throw ServiceError.tooLarge(bodyBytes: body.count) }
        let answer = try await requests.call(operation, body, isRepeatable: isRepeatable, timeout: timeout)
        let output: JSON
        do throws(JSONError) {
            output = try JSON(parsing: answer.body)
        } catch {
            throw BusError(.malformedReply, "the answer to \(operation) is not JSON: \(error)")
        }
        if answer.status == 200 { return output }
        throw ServiceError(json: output)
            ?? ServiceError(.internalFailure, "\(operation) failed with status \(answer.status): \(output)")
    }

    /// Whether an operation only reads, by the verb its name begins with.
    private static func isRead(_ operation: String) -> Bool {
        let verb = operation.drop { $0 != ":" }.dropFirst()
        return ["Describe", "Get", "List", "Read", "Test"].contains { verb.hasPrefix($0) }
    }
}

private struct Weak<Object: AnyObject & Sendable>: Sendable {
    weak let object: Object?

    init(_ object: Object) { self.object = object }
}
