internal import API
internal import Core
internal import Platform
internal import Storage

/// Brings output to log groups and buckets, and notifications to topics: what is due, oldest first, until it arrives.
struct OutputSender: Sendable {
    let store: CommandStore
    let caller: any OperationCaller
    let objects: (any ObjectStore)?
    /// Named in the subject of notifications.
    let region: String
    let clock: any Clock
    let log: Log

    private static let batch = 16
    /// Attempts before something is given up: three days, for the longest pause is reached after ten.
    private static let attemptsMax = 440
    private static let pauseMax = Duration.seconds(600)
    /// Read and sent at a time.
    private static let logBytesMax = 256 << 10
    /// A longer line becomes several: the limit of `PutLogEvents`, less what it counts for each.
    private static let lineBytesMax = (256 << 10) - 26

    /// Works until the task is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await repeating { try await sendDue(.logs) } }
            group.addTask { await repeating { try await sendDue(.bucket) } }
            group.addTask { await repeating { try await sendNotifications() } }
        }
    }

    /// Looks each second where there was nothing to do.
    private func repeating(_ work: () async throws -> Bool) async {
        while !Task.isCancelled {
            do {
                if try await work() { continue }
            } catch {
                log.warning("output cannot be sent on: \(error)")
            }
            do { try await clock.sleep(for: .milliseconds(500)) } catch { return }
        }
    }

    static func pause(after attempts: Int) -> Duration { min(.seconds(1 << min(attempts, 10)), pauseMax) }

    // MARK: Output

    /// - Returns: Whether there was something to do.
    func sendDue(_ destination: OutputDelivery.Destination) async throws -> Bool {
        let now = clock.now
        let due = try await store.database.read {
            try OutputDelivery.due(destination, at: now, limit: OutputSender.batch, in: $0)
        }
        for delivery in due {
            guard let command = try await store.command(delivery.key.command) else { continue }
            do {
                switch destination {
                case .logs: try await sendLines(delivery, command)
                case .bucket: try await sendObject(delivery, command)
                }
            } catch is CancellationError {
                return false
            } catch let error as StorageError {
                throw error
            } catch {
                try await failed(delivery, command, error)
            }
        }
        return !due.isEmpty
    }

    private func sendLines(_ delivery: OutputDelivery, _ command: CommandRecord) async throws {
        let (piece, length) = try await store.database.read { transaction in
            (
                try OutputStore.read(
                    delivery.key, from: delivery.position, bytesMax: OutputSender.logBytesMax, in: transaction),
                try OutputStore.state(of: delivery.key, in: transaction)?.length ?? 0
            )
        }
        let isLast = piece.bytes.count < OutputSender.logBytesMax
        var bytes = piece.bytes[...]
        if !(delivery.isEnded && isLast) {
            let end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? bytes.startIndex
            // A line that is longer than what is read at a time goes as it is.
            bytes = end == bytes.startIndex && !isLast ? bytes : bytes[..<end]
        }
        let next = bytes.count == piece.bytes.count ? piece.next : delivery.position + bytes.count
        let lines = OutputSender.lines(bytes)
        if !lines.isEmpty { try await put(lines, delivery, command) }
        let isDone = delivery.isEnded && isLast
        if isDone { return try await arrived(delivery, command, ["Bytes": .integer(length)]) }
        try await store.database.maintain { try delivery.advance(to: next, hasMore: !isLast, seen: length, in: $0) }
    }

    /// Lines as a log takes them: without ends, none empty, none too long.
    static func lines(_ bytes: ArraySlice<UInt8>) -> [String] {
        var lines: [String] = []
        for var line in bytes.split(separator: UInt8(ascii: "\n")) {
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            while !line.isEmpty {
                var part = line.prefix(lineBytesMax)
                if part.count < line.count { part = part.prefix(max(1, part.completeUTF8Count)) }
                lines.append(String(decoding: part, as: UTF8.self))
                line = line.dropFirst(part.count)
            }
        }
        return lines
    }

    private func put(_ lines: [String], _ delivery: OutputDelivery, _ command: CommandRecord) async throws {
        let context = context(of: delivery, command)
        let key = delivery.key
        let names: JSON = [
            "logGroupName": .string(command.destinations.logGroup ?? ""),
            "logStreamName": .string(command.destinations.logStream(key)),
        ]
        var input = names
        let time = JSON.integer(Int(clock.now.microseconds / 1000))
        let events = lines.map { line -> JSON in ["timestamp": time, "message": .string(line)] }
        for start in stride(from: 0, to: events.count, by: 10_000) {
            input["logEvents"] = .array(Array(events[start..<min(start + 10_000, events.count)]))
            // The same lines are taken in once, should the news of it be lost.
            let name = "\(key.command)/\(key.node)/\(key.step)/\(key.stream)/\(delivery.position)/\(start)"
            input["OpsBusToken"] = .string(sha256(Array(name.utf8)))
            do throws(ServiceError) {
                _ = try await caller.call("logs:PutLogEvents", input, context)
            } catch {
                guard error.code == .resourceNotFound else { throw error }
                try await createStream(names, context)
                _ = try await caller.call("logs:PutLogEvents", input, context)
            }
        }
    }

    private func createStream(_ names: JSON, _ context: OperationContext) async throws(ServiceError) {
        var group: JSON = [:]
        group["logGroupName"] = names["logGroupName"]
        for (operation, input) in [("logs:CreateLogGroup", group), ("logs:CreateLogStream", names)] {
            do throws(ServiceError) {
                _ = try await caller.call(operation, input, context)
            } catch {
                if error.code != .resourceAlreadyExists { throw error }
            }
        }
    }

    private func sendObject(_ delivery: OutputDelivery, _ command: CommandRecord) async throws {
        guard let objects else {
            throw ObjectStoreError("this server knows no S3-compatible storage any more", isRetryable: false)
        }
        let key = delivery.key
        let content = try await store.database.read { transaction in
            try OutputStore.read(key, from: 0, bytesMax: .max, in: transaction).bytes
        }
        let action = command.steps.first { $0.name == key.step }?.action ?? ""
        let name = command.destinations.objectKey(
            key.command, key.node, step: key.step, action: action, stream: key.stream)
        try await objects.put(
            content, bucket: command.destinations.bucket, key: name, region: command.destinations.region)
        try await arrived(
            delivery, command,
            ["Bucket": .string(command.destinations.bucket), "Key": .string(name), "Bytes": .integer(content.count)])
    }

    private func context(of delivery: OutputDelivery, _ command: CommandRecord) -> OperationContext {
        command.consequence(of: command.invocation(on: delivery.key.node))
    }

    private func arrived(_ delivery: OutputDelivery, _ command: CommandRecord, _ detail: JSON) async throws {
        try await end(delivery, command, .success, detail)
    }

    private func failed(_ delivery: OutputDelivery, _ command: CommandRecord, _ error: any Error) async throws {
        let isFinal = !OutputSender.isRetryable(error) || delivery.attempts >= OutputSender.attemptsMax
        log.warning(
            "output of \(command.id) on \(delivery.key.node) does not get to its \(delivery.destination): \(error)")
        if isFinal {
            return try await end(delivery, command, .failure("\(error)"), ["Attempts": .integer(delivery.attempts + 1)])
        }
        let pause = OutputSender.pause(after: delivery.attempts)
        try await store.database.maintain { try delivery.postpone(by: pause, in: $0) }
    }

    private func end(
        _ delivery: OutputDelivery, _ command: CommandRecord, _ outcome: AuditOutcome, _ detail: JSON
    ) async throws {
        let key = delivery.key
        let subject = Subject(.step, "\(key.command)/\(key.node)/\(key.step)")
        var detail = detail
        detail["Stream"] = .string(key.stream)
        detail["Destination"] = .string(delivery.destination.rawValue)
        let record = detail
        try await store.database.write(context(of: delivery, command)) { transaction in
            try delivery.remove(in: transaction)
            try transaction.audit("DeliverOutput", on: subject, outcome: outcome, detail: record)
        }
    }

    private static func isRetryable(_ error: any Error) -> Bool {
        switch error {
        case let error as ServiceError: error.code.isRetryable
        case let error as ObjectStoreError: error.isRetryable
        default: true
        }
    }

    // MARK: Notifications

    /// - Returns: Whether there was something to do.
    func sendNotifications() async throws -> Bool {
        let now = clock.now
        let due = try await store.database.read {
            try CommandNotification.due(at: now, limit: OutputSender.batch, in: $0)
        }
        for notification in due {
            guard let command = try await store.command(notification.command) else { continue }
            guard let error = await publish(notification, command) else {
                try await remove(notification, command, .success)
                continue
            }
            log.warning("a notification of \(command.id) does not get to \(notification.topicARN): \(error)")
            if error.code.isRetryable && notification.attempts < OutputSender.attemptsMax {
                let pause = OutputSender.pause(after: notification.attempts)
                try await store.database.maintain { try notification.postpone(by: pause, in: $0) }
            } else {
                try await remove(notification, command, .failure("\(error)"))
            }
        }
        return !due.isEmpty
    }

    /// - Returns: Why the topic did not take it in; nil where it did.
    private func publish(_ notification: CommandNotification, _ command: CommandRecord) async -> ServiceError? {
        do throws(ServiceError) {
            _ = try await caller.call(
                "sns:Publish",
                [
                    "TopicArn": .string(notification.topicARN), "Message": .string(notification.message),
                    "Subject": .string("EC2 Run Command Notification \(region)"),
                    "OpsBusMessageId": .string(notification.id.description),
                ], command.consequence(of: command.subject))
            return nil
        } catch {
            return error
        }
    }

    private func remove(
        _ notification: CommandNotification, _ command: CommandRecord, _ outcome: AuditOutcome
    ) async throws {
        try await store.database.write(command.consequence(of: command.subject)) { transaction in
            try notification.remove(in: transaction)
            try transaction.audit(
                "NotifyOfCommand", on: command.subject, outcome: outcome,
                detail: ["TopicArn": .string(notification.topicARN)])
        }
    }
}
