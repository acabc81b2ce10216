internal import Bus
internal import Core
internal import Platform

/// A server reached over the bus.
struct BusConnection: Connection {
    private let client: BusClient

    /// - Throws: `CommandError` `.unavailable` where nothing listens, `.configuration` for keys that cannot be used.
    init(_ configuration: Configuration) throws {
        let endpoint = configuration[Settings.requests]
        if let problem = Reachability.problem(endpoint) {
            throw CommandError(
                .unavailable, "no server at \(endpoint) (\(problem))",
                fix: "start one with 'opsbus serve', or name its endpoint with --requests")
        }
        client = try BusClient(
            endpoint: endpoint, streamEndpoint: configuration[Settings.stream],
            keys: try BusConnection.keys(configuration))
    }

    func call(_ operation: String, _ input: JSON) async throws -> JSON { try await client.call(operation, input) }

    func follow(
        _ prefixes: [String], from start: StreamStart, _ receive: (Message) async throws -> Bool
    ) async throws {
        if case .named(let name) = start { return try await readInOrder(prefixes, for: name, receive) }
        // No prefix means every topic, which the bus spells as the empty prefix.
        let subscription = try client.subscribe(to: prefixes.isEmpty ? [""] : prefixes, from: start.onBus)
        for try await message in subscription where try await !receive(Message(message)) { return }
    }

    /// How often a named subscriber looks where nothing comes live.
    private static let lookInterval = Duration.seconds(5)

    /// Reads the journal from where the subscriber stopped, in order, so that the last message printed is the place to
    /// go on from; live messages only say when to look.
    private func readInOrder(
        _ prefixes: [String], for name: String, _ receive: (Message) async throws -> Bool
    ) async throws {
        var request: JSON = [
            "TopicPrefixes": .array(prefixes.map { .string($0) }), "Subscriber": .string(name),
            "Limit": .integer(Limits.readStreamMessagesMax),
        ]
        try await watch(prefixes, on: self, every: BusConnection.lookInterval, remark: { _ in }) {
            while true {
                let page = try await call("bus:ReadStream", request)
                request["AfterSequence"] = page["NextSequence"]
                request["Epoch"] = page["Epoch"]
                let messages = page["Messages"]?.array ?? []
                for message in messages where try await !receive(Message(read: message)) { return true }
                if messages.isEmpty { return false }
            }
        }
    }

    /// The keys of a client or an agent of an encrypted bus; nil for a bus without encryption.
    static func keys(_ configuration: Configuration) throws -> ClientKeys? {
        switch (configuration[Settings.clientKey], configuration[Settings.serverKey]) {
        case (nil, nil): return nil
        case (.some, nil), (nil, .some):
            throw CommandError(
                .configuration, "an encrypted bus needs --client-key and --server-key",
                fix: "give both, or neither for a server on this machine")
        case (let clientFile?, let serverKey?):
            guard Files.exists(clientFile) else {
                throw CommandError(
                    .configuration, "--client-key: there is no file \(clientFile)",
                    fix: "make one with 'opsbus keys generate --out \(clientFile)'")
            }
            let pair = try CurveKeyPair(file: clientFile)
            if CurveKeyPair.isKey(serverKey) { return try ClientKeys(pair: pair, serverKey: serverKey) }
            return try ClientKeys(pair: pair, serverKey: try CurveKeyPair.publicKey(file: serverKey))
        }
    }
}

extension StreamStart {
    fileprivate var onBus: Bus.StreamStart {
        switch self {
        case .now: .now
        case .after(let sequence): .after(UInt64(sequence))
        case .named(let name): .named(name)
        }
    }
}

extension Message {
    /// A message as `bus:ReadStream` answers it; those before it came before it.
    fileprivate init(read message: JSON) {
        let sequence = message["Sequence"]?.int ?? 0
        self.init(
            topic: message.cell("Topic"), sequence: sequence,
            previousSequence: message["PreviousSequence"]?.int ?? 0, body: message["Body"] ?? .null,
            checkpoint: sequence)
    }

    fileprivate init(_ message: StreamMessage) {
        self.init(
            topic: message.topic, sequence: Int(message.sequence), previousSequence: Int(message.previousSequence),
            body: message.body, checkpoint: Int(message.checkpoint))
    }
}
