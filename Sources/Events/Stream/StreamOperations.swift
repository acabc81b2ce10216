internal import API
internal import Core
internal import Platform
internal import Storage

/// `bus:ReadStream`, `bus:Acknowledge` and what belongs to them: how subscribers repair gaps and keep their place.
/// - Source: bus protocol OPS1, section 3.
struct StreamOperations: Sendable {
    let journal: any Journal
    let database: Database
    let authorizer: any Authorizer
    let subscribers: Subscribers

    /// Journal bytes looked through in one call, so that a rare topic cannot occupy the server: the answer's
    /// `NextSequence` goes on from there.
    private static let bytesScannedMax = 32 << 20
    /// Bytes of messages of one answer, give or take the last. As a tree they take several times as much.
    private static let answerBytesMax = 1 << 20

    var all: [Operation] {
        [
            Operation(
                "bus:ReadStream", "Reads the stream after a sequence, in order.", .reads,
                input: [
                    .optional("TopicPrefixes", .list(.string(length: 0...4096), count: 0...100)),
                    .optional("Epoch", .string(length: 1...64)),
                    .optional("AfterSequence", .integer(0...Int.max)),
                    .optional("Subscriber", .name(1...256, .busName)),
                    .optional("Limit", .integer(1...Limits.readStreamMessagesMax)),
                ], handler: read),
            Operation(
                "bus:DescribeStream", "Answers the journal's epoch and the range of sequences retained.", .reads,
                handler: { _, _ in describe() }),
            Operation(
                "bus:Acknowledge", "Keeps a subscriber's place: the last sequence it has handled.", .writes,
                resource: "Subscriber",
                input: [
                    .required("Subscriber", .name(1...256, .busName)), .required("Sequence", .integer(0...Int.max)),
                ], handler: acknowledge),
            Operation(
                "bus:DescribeSubscriber", "Answers a named subscriber's place and how far behind it is.", .reads,
                input: [.required("Subscriber", .name(1...256, .busName))], handler: describeSubscriber),
            Operation(
                "bus:ListSubscribers", "Lists named subscribers with their places.", .reads,
                handler: { _, _ in ["Subscribers": .array(try await subscribers.list())] }),
        ]
    }

    private func describe() -> JSON {
        [
            "Epoch": .string(journal.epoch.description), "OldestSequence": .integer(journal.oldestSequence),
            "LastSequence": .integer(journal.lastSequence),
        ]
    }

    private func read(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        if let epoch = input["Epoch"]?.string, epoch != journal.epoch.description {
            throw ServiceError(
                .epochChanged, "The journal is another one than before: its epoch is \(journal.epoch), not \(epoch).",
                members: JSONObject([.init(key: "Epoch", value: .string(journal.epoch.description))]))
        }
        let prefixes = (input["TopicPrefixes"]?.array ?? []).compactMap(\.string)
        for prefix in prefixes.isEmpty ? [""] : prefixes {
            try authorizer.authorize(context.principal, "bus:Subscribe", on: prefix + "*")
        }
        let after = try await start(input)
        // Zero means from the beginning of what there is, whatever retention has removed.
        let start = after == 0 ? journal.oldestSequence - 1 : after
        if start + 1 < journal.oldestSequence { throw expired() }
        let found: (messages: [JSON], next: UInt64)
        do {
            found = try collect(prefixes.map { Array($0.utf8) }, after: start, limit: input["Limit"]?.int ?? 1000)
        } catch let error as StorageError where error.code == .expired {
            throw expired()
        }
        return [
            "Epoch": .string(journal.epoch.description), "Messages": .array(found.messages),
            "NextSequence": .integer(max(found.next, after)),
        ]
    }

    /// The sequence asked for, or where the named subscriber stopped; the beginning where neither is known.
    private func start(_ input: JSON) async throws -> UInt64 {
        if let after = input["AfterSequence"]?.int { return UInt64(after) }
        guard let name = input["Subscriber"]?.string else { return 0 }
        let subscriber = try await subscribers.list(name).first
        return UInt64(subscriber?["Sequence"]?.int ?? 0)
    }

    private func expired() -> ServiceError {
        ServiceError(
            .sequenceExpired, "The sequence is before the retained range, which begins at \(journal.oldestSequence).",
            members: JSONObject([.init(key: "OldestSequence", value: .integer(journal.oldestSequence))]))
    }

    private func collect(
        _ prefixes: [[UInt8]], after start: UInt64, limit: Int
    ) throws -> (messages: [JSON], next: UInt64) {
        var messages: [JSON] = []
        var next = start
        var scanned = 0
        var answered = 0
        while scanned < StreamOperations.bytesScannedMax {
            let slice = try journal.read(after: next, bytesMax: 1 << 20)
            if slice.isEmpty { break }
            scanned += slice.byteCount
            var isFull = false
            try slice.forEach { record in
                guard !isFull else { return }
                if messages.count == limit || answered > StreamOperations.answerBytesMax {
                    isFull = true
                    return
                }
                next = record.sequence
                guard prefixes.isEmpty || prefixes.contains(where: { record.topic.starts(with: $0) }),
                    let view = StreamEntryView(record.body)
                else { return }
                messages.append(try message(record, view))
                answered += view.payload.count
            }
            if isFull { break }
        }
        return (messages, next)
    }

    private func message(_ record: borrowing JournalRecord, _ view: StreamEntryView) throws -> JSON {
        [
            "Topic": .string(String(decoding: record.topic, as: UTF8.self)), "Sequence": .integer(record.sequence),
            "PreviousSequence": .integer(record.previousSequence), "Body": try JSON(parsing: Array(view.payload)),
        ]
    }

    // MARK: Named subscribers

    private func acknowledge(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Subscriber"]?.string ?? ""
        let lag = try await subscribers.acknowledge(name, UInt64(input["Sequence"]?.int ?? 0), context)
        return ["Subscriber": .string(name), "Lag": .integer(lag)]
    }

    private func describeSubscriber(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = input["Subscriber"]?.string ?? ""
        guard let subscriber = try await subscribers.list(name).first else {
            throw ServiceError(.resourceNotFound, "There is no subscriber \(name); Acknowledge creates one.")
        }
        return subscriber
    }
}
