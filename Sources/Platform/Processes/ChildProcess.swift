internal import Synchronization

/// A running program, started by a ``ProcessLoop`` as the leader of a process group of its own.
///
/// One consumer takes its events. Where that consumer is slow, the program waits in `write`: memory stays bounded.
/// Dropping the last reference stops the program, as does cancelling the task that waits in ``next()``.
public final class ChildProcess: Sendable {
    /// The process number, also that of its group.
    public let identifier: Int32
    private let channel: ProcessChannel
    private let inbox: ProcessInbox

    init(identifier: Int32, channel: ProcessChannel, inbox: ProcessInbox) {
        self.identifier = identifier
        self.channel = channel
        self.inbox = inbox
    }

    deinit {
        channel.abandon()
        stop()
    }

    /// The next event; nil after `.ended` has been taken.
    public func next() async -> ProcessEvent? {
        await withTaskCancellationHandler {
            let (event, hasMadeRoom) = await channel.next()
            if hasMadeRoom { inbox.wake() }
            return event
        } onCancel: {
            stop()
        }
    }

    /// Ends the program and all its group: `SIGTERM`, the grace time, `SIGKILL`. Without effect once it has ended.
    public func stop() { inbox.send(.stop(identifier, .cancelled)) }

    /// Takes all events.
    /// - Parameter bytesMax: Of each stream, what is kept; the rest is read and dropped.
    public func collect(bytesMax: Int = 1 << 20) async -> CollectedOutput {
        var collected: [OutputStream: [UInt8]] = [:]
        var outcome = ProcessOutcome(status: .signalled(0), stopped: .cancelled, isOutputComplete: false)
        while let event = await next() {
            switch event {
            case .output(let stream, let bytes):
                let room = bytesMax - collected[stream, default: []].count
                if room > 0 { collected[stream, default: []].append(contentsOf: bytes.prefix(room)) }
            case .ended(let ending): outcome = ending
            }
        }
        return CollectedOutput(
            standardOutput: collected[.standardOutput] ?? [], standardError: collected[.standardError] ?? [],
            outcome: outcome)
    }
}

/// What a program wrote and how it ended.
public struct CollectedOutput: Sendable, Hashable {
    public let standardOutput: [UInt8]
    public let standardError: [UInt8]
    public let outcome: ProcessOutcome
}

/// Output on its way from the process loop to one consumer.
final class ProcessChannel: Sendable {
    private struct State {
        var events: [ProcessEvent] = []
        var bytes = 0
        var isEnded = false
        /// No one will take what is read from here on.
        var isAbandoned = false
        var waiter: CheckedContinuation<(ProcessEvent?, Bool), Never>?
    }

    private let state = Mutex(State())
    private let bytesMax: Int
    /// Small reads of one stream are joined up to this size, so that the number of events is bounded as well.
    private static let chunkBytesMax = 64 << 10

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// Whether the loop may read on.
    var hasRoom: Bool { state.withLock { $0.bytes < bytesMax } }

    func append(_ stream: OutputStream, _ bytes: UnsafeRawBufferPointer) {
        deliver { state in
            if state.isAbandoned { return }
            state.bytes += bytes.count
            if case .output(stream, var last) = state.events.last, last.count < ProcessChannel.chunkBytesMax {
                state.events.removeLast()
                last.append(contentsOf: bytes)
                state.events.append(.output(stream, last))
            } else {
                state.events.append(.output(stream, Array(bytes)))
            }
        }
    }

    func abandon() {
        state.withLock { state in
            state.isAbandoned = true
            state.events = []
            state.bytes = 0
        }
    }

    func end(_ outcome: ProcessOutcome) {
        deliver { state in
            state.isEnded = true
            state.events.append(.ended(outcome))
        }
    }

    private func deliver(_ change: (inout State) -> Void) {
        let waiter = state.withLock { state -> (CheckedContinuation<(ProcessEvent?, Bool), Never>, ProcessEvent)? in
            change(&state)
            guard let waiter = state.waiter, !state.events.isEmpty else { return nil }
            state.waiter = nil
            return (waiter, ProcessChannel.take(&state))
        }
        if let (continuation, event) = waiter { continuation.resume(returning: (event, false)) }
    }

    /// The next event, and whether taking it made room that the loop waits for.
    func next() async -> (ProcessEvent?, Bool) {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> (ProcessEvent?, Bool)? in
                if state.events.isEmpty {
                    if state.isEnded { return (nil, false) }
                    precondition(state.waiter == nil, "two consumers of one process")
                    state.waiter = continuation
                    return nil
                }
                let wasFull = state.bytes >= bytesMax
                let event = ProcessChannel.take(&state)
                return (event, wasFull && state.bytes < bytesMax)
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }

    private static func take(_ state: inout State) -> ProcessEvent {
        let event = state.events.removeFirst()
        if case .output(_, let bytes) = event { state.bytes -= bytes.count }
        return event
    }
}
