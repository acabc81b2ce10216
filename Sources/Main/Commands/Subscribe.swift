internal import Core
internal import Platform

extension Command {
    static let subscribe = Command(
        "subscribe", "Print messages of the stream as they come.",
        discussion: """
            A prefix selects topics: event/BUS/SOURCE/DETAIL-TYPE/, command/ID/, automation/ID/, topic/NAME/. Without \
            one all but the heartbeat is printed. Nothing is lost and nothing comes twice, also over reconnects.
            Output is one message a line: JSON in a pipe or with --output json.
            """,
        examples: [
            Example("opsbus subscribe event/default/", "Watch the events of the default bus"),
            Example("opsbus subscribe event/ --from 0 --count 10", "The ten oldest events that are retained"),
            Example("opsbus subscribe event/orders/ --named billing", "Go on where the subscriber 'billing' stopped"),
        ],
        options: [from, named, count, timeout],
        arguments: [prefixes]
    ) { arguments, session in
        let subscription = Subscription(
            prefixes: arguments.all(prefixes), start: try start(arguments), name: arguments[named],
            count: arguments[count] ?? Int.max)
        let connection = try session.connect()
        let timeout = arguments[timeout]
        return try await session.untilInterrupted {
            let isComplete = try await withTimeout(timeout) { try await subscription.print(connection, session) }
            return isComplete || arguments[count] == nil ? .success : .failure
        }
    }

    private static func start(_ arguments: Arguments) throws(CommandError) -> StreamStart {
        switch (arguments[from], arguments[named]) {
        case (.some, .some):
            throw .usage("--from and --named exclude each other", fix: "a named subscriber goes on where it stopped")
        case (let sequence?, nil): return .after(sequence)
        case (nil, let name?): return .named(name)
        case (nil, nil): return .now
        }
    }

    private static let from = Option(
        "from", short: "f", "SEQUENCE", .count, "Begin after this sequence; 0 for all that is retained.")
    private static let named = Option("named", "NAME", .text, "Begin after what this subscriber has had.")
    private static let count = Option("count", short: "n", "N", .positive, "End after N messages.")
    private static let timeout = Option(
        "timeout", "DURATION", .duration, "End after this time; exit 1 where --count was not reached.")
    private static let prefixes = Argument(
        "PREFIX", .text.completing(.values(topicPrefixes)), count: 0...Int.max, "Topics.")
    private static let topicPrefixes = ["event/", "command/", "automation/", "topic/", "system/"]
}

/// One run of `opsbus subscribe`.
private struct Subscription: Sendable {
    let prefixes: [String]
    let start: StreamStart
    let name: String?
    let count: Int

    /// Messages between two acknowledgements at most, and the time.
    private static let acknowledgeMessages = 100
    private static let acknowledgeInterval = Duration.seconds(1)

    /// Prints until the count is reached or the task is cancelled.
    /// - Returns: Whether the count was reached.
    func print(_ connection: any Connection, _ session: Session) async throws -> Bool {
        var printed = 0
        var last: Int?
        var unacknowledged = 0
        var acknowledgedAt = session.clock.monotonic
        do {
            try await connection.follow(prefixes, from: start) { message in
                if prefixes.isEmpty && message.topic == StreamTopic.heartbeat { return true }
                show(message, session)
                printed += 1
                last = message.checkpoint
                unacknowledged += 1
                if printed == count { return false }
                let isDue = session.clock.monotonic - acknowledgedAt > Subscription.acknowledgeInterval
                if isDue || unacknowledged == Subscription.acknowledgeMessages {
                    try await acknowledge(last, connection)
                    unacknowledged = 0
                    acknowledgedAt = session.clock.monotonic
                }
                return true
            }
        } catch is CancellationError {
            // ^C and the timeout end a subscription in good order.
        }
        // Outside the task, which may be cancelled: what was printed is not to come again.
        let (sequence, connected) = (last, connection)
        try await Task { try await acknowledge(sequence, connected) }.value
        return printed == count
    }

    private func acknowledge(_ sequence: Int?, _ connection: any Connection) async throws {
        guard let name, let sequence else { return }
        _ = try await connection.call(
            "bus:Acknowledge", ["Subscriber": .string(name), "Sequence": .integer(sequence)])
    }

    private func show(_ message: Message, _ session: Session) {
        let output = session.output
        guard output.format == .table, output.terminal.isInteractive else { return output.jsonLine(message.json) }
        let time = session.clock.now.millisecondDescription.dropFirst(11).dropLast()
        let head = "\(time) #\(message.sequence) \(message.topic) "
        let body = truncated(message.body.text, to: max(output.terminal.width - displayWidth(head), 20))
        output.line(
            "\(output.style.faint("\(time) #\(message.sequence)")) \(output.style.heading(printable(message.topic))) "
                + printable(body))
    }
}

/// Runs the body, and cancels it when the time is over. The body then ends in its own good order.
func withTimeout<Value: Sendable>(
    _ timeout: Duration?, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    guard let timeout else { return try await body() }
    return try await withThrowingTaskGroup(of: Value?.self) { group in
        defer { group.cancelAll() }
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: timeout)
            return nil
        }
        for try await value in group {
            if let value { return value }
            group.cancelAll()
        }
        throw CancellationError()
    }
}
