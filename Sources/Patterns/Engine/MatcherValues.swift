/// A scalar of the event at a path that rules mention.
struct EventValue: BitwiseCopyable {
    enum Kind: UInt8 {
        case string, number, isTrue, isFalse, isNull
    }

    /// In the event, or unescaped in the matcher's memory; valid while the event is matched.
    var start: UnsafeRawPointer
    var length: UInt32
    var kind: Kind
    /// The innermost element of an array of containers it lies in; 0 if none.
    var element: UInt32
    /// Its hits are those from `firstHit` to `endHit`.
    var firstHit: UInt32
    var endHit: UInt32
    /// The next value at the same path, or `none`.
    var next: UInt32

    static let none = UInt32.max
}

/// What is known of a path's values in the event of some epoch.
struct PathState: BitwiseCopyable {
    var epoch: UInt32 = 0
    var first: UInt32 = 0
    var last: UInt32 = 0
    /// Equals the epoch when some value lies in an element of an array.
    var elementEpoch: UInt32 = 0
    /// Equals the epoch when a value outside of such elements lay in the interval from `settledLow` to `settledHigh`
    /// between the bounds of ranges, so that the ranges around it are satisfied.
    var settledEpoch: UInt32 = 0
    var settledLow: UInt64 = 0
    var settledHigh: UInt64 = 0
}

/// An element (itself a container) of an array on a path that rules mention, or the event as a whole (number 0).
struct ArrayElement: BitwiseCopyable {
    var array: UInt32
    /// The next such element of the array, or 0.
    var next: UInt32
}

/// An array that has such elements.
struct EventArray: BitwiseCopyable {
    /// The element that the array lies in.
    var parent: UInt32
    var first: UInt32
    var last: UInt32
}

/// Path states by path, kept from event to event.
struct PathStates: ~Copyable {
    private(set) var base: UnsafeMutablePointer<PathState>
    private var capacity: Int

    init() {
        capacity = 16
        base = .allocate(capacity: capacity)
        base.initialize(repeating: PathState(), count: capacity)
    }

    deinit { base.deallocate() }

    @inline(__always)
    mutating func reserve(_ count: Int) {
        if count > capacity { grow(count) }
    }

    @inline(never)
    private mutating func grow(_ count: Int) {
        base.deallocate()
        capacity = max(count, capacity * 2)
        base = .allocate(capacity: capacity)
        base.initialize(repeating: PathState(), count: capacity)
    }

    mutating func clear() { base.update(repeating: PathState(), count: capacity) }

    /// The state of a path, in place.
    @inline(__always)
    subscript(path: UInt32) -> UnsafeMutablePointer<PathState> {
        assert(path < capacity)
        return base + Int(path)
    }
}
