internal import Synchronization

/// What a test waited for did not come.
public struct WaitedInVain: Error, CustomStringConvertible {
    public let description: String
}

/// Returns as soon as a condition holds that other tasks bring about.
/// - Throws: `WaitedInVain` after a time that only a fault needs; what `condition` throws.
public func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(120)
    while try await !condition() {
        guard clock.now < end else { throw WaitedInVain(description: "never: \(what)") }
        try await Task.sleep(for: .milliseconds(1))
    }
}

/// Holds whoever comes until it is opened.
public final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    public init() {}

    /// How many are held.
    public var waitingCount: Int { state.withLock { $0.waiting.count } }

    public func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    /// Lets go whom it holds, and everyone after.
    public func open() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.isOpen = true
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
