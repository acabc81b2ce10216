/// One command on its nodes: whom to send to next, and what the answers add up to.
///
/// Decides only; the service sends, stores and waits. Every change is among the effects, in order.
public struct CommandMachine: Sendable, Hashable {
    /// How far a node's invocation has come on the way to the node.
    public enum Stage: Int, Sendable, Hashable, CaseIterable {
        /// No slot yet.
        case waiting
        /// Holds a slot; never handed to a connection.
        case dispatched
        /// Handed to a connection at least once: the node may have it.
        case sent
        /// The node said that it has it.
        case accepted
    }

    public struct Invocation: Sendable, Hashable {
        public let node: String
        public internal(set) var status: InvocationStatus
        public internal(set) var stage: Stage

        public init(node: String, status: InvocationStatus = .pending, stage: Stage = .waiting) {
            self.node = node
            self.status = status
            self.stage = stage
        }

        var holdsSlot: Bool { stage != .waiting && !status.isTerminal }
        /// Whether the ramp-up waits for this node. One that is known to be offline is not waited for.
        var holdsRamp: Bool { holdsSlot && stage != .accepted && status != .delayed }
    }

    /// How a node's part ended, as its agent reports it.
    public enum Result: String, Sendable, Hashable, CaseIterable {
        case success, failed, executionTimedOut, cancelled
        /// The command reached the node too late and was not started.
        case deliveryTimedOut
    }

    public enum Effect: Sendable, Hashable {
        /// Send the command to the node until it answers.
        case run(node: String)
        /// Tell the node to stop, until it reports the end.
        case cancel(node: String)
        case invocationChanged(node: String, InvocationStatus)
        case commandChanged(CommandStatus)
    }

    public private(set) var status: CommandStatus
    public private(set) var invocations: [Invocation]
    public private(set) var isCancelled: Bool
    private let concurrency: Int
    private let errorsMax: Int
    private let index: [String: Int]
    /// How many the next step of the ramp-up sends to; nil once the concurrency limit has been reached.
    private var ramp: Int?
    /// All before it have a slot or are done.
    private var firstWaiting = 0
    private var slotsHeld = 0
    private var rampsHeld = 0
    private var counts: [InvocationStatus: Int] = [:]

    /// - Parameters:
    ///   - invocations: One a node, in the order of dispatch; fresh, or as stored when the service starts again.
    ///   - rampsUp: Whether to send to 1 node, then 2, 4, 8 … each time those before have acknowledged.
    public init(
        _ invocations: [Invocation], rates: RateControl, rampsUp: Bool = true, status: CommandStatus = .pending,
        isCancelled: Bool = false
    ) {
        self.invocations = invocations
        self.status = status
        self.isCancelled = isCancelled
        concurrency = rates.concurrency(of: invocations.count)
        errorsMax = rates.errors(of: invocations.count)
        index = Dictionary(uniqueKeysWithValues: invocations.enumerated().map { ($1.node, $0) })
        ramp = rampsUp ? 1 : nil
        for invocation in invocations {
            counts[invocation.status, default: 0] += 1
            if invocation.holdsSlot { slotsHeld += 1 }
            if invocation.holdsRamp { rampsHeld += 1 }
        }
    }

    public func invocation(of node: String) -> Invocation? { index[node].map { invocations[$0] } }

    public var completedCount: Int { counts.reduce(0) { $0 + ($1.key.isTerminal ? $1.value : 0) } }
    public var errorCount: Int { counts.reduce(0) { $0 + ($1.key.isError ? $1.value : 0) } }
    public var deliveryTimedOutCount: Int { counts[.deliveryTimedOut] ?? 0 }

    // MARK: What happens to a command

    /// Begins, or goes on after the service was away.
    public mutating func resume() -> [Effect] {
        var effects: [Effect] = []
        settle(&effects)
        return effects
    }

    /// It is over before it has begun, and goes to nobody.
    public mutating func refuse(_ reason: CommandStatus) -> [Effect] {
        precondition(reason.isTerminal && invocations.isEmpty, "a refused command has no invocations")
        guard !status.isTerminal else { return [] }
        status = reason
        return [.commandChanged(reason)]
    }

    /// The command was handed to a connection of the node.
    public mutating func sent(to node: String) {
        guard let place = index[node], invocations[place].stage == .dispatched else { return }
        change(place) { $0.stage = .sent }
    }

    /// The node cannot be reached now.
    public mutating func unreachable(_ node: String) -> [Effect] {
        var effects: [Effect] = []
        guard let place = index[node], invocations[place].status == .pending, invocations[place].stage != .waiting
        else { return effects }
        set(place, .delayed, &effects)
        settle(&effects)
        return effects
    }

    /// The node has the command and will run it.
    public mutating func accepted(by node: String) -> [Effect] {
        var effects: [Effect] = []
        guard let place = index[node], invocations[place].holdsSlot else { return effects }
        change(place) { $0.stage = .accepted }
        if invocations[place].status != .cancelling { set(place, .inProgress, &effects) }
        settle(&effects)
        return effects
    }

