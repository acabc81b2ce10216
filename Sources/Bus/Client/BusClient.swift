internal import API
public import Core

/// A program's connection to an OpsBus server.
///
///     let client = try BusClient()
///     try await client.putEvents([
///         ["Source": "billing", "DetailType": "Invoice Paid", "Detail": "{\"amount\": 12}"]
///     ])
///
/// Usable from any number of tasks at once: calls share one connection and do not wait for each other. The connection is
/// made in the background and made again when it breaks.
public final class BusClient: Sendable {
    private let context: Context
    private let loop: BusLoop
    private let requests: RequestChannel
    private let timeout: Duration

    /// Starts connecting.
    /// - Parameters:
    ///   - endpoint: Of the server's requests socket.
    ///   - keys: For CURVE; nil for a server on this machine without keys.
    ///   - timeout: How long calls wait for their answer, connecting included.
    /// - Throws: `BusError` `.invalidEndpoint`, `.socket`.
    public init(
        endpoint: String = BusConfiguration.defaultRequestsEndpoint, keys: ClientKeys? = nil,
        timeout: Duration = .seconds(30)
    ) throws {
        context = try Context()
        loop = try BusLoop(name: "ops-client")
        self.timeout = timeout
        do {
            requests = try RequestChannel(endpoint: endpoint, keys: keys, context: context, loop: loop)
        } catch {
            loop.stop()
            throw error
        }
        requests.start()
    }

    /// Ends the connection; calls that still wait throw `BusError` `.closed`.
    public func close() async {
        await requests.stop()
        await LoopEnd(loop: loop).terminate(context)
    }

    /// Calls an operation.
    /// - Parameters:
    ///   - operation: As policies spell it: `ssm:SendCommand`.
    ///   - input: The operation's input object.
    ///   - timeout: Instead of the client's own.
    /// - Returns: The operation's output object.
    /// - Throws: `ServiceError`: what the operation answered. `BusError` `.timedOut`; `.connectionLost`, where it is
    ///   unknown whether the operation was carried out, and reads were tried again first; `.closed`; `.overloaded`.
    ///   `CancellationError`.
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

    private func call(_ operation: String, _ input: JSON, isRepeatable: Bool, timeout: Duration) async throws -> JSON {
        let answer = try await requests.call(operation, input.bytes, isRepeatable: isRepeatable, timeout: timeout)
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
