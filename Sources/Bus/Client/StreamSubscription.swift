internal import API
internal import Core

/// The messages of a subscription, every one once: what the live stream loses is read from the journal.
///
/// One task at a time may read it. It ends when the iterator goes away, or the task is cancelled.
public struct StreamSubscription: AsyncSequence, Sendable {
    public typealias Element = StreamMessage

    let client: BusClient
    let channel: StreamChannel
    let prefixes: [String]
    let start: StreamStart

    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    public struct Iterator: AsyncIteratorProtocol {
        private static let retryDelay = Duration.milliseconds(500)

        private let subscription: StreamSubscription
        private let end: SubscriptionEnd
        private var machine: SubscriptionMachine
        private var ready: ArraySlice<StreamMessage> = []
        private var live: ArraySlice<StreamEvent> = []

        init(_ subscription: StreamSubscription) {
            self.subscription = subscription
            end = SubscriptionEnd(channel: subscription.channel)
            machine = SubscriptionMachine(start: subscription.start)
        }

        /// The next message; nil after the client was closed.
        /// - Throws: `ServiceError` `.sequenceExpired`: the start, or what was missed, is no longer retained;
        ///   `.epochChanged`: the journal was replaced; `.accessDenied`. `BusError` `.timedOut`: no server at first.
        ///   `CancellationError`.
        public mutating func next() async throws -> StreamMessage? {
            while true {
                if let message = ready.popFirst() { return message }
                switch machine.step {
                case .read(let after):
                    guard try await read(after: after) else { return nil }
                case .listen:
                    if live.isEmpty {
                        guard let events = try await subscription.channel.events.next() else { return nil }
                        live = events[...]
                    }
                    try listen()
                }
            }
        }

        /// Takes live events until one is to be delivered or the journal must be read.
        private mutating func listen() throws {
            while case .listen = machine.step, let event = live.first {
                switch event {
                case .message(let topic, let sequence, let previousSequence, let body):
                    let isNew = machine.receive(topic: topic, sequence: sequence, previousSequence: previousSequence)
                    // Where a gap must be filled first, the message waits.
                    if !isNew, machine.step != .listen { return }
                    live.removeFirst()
                    guard isNew else { continue }
                    do throws(JSONError) {
                        ready.append(message(topic, sequence, previousSequence, try JSON(parsing: body)))
                    } catch {
                        throw BusError(.malformedReply, "message \(sequence) on \(topic) is not JSON: \(error)")
                    }
                    return
                case .heartbeat(let epoch, let sequence):
                    live.removeFirst()
                    try machine.heartbeat(epoch: epoch, sequence: sequence)
                case .lost:
                    live.removeFirst()
                    machine.lose()
                case .silent:
                    throw BusError(
                        .timedOut, "no heartbeat on the stream socket; is the server running, and the key registered?")
                }
            }
        }

        /// Returns false where the client was closed.
        private mutating func read(after: UInt64?) async throws -> Bool {
            var input: JSON = [
                "TopicPrefixes": .array(subscription.prefixes.map { .string($0) }),
                "Limit": .integer(Limits.readStreamMessagesMax),
            ]
            if let after {
                input["AfterSequence"] = .integer(after)
            } else if case .named(let name) = subscription.start {
                input["Subscriber"] = .string(name)
            }
            if let epoch = machine.epoch { input["Epoch"] = .string(epoch) }
            do {
                try take(try await subscription.client.call("bus:ReadStream", input), after: after)
            } catch let error as BusError where error.code == .closed {
                return false
            } catch let error as BusError where error.code == .timedOut || error.code == .connectionLost {
                // The server is away; what is missing can only be read once it is back.
            } catch let error as ServiceError where error.code.isRetryable {
                try await Task.sleep(for: Iterator.retryDelay)
            }
            return true
        }

        private mutating func take(_ page: JSON, after: UInt64?) throws {
            guard let epoch = page["Epoch"]?.string, let messages = page["Messages"]?.array,
                let next = page["NextSequence"]?.sequence
            else {
                throw BusError(.malformedReply, "the answer to bus:ReadStream lacks Epoch, Messages or NextSequence")
            }
            for entry in messages {
                guard let topic = entry["Topic"]?.string, let sequence = entry["Sequence"]?.sequence,
                    let previousSequence = entry["PreviousSequence"]?.sequence, let body = entry["Body"]
                else { throw BusError(.malformedReply, "a message of bus:ReadStream lacks a member: \(entry)") }
                if machine.receiveRead(topic: topic, sequence: sequence) {
                    ready.append(message(topic, sequence, previousSequence, body))
                }
            }
            try machine.finishPage(epoch: epoch, next: next, isLast: messages.isEmpty && next == after ?? next)
        }

        private func message(
            _ topic: String, _ sequence: UInt64, _ previousSequence: UInt64, _ body: JSON
        ) -> StreamMessage {
            StreamMessage(
                topic: topic, sequence: sequence, previousSequence: previousSequence, body: body,
                checkpoint: machine.verified)
        }
    }
}

/// Closes a subscription's socket when its iterator goes away.
private final class SubscriptionEnd: Sendable {
    private let channel: StreamChannel

    init(channel: StreamChannel) { self.channel = channel }

    deinit {
        guard !channel.isStopped else { return }
        let channel = channel
        Task { await channel.stop() }
    }
}

extension JSON {
    /// A sequence of the stream.
    fileprivate var sequence: UInt64? { int.flatMap { UInt64(exactly: $0) } }
}
