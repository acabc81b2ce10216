public import Core

/// One message of the stream, as a subscriber gets it.
public struct StreamMessage: Sendable, Hashable {
    /// Ends in `/`: `event/default/billing/Invoice%20Paid/`.
    public var topic: String
    /// Rises over the whole stream, with gaps where messages are on topics not subscribed to.
    public var sequence: UInt64
    /// The sequence before it on the same topic; 0 where none is retained.
    public var previousSequence: UInt64
    /// An object.
    public var body: JSON
    /// Everything up to this sequence was delivered before. It is the safest place to resume after: between it and
    /// `sequence` a message that was lost on the way may yet be delivered late.
    public var checkpoint: UInt64

    public init(topic: String, sequence: UInt64, previousSequence: UInt64, body: JSON, checkpoint: UInt64) {
        self.topic = topic
        self.sequence = sequence
        self.previousSequence = previousSequence
        self.body = body
        self.checkpoint = checkpoint
    }
}

/// Where a subscription begins.
public enum StreamStart: Sendable, Hashable {
    /// With what is published from now on.
    case now
    /// After a sequence, 0 for all that is retained. With an epoch, another journal than that one is an error.
    case after(UInt64, epoch: String? = nil)
    /// After what the subscriber of this name acknowledged last.
    case named(String)
}
