/// Steps taken, counted in debug builds alone: the tests hold them against the size of what was worked on, which shows
/// that nothing is superlinear where a clock would only show that the machine was busy.
///
/// A step is one value, hit, probe, candidate, constraint or element looked at, or one byte compared or hashed.
struct WorkCount {
    #if DEBUG
        private(set) var steps = 0

        @inline(__always)
        mutating func add(_ count: Int = 1) { steps += count }

        mutating func add(_ other: WorkCount) { steps += other.steps }
    #else
        @inline(__always)
        func add(_ count: Int = 1) {}

        func add(_ other: WorkCount) {}
    #endif
}
