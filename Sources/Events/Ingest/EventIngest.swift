public import API
internal import Core
internal import Patterns
internal import Platform
internal import Storage
internal import Synchronization

/// Takes in events: checks them, gives them identifiers, and answers once they are durable in the journal.
///
/// The way of a request: `publish` validates its bytes and writes a journal record for each good entry; one batch
/// holds the records of all requests received together; when the journal reports it durable, every request is
/// answered. A refused entry is an error inside its request's answer and disturbs no other.
public final class EventIngest: PublishHandler {
    private let journal: any Journal
    private let clock: any Clock
    private let authorizer: any Authorizer
    private let buses: BusDirectory
    private let logs: BusLog
    /// Whether an event for a bus that does not exist is answered as taken, and vanishes, as at AWS.
    private let acceptsUnknownBuses: Bool
    /// Guards the order of two things that must agree: identifiers remembered and batches handed to the journal.
    private let state: Mutex<State>

    private struct State: ~Copyable {
        var window: DeduplicationWindow
        var scratch: EntryAcceptance.Scratch
        var random = BlockRandom()

        init(window: DeduplicationWindow, scratch: consuming EntryAcceptance.Scratch) {
            self.window = window
            self.scratch = scratch
        }
    }

    /// - Parameters:
    ///   - logs: Told of what is refused; knows which buses exist.
    ///   - window: How long an event id chosen by a publisher is remembered.
    ///   - acceptsUnknownBuses: Whether an event for a bus that does not exist is answered as taken, as at AWS.
    init(
        journal: any Journal, logs: BusLog, authorizer: any Authorizer, clock: any Clock,
        window: Duration = .seconds(600), acceptsUnknownBuses: Bool = false
    ) {
        self.acceptsUnknownBuses = acceptsUnknownBuses
        self.journal = journal
        self.logs = logs
        buses = logs.buses
        self.authorizer = authorizer
        self.clock = clock
        state = Mutex(
            State(
                window: DeduplicationWindow(length: window),
                scratch: EntryAcceptance.Scratch(writer: RecordWriter(account: logs.account))))
    }

    private func mayPutEvents(_ principal: Principal) -> Bool {
        do throws(ServiceError) {
            try authorizer.authorize(principal, "events:PutEvents", on: "*")
            return true
        } catch {
            return false
        }
    }

    /// A request whose events are on their way to the disk.
    private struct Answer {
        var reply: @Sendable (Int, [UInt8]) -> Void
        var status = 200
        var body: [UInt8] = []
        /// Entries whose events an earlier request has brought.
        var repeated: [DeduplicationWindow.Key] = []
    }

    public func publish(_ requests: [PublishRequest]) {
        publish(requests.map { ($0, OperationContext(principal: $0.principal)) })
    }

    /// Takes in one request of an operation rather than of the bus, such as a runbook's.
    func putEvents(_ body: [UInt8], _ context: OperationContext) async -> (status: Int, body: [UInt8]) {
        await withCheckedContinuation { continuation in
            let request = PublishRequest(body: body, principal: context.principal) {
                continuation.resume(returning: ($0, $1))
            }
            publish([(request, context)])
        }
    }

    private func publish(_ requests: [(PublishRequest, OperationContext)]) {
        state.withLock { state in
            var batch = JournalBatch()
            var answers: [Answer] = []
            var remembered: [DeduplicationWindow.Key] = []
            for (request, context) in requests {
                answers.append(accept(request, context, &state, &batch, &remembered))
            }
            hand(batch, answers, remembered, &state)
        }
    }

    /// The name of the bus that a name or an ARN means; nil where there is none.
    func busName(_ text: String) -> String? { buses.snapshot.name(of: text) }

    /// Why a rule may not put an event on a bus; nil where it may.
    func refusal(of principal: Principal, bus: String, source: String, detailType: String, rule: String) -> String? {
        BusAccess(buses: buses.snapshot, account: buses.account, now: clock.now).refusal(
            of: principal, bus: bus, event: BusAccess.Event(source: source, detailType: detailType),
            mayPutEvents: true, rule: rule)
    }