    /// The node reported the end. Of a node that is done already, or was never sent to, it changes nothing.
    public mutating func finished(by node: String, _ result: Result) -> [Effect] {
        var effects: [Effect] = []
        guard let place = index[node], invocations[place].holdsSlot else { return effects }
        let status: InvocationStatus =
            switch result {
            case .success: .success
            case .failed: .failed
            case .executionTimedOut: .executionTimedOut
            case .cancelled: .cancelled
            case .deliveryTimedOut: .deliveryTimedOut
            }
        set(place, status, &effects)
        settle(&effects)
        return effects
    }

    /// The user no longer wants it.
    /// - Parameter nodes: Only there; nil for everywhere, which makes the whole command end as cancelled.
    public mutating func cancel(_ nodes: [String]? = nil) -> [Effect] {
        var effects: [Effect] = []
        guard !status.isTerminal else { return effects }
        if nodes == nil { isCancelled = true }
        for place in nodes.map({ $0.compactMap { index[$0] } }) ?? Array(invocations.indices) {
            let invocation = invocations[place]
            if invocation.status.isTerminal || invocation.status == .cancelling { continue }
            if invocation.stage == .sent || invocation.stage == .accepted {
                // It may be running there: only the node knows how that ends.
                set(place, .cancelling, &effects)
                effects.append(.cancel(node: invocation.node))
            } else {
                set(place, .cancelled, &effects)
            }
        }
        settle(&effects)
        return effects
    }

    /// `ExpiresAfter` has passed: nothing more is expected from the nodes that have not reported.
    public mutating func expire() -> [Effect] {
        var effects: [Effect] = []
        for place in invocations.indices where !invocations[place].status.isTerminal {
            set(place, invocations[place].status == .cancelling ? .cancelled : .deliveryTimedOut, &effects)
        }
        settle(&effects)
        return effects
    }

    // MARK: What follows from it

    /// Stops, dispatches and sums up as the present states demand.
    private mutating func settle(_ effects: inout [Effect]) {
        guard !status.isTerminal else { return }
        if errorCount > errorsMax { terminateWaiting(&effects) }
        dispatch(&effects)
        let next = summary
        guard next != status else { return }
        status = next
        effects.append(.commandChanged(next))
    }

    private mutating func terminateWaiting(_ effects: inout [Effect]) {
        for place in firstWaiting..<invocations.count
        where invocations[place].stage == .waiting && !invocations[place].status.isTerminal {
            set(place, .terminated, &effects)
        }
        firstWaiting = invocations.count
    }

    private mutating func dispatch(_ effects: inout [Effect]) {
        var room = concurrency - slotsHeld
        if let ramp {
            guard rampsHeld == 0 else { return }
            room = min(room, ramp)
        }
        var dispatched = 0
        while dispatched < room, firstWaiting < invocations.count {
            let place = firstWaiting
            firstWaiting += 1
            guard invocations[place].stage == .waiting, !invocations[place].status.isTerminal else { continue }
            change(place) { $0.stage = .dispatched }
            effects.append(.run(node: invocations[place].node))
            dispatched += 1
        }
        if let step = ramp, dispatched > 0 { ramp = slotsHeld >= concurrency ? nil : step * 2 }
    }

    /// The command's status by the rules in their published order.
    private var summary: CommandStatus {
        if counts.contains(where: { !$0.key.isTerminal && $0.value > 0 }) {
            if isCancelled { return .cancelling }
            let isStarted = invocations.contains { $0.stage != .waiting }
            return isStarted ? .inProgress : .pending
        }
        func count(_ status: InvocationStatus) -> Int { counts[status] ?? 0 }
        if isCancelled { return .cancelled }
        if invocations.isEmpty { return .noInstancesInTag }
        if errorCount > errorsMax { return count(.failed) == 0 ? .executionTimedOut : .failed }
        let unreachable = count(.undeliverable) + count(.invalidPlatform) + count(.accessDenied)
        if unreachable == invocations.count {
            if count(.undeliverable) == unreachable { return .undeliverable }
            if count(.invalidPlatform) == unreachable { return .invalidPlatform }
            if count(.accessDenied) == unreachable { return .accessDenied }
            return .failed
        }
        if count(.deliveryTimedOut) > errorsMax { return .deliveryTimedOut }
        return count(.success) + unreachable == invocations.count ? .success : .incomplete
    }

    private mutating func set(_ place: Int, _ status: InvocationStatus, _ effects: inout [Effect]) {
        guard invocations[place].status != status else { return }
        change(place) { $0.status = status }
        effects.append(.invocationChanged(node: invocations[place].node, status))
    }

    /// Changes an invocation and keeps the sums right.
    private mutating func change(_ place: Int, _ body: (inout Invocation) -> Void) {
        let before = invocations[place]
        body(&invocations[place])
        let after = invocations[place]
        counts[before.status, default: 0] -= 1
        counts[after.status, default: 0] += 1
        slotsHeld += (after.holdsSlot ? 1 : 0) - (before.holdsSlot ? 1 : 0)
        rampsHeld += (after.holdsRamp ? 1 : 0) - (before.holdsRamp ? 1 : 0)
    }
}
