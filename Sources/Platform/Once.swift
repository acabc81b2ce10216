internal import Synchronization

/// A value that is set once, after the objects that use it have been made.
public final class Once<Value: Sendable>: Sendable {
    private let slot = Mutex<Value?>(nil)

    public init() {}

    /// Nil until it is set.
    public var value: Value? { slot.withLock { $0 } }

    public func set(_ value: Value) {
        slot.withLock { slot in
            precondition(slot == nil, "set twice")
            slot = value
        }
    }
}