    /// Puts an event that was accepted before on another bus, unless the same delivery has done so.
    /// - Parameter cause: The delivery.
    /// - Throws: `StorageError`; the event may then be forwarded again.
    func forward(_ entry: StreamEntry, because cause: Subject, topic: String) async throws {
        let key = DeduplicationWindow.Key(forwarding: cause, hops: entry.hops, to: entry.bus)
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            state.withLock { state in
                var batch = JournalBatch()
                let isNew = state.window.insert(key, at: clock.now)
                if isNew { batch.append(topic: Array(topic.utf8), body: entry.encoded) }
                do {
                    try journal.append(batch) { result in
                        if case .failure = result, isNew { self.forget([key]) }
                        continuation.resume(with: result.map { _ in }.mapError { $0 as any Error })
                    }
                } catch {
                    if isNew { state.window.remove([key]) }
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    /// Forgets all identifiers: what is put from here on repeats nothing.
    func forgetIdentifiers() { state.withLock { $0.window = DeduplicationWindow(length: $0.window.length) } }

    /// Remembers what was found in the journal at start, so that the window outlives a restart.
    func remember(_ key: DeduplicationWindow.Key, at time: Timestamp) {
        state.withLock { _ = $0.window.insert(key, at: time) }
    }

    private func forget(_ keys: [DeduplicationWindow.Key]) {
        state.withLock { $0.window.remove(keys) }
    }

    /// Gives the batch to the journal; an empty one too, since its requests may repeat events still on their way.
    private func hand(
        _ batch: consuming JournalBatch, _ answers: [Answer], _ remembered: [DeduplicationWindow.Key],
        _ state: inout State
    ) {
        do {
            try journal.append(batch) { result in
                if case .failure(let error) = result {
                    self.forget(remembered)
                    EventIngest.refuse(answers, error)
                } else {
                    for answer in answers { self.reply(answer) }
                }
            }
        } catch {
            state.window.remove(remembered)
            EventIngest.refuse(answers, error)
        }
    }

    /// Answers a request whose own events are durable. Those it repeats came before, and are durable too unless the
    /// journal refused them: they have been forgotten then.
    private func reply(_ answer: Answer) {
        let isWhole =
            answer.repeated.isEmpty || state.withLock { state in answer.repeated.allSatisfy(state.window.contains) }
        if isWhole { return answer.reply(answer.status, answer.body) }
        let error = StorageError(.inputOutput, "an event that this request repeats could not be stored")
        EventIngest.refuse([answer], error)
    }

    private static func refuse(_ answers: [Answer], _ error: StorageError) {
        let error = ServiceError(storage: error)
        let body = error.json.bytes
        for answer in answers { answer.reply(answer.status == 200 ? error.code.status : answer.status, body) }
    }

    /// Checks a request and writes the records of its good entries; the answer is for when they are durable.
    private func accept(
        _ request: PublishRequest, _ context: OperationContext, _ state: inout State, _ batch: inout JournalBatch,
        _ remembered: inout [DeduplicationWindow.Key]
    ) -> Answer {
        var answer = Answer(reply: request.reply)
        do throws(ServiceError) {
            let buses = buses.snapshot
            var acceptance = EntryAcceptance(now: clock.now, context: context, buses: buses)
            acceptance.entriesMax = request.entriesMax
            acceptance.ignoresUnknownMembers = request.ignoresUnknownMembers
            acceptance.acceptsUnknownBuses = acceptsUnknownBuses
            state.scratch.writer.begin(region: request.region)
            if buses.hasPolicies {
                let mayPutEvents = mayPutEvents(request.principal)
                acceptance.access = (
                    BusAccess(buses: buses, account: self.buses.account, now: clock.now), mayPutEvents)
            } else {
                try authorizer.authorize(request.principal, "events:PutEvents", on: "*")
            }
            try request.body.withUnsafeBufferPointer { body throws(ServiceError) in
                try acceptance.accept(
                    UnsafeRawBufferPointer(body), scratch: &state.scratch, window: &state.window, random: &state.random,
                    batch: &batch)
            }
            answer.body = state.scratch.answer
            answer.repeated = acceptance.repeated
            remembered.append(contentsOf: acceptance.remembered)
            for refused in acceptance.refused { logs.noteRefused(refused, now: acceptance.now) }
        } catch {
            answer.status = error.code.status
            answer.body = error.json.bytes
        }
        return answer
    }
}
