internal import API
internal import Core

/// What a target's ARN leaves open, for the kind of target that it names. Rules, schedules and pipes spell these
/// members differently; this is what they mean.
struct TargetParameters: Sendable, Hashable {
    /// Which nodes a command document runs on: `RunCommandTargets` of the API.
    var nodes: JSON?
    /// `MessageGroupId` for a FIFO queue.
    var messageGroup: String?
    /// The envelope for an event bus whose event is made of the input; nil where the event itself is passed on.
    var envelope: Envelope?
    /// The stream of a log group; nil for the caller's own name.
    var logStream: String?
    /// What a request to an API destination has besides the destination's and the connection's own; nil for who may
    /// not call any.
    var http: DestinationParameters?
    /// Whether a function's answer is waited for.
    var waitsForAnswer = false

    struct Envelope: Sendable, Hashable {
        var source: String
        var detailType: String
        var resources: [String] = []
        /// RFC 3339; nil for now.
        var time: String?
    }
}
