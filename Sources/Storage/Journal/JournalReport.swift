public import Core

/// The state of a journal's files, from a walk through all of them.
public struct JournalReport: Sendable, Hashable {
    /// A place in the files where something is wrong.
    public struct Fault: Sendable, Hashable, CustomStringConvertible {
        /// The segment.
        public let path: String
        public let offset: Int
        /// The record that should stand there; 0 where that is not known.
        public let sequence: UInt64
        public let reason: String

        public init(path: String, offset: Int, sequence: UInt64, reason: String) {
            self.path = path
            self.offset = offset
            self.sequence = sequence
            self.reason = reason
        }

        public var description: String { "\(path), offset \(offset), sequence \(sequence): \(reason)" }
    }

    /// Nil where there is no journal, or none that can be read.
    public var epoch: Identifier?
    public var segments = 0
    /// Size of all segments.
    public var bytes = 0
    /// Good records, from the oldest on up to the first fault.
    public var records: UInt64 = 0
    /// 0 where there is no record, like `lastSequence`.
    public var firstSequence: UInt64 = 0
    public var lastSequence: UInt64 = 0
    public var oldestTime: Timestamp?
    public var newestTime: Timestamp?
    /// The link of the last good record: the same link later proves that nothing before it has changed.
    public var link: Digest = .zero
    /// Rests of failed commits at the end of segments that are not the last one. Never read.
    public var abandonedBytes = 0
    /// The unfinished end of the last segment, which the next opening cuts off; normal after a crash, or while the
    /// journal is being written to.
    public var tornBytes = 0
    /// Where the torn end begins, if it is not merely a batch that lacks its end.
    public var torn: Fault?
    /// The first record, or header, that is broken.
    public var fault: Fault?

    /// Whether everything acknowledged is there and unchanged.
    public var isSound: Bool { fault == nil }
}
