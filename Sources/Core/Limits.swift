/// Every bound of the system in one place; tests check how they relate.
public enum Limits {
    // Sizes. Sources: EventBridge API model and quotas page; bus protocol OPS1.

    /// Levels of nesting of any JSON or YAML text.
    public static let jsonDepthMax = 1024
    /// Levels of an event's detail: with its envelope, and quoted in an answer, it stays below `jsonDepthMax`.
    public static let eventDetailDepthMax = 1000
    /// Nodes that one YAML text may expand to, aliases included.
    public static let yamlNodesMax = 100_000
    /// Total of the entries of one PutEvents request, counted as the service counts.
    public static let putEventsBytesMax = 1 << 20
    /// Entries of one PutEvents request. The service takes 10; local clients may batch further.
    public static let putEventsEntriesMax = 1000
    /// The same for clients of AWS.
    public static let awsPutEventsEntriesMax = 10
    /// What a function is given, and what it answers.
    public static let functionPayloadBytesMax = 6 << 20
    /// One request: a full event for a function, or a full PutEvents request, with room for escapes and framing.
    public static let requestBytesMax = 8 << 20
    /// Request identifier chosen by the client.
    public static let requestIdentifierBytesMax = 64
    public static let eventPatternBytesMax = 4096
    /// A stream topic holds bus, source and detail-type, each at most tripled by its encoding.
    public static let eventSourceBytesMax = 256
    /// Counted, as the service does, in characters.
    public static let eventDetailTypeCharactersMax = 128
    public static let eventResourceCharactersMax = 2048
    public static let traceHeaderCharactersMax = 500
    public static let orConjunctionsMax = 1000
    public static let documentBytesMax = 64 << 10
    /// One file that belongs to a version of a document.
    public static let attachmentBytesMax = 32 << 20
    /// A target's `Input` or `InputTemplate`; counted, as the service does, in characters.
    public static let targetInputCharactersMax = 8192
    public static let inputPathCharactersMax = 256
    public static let inputPathsMax = 100
    /// What an input transformer may make of one event: a full event with its envelope fits, a template that repeats
    /// it does not.
    public static let targetPayloadBytesMax = 2 << 20

    /// A schedule's input; counted, as the service does, in characters.
    public static let scheduleInputCharactersMax = 256 << 10

    // Counts.

    public static let schedulesMax = 1_000_000
    public static let scheduleGroupsMax = 500
    public static let pipesMax = 1000
    /// Bytes of the messages of one batch, past which no more are added; and of what one call is given: as much as a
    /// function takes.
    public static let pipeBatchBytesMax = functionPayloadBytesMax
    /// Five at AWS, unless a customer asks for more; a server's setting may say less.
    public static let targetsPerRuleMax = 20
    public static let rulesPerBusMax = 100_000
    /// How far back a rule may look for a repeated event.
    public static let ruleDeduplicationSecondsMax = 86_400
    public static let eventHopsMax = 8
    public static let deduplicationIdentifiersMax = 1_000_000
    public static let readStreamMessagesMax = 1000
    public static let archivesMax = 1000
    /// Replays that have not ended.
    public static let replaysActiveMax = 10
    /// Rules that one replay may be for alone: their names fit into the event's entry in the journal.
    public static let replayRulesMax = 900

    // Waiting.

    /// How long ReceiveMessage without a wait looks for a message in an empty queue, and FilterLogEvents for a line
    /// where there is none: clients look right after the call that leads to it, such as PutEvents, and deliveries come
    /// a moment after its answer.
    public static let shortPollMilliseconds = 100

    // Queues; what happens at the limit stands beside each.

    /// Requests being worked on at a time; past it `ThrottlingException`.
    public static let requestsInFlightMax = 4096
    /// Of one connection, so that none starves the others; past it `ThrottlingException`.
    public static let requestsInFlightPerClientMax = 1024
    /// Bytes of bodies of requests being worked on; past it `ThrottlingException`.
    public static let requestBytesInFlightMax = 256 << 20
    /// `ReadStream` requests: small, but their answers are held until the audit log has their records.
    public static let streamReadsInFlightPerClientMax = 16
    /// Bytes of answers that one connection has not yet taken; past it `ThrottlingException`.
    public static let answerBytesQueuedPerClientMax = 32 << 20
    /// Of all connections; past it those that have not taken all their answers get `ThrottlingException`, and each
    /// other one is given its next answer.
    public static let answerBytesQueuedMax = 256 << 20
    /// Bytes handed to the journal and not yet durable; past it `ThrottlingException`.
    public static let journalQueueBytesMax = 64 << 20
    /// Transactions waiting for the database's writer, and reads waiting for a reader; past them `ThrottlingException`.
    public static let databaseWritesQueuedMax = 10_000
    public static let databaseReadsQueuedMax = 4096
    /// Messages queued for one subscriber; past it they are dropped, and the subscriber sees the gap.
    public static let streamMessagesQueuedMax = 10_000
    /// Bytes queued for all subscribers together, a message for several of them counted once; past it messages of a
    /// kibibyte and more are dropped for all, and subscribers see the gap. Shorter ones are bounded by their number.
    public static let streamBytesQueuedMax = 128 << 20
    /// Deliveries being attempted at a time; the others wait in the database.
    public static let deliveriesInFlightMax = 256

    // Retry, as EventBridge's RetryPolicy.

    public static let retryAttemptsMax = 185
    public static let retryAgeSecondsMax = 86_400
}
