internal import API
internal import Core
internal import Platform
internal import Synchronization

/// Writes what becomes of events to log groups, for the buses whose `LogConfig` asks for it.
///
/// Nothing waits for a log: matching and delivery leave records here, and one task brings them to the group
/// `/aws/vendedlogs/events/event-bus/NAME`, which the first of them makes. It writes ten times a second at most, so
/// that the database is left to deliveries. Records beyond `recordsMax` or `bytesMax` are dropped, and one record says
/// how many. Those not written yet are lost in a crash; a crash may also have the last events of a bus told twice.
/// - Source: EventBridge user guide, "Configuring logs for event buses".
actor BusLog {
    /// What a bus's log is to hold.
    struct Settings: Sendable, Hashable {
        let level: LogLevel
        let includesDetail: Bool

        /// - Parameter json: `LogConfig`; nil where the bus keeps no log.
        init?(_ json: JSON?) {
            guard let level = json?["Level"]?.string.flatMap(LogLevel.init), level != .off else { return nil }
            self.level = level
            includesDetail = json?["IncludeDetail"]?.string == "FULL"
        }
    }

    private struct Queue {
        var records: [BusLogRecord] = []
        var bytes = 0
        /// Since the last batch was taken, by bus.
        var dropped: [String: Int] = [:]
        var isBeingWritten = false
    }

    nonisolated let account: Account
    nonisolated let buses: BusDirectory
    private nonisolated let queue = Mutex(Queue())
    private let caller: any OperationCaller
    private let clock: any Clock
    private let log: Log
    private var random = BlockRandom()
    private var writer: Task<Void, Never>?
    /// Whether the server stops or is being wiped: nothing is tried twice then.
    private var isEnding = false

    static let recordsMax = 10_000
    static let bytesMax = 8 << 20
    private static let batchRecordsMax = 1000
    private static let batchBytesMax = 1 << 20
    private static let pause = Duration.milliseconds(100)
    private static let retryWait = Duration.seconds(1)
    private static let stream = "EventBridgeEventBusLogs"

    init(buses: BusDirectory, caller: any OperationCaller, clock: any Clock, log: Log) {
        self.buses = buses
        self.caller = caller
        self.clock = clock
        self.log = log
        account = buses.account
    }

    static func group(of bus: String) -> String { "/aws/vendedlogs/events/event-bus/\(bus)" }

    /// Notes a step, where the log of the bus is to hold it.
    /// - Parameter make: Called only then.
    nonisolated func add(_ step: BusLogRecord.Step, on bus: String, _ make: () -> BusLogRecord) {
        guard let settings = buses.snapshot.log(of: bus), step.level <= settings.level else { return }
        add([make()], of: bus, settings)
    }

    /// Notes steps that the log of the bus is to hold; the others are passed over.
    nonisolated func add(_ records: [BusLogRecord], of bus: String, _ settings: Settings) {
        let mustWake = queue.withLock { queue in
            for var record in records where record.step.level <= settings.level {
                let weight = record.weight
                guard queue.records.count < BusLog.recordsMax, queue.bytes + weight <= BusLog.bytesMax else {
                    queue.dropped[bus, default: 0] += 1
                    continue
                }
                record.bus = bus
                record.includesDetail = settings.includesDetail
                queue.records.append(record)
                queue.bytes += weight
            }
            if queue.records.isEmpty || queue.isBeingWritten { return false }
            queue.isBeingWritten = true
            return true
        }
        if mustWake { Task { await self.begin() } }
    }

    private func begin() { writer = Task { await self.write() } }

    private func write() async {
        while !isEnding, let batch = nextBatch() {
            await put(batch)
            // A pause that is cut short ends the loop at its condition.
            try? await clock.sleep(for: BusLog.pause)
        }
    }

    /// Nil where nothing waits: the next record begins a new task.
    private nonisolated func nextBatch() -> [BusLogRecord]? {
        queue.withLock { queue in
            var count = 0
            var bytes = 0
            for record in queue.records.prefix(BusLog.batchRecordsMax) {
                bytes += record.weight
                if count > 0, bytes > BusLog.batchBytesMax { break }
                count += 1
            }
            guard count > 0 else {
                queue.isBeingWritten = false
                return nil
            }
            var batch = Array(queue.records.prefix(count))
            queue.records.removeFirst(count)
            queue.bytes -= batch.reduce(0) { $0 + $1.weight }
            for (bus, count) in queue.dropped {
                var gap = BusLogRecord(step: .recordsDropped, time: batch[batch.count - 1].time)
                gap.details = .members(["count": .integer(count)])
                gap.bus = bus
                batch.append(gap)
            }
            queue.dropped = [:]
            return batch
        }
    }

    private func put(_ batch: [BusLogRecord]) async {
        for (bus, records) in Dictionary(grouping: batch, by: \.bus) {
            let request = request(bus, records)
            while true {
                do throws(ServiceError) {
                    let context = OperationContext(principal: .system, cause: Subject(.bus, bus))
                    _ = try await caller.call("logs:PutLogEvents", request, context)
                    break
                } catch {
                    let isLast = isEnding || !error.code.isRetryable
                    log.warning(
                        "\(records.count) records of bus \(bus) cannot be logged\(isLast ? "" : " yet"): \(error)")
                    if isLast { break }
                }
                try? await clock.sleep(for: BusLog.retryWait)
            }
        }
    }

    private func request(_ bus: String, _ records: [BusLogRecord]) -> JSON {
        // Records of different origins come as they are noted, which need not be the order of their times.
        let sorted = records.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
        return [
            "logGroupName": .string(BusLog.group(of: bus)), "logStreamName": .string(BusLog.stream),
            "logEvents": .array(
                sorted.map { _, record in
                    [
                        "timestamp": .integer(record.time.microseconds / 1000),
                        "message": .string(record.text(in: account)),
                    ]
                }),
            // The same one appends once, should an answer be lost.
            "OpsBusToken": .string(Identifier(using: &random).description),
        ]
    }

    // MARK: Ends

    /// Writes what waits, and ends.
    func stop() async {
        await end()
        while let batch = nextBatch() { await put(batch) }
    }

    /// Lets go of what waits: the buses it is about are to be wiped.
    func suspend() async { await end() }

    /// Goes on, without what was noted since `suspend`.
    func resume() {
        queue.withLock { $0 = Queue() }
        isEnding = false
    }

    private func end() async {
        isEnding = true
        writer?.cancel()
        await writer?.value
    }
}
