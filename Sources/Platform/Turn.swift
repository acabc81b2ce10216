/// Mutual exclusion of an actor's own tasks across their suspensions, in the order in which they ask.
///
/// Belongs to one actor, on which all its functions are called.
public final class Turn {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    public init() {}

    /// Returns when all who asked before have left.
    public func take() async {
        if !isTaken {
            isTaken = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    /// Lets the next one go on. Once for each `take`.
    public func leave() {
        if waiting.isEmpty {
            isTaken = false
        } else {
            waiting.removeFirst().resume()
        }
    }
}
