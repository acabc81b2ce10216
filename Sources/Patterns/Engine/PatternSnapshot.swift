/// The rules of a `PatternSet` at one moment. Immutable: any number of threads may match against it without locks.
///
/// Safety: `parts` is written in `init` alone and freed with the last reference; `owners` keeps alive what it
/// points to.
public final class PatternSnapshot: @unchecked Sendable {
    /// A segment as the matcher sees it.
    struct Part: BitwiseCopyable {
        let view: SegmentView
        /// Bit n: the segment's rule n was removed. Nil if none was.
        let removed: UnsafePointer<UInt64>?
    }

    let parts: UnsafeMutableBufferPointer<Part>
    private let owners: [(segment: Segment, removed: RemovedRules?)]
    /// Rules that can match.
    public let ruleCount: Int

    init(_ segments: [(segment: Segment, removed: RemovedRules?)], ruleCount: Int) {
        owners = segments
        parts = .allocate(capacity: segments.count)
        for (index, entry) in segments.enumerated() {
            (parts.baseAddress! + index).initialize(  // there are elements, so there is a base
                to: Part(view: entry.segment.view, removed: entry.removed.map { UnsafePointer($0.words) }))
        }
        self.ruleCount = ruleCount
    }

    deinit { parts.deallocate() }

    /// Bytes of the compiled tables, shared with other snapshots of the same set.
    public var byteCount: Int { owners.reduce(0) { $0 + $1.segment.byteCount } }
}

/// Which rules of a segment were removed after it was built.
///
/// Safety: `words` is written in `init` alone.
final class RemovedRules: @unchecked Sendable {
    let words: UnsafeMutablePointer<UInt64>
    private let wordCount: Int
    let count: Int

    /// What was removed before, and other rules.
    init(_ earlier: RemovedRules?, adding slots: [UInt32], of ruleCount: Int) {
        wordCount = (ruleCount + 63) / 64
        words = .allocate(capacity: wordCount)
        if let earlier {
            words.initialize(from: earlier.words, count: wordCount)
        } else {
            words.initialize(repeating: 0, count: wordCount)
        }
        for slot in slots { words[Int(slot >> 6)] |= 1 << UInt64(slot & 63) }
        count = (earlier?.count ?? 0) + slots.count
    }

    deinit { words.deallocate() }

    func contains(_ slot: UInt32) -> Bool { words[Int(slot >> 6)] >> UInt64(slot & 63) & 1 == 1 }
}
