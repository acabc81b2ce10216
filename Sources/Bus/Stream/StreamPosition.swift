/// A place in the stream.
public struct StreamPosition: Sendable, Hashable {
    /// Identifies the journal; another one after it was restored or made anew.
    public var epoch: String
    /// Everything up to this sequence lies before the place.
    public var sequence: UInt64

    public init(epoch: String, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }
}
