public import Core

/// The event as rules match it and targets receive it.
/// - Source: `Event envelope` of the EventBridge user guide; key order as on the wire there.
public struct EventEnvelope: Sendable, Hashable {
    public var id: Identifier
    public var detailType: String
    public var source: String
    public var account: Account
    public var time: Timestamp
    public var resources: [String]
    /// An object.
    public var detail: JSON

    public init(
        id: Identifier, source: String, detailType: String, account: Account, time: Timestamp,
        resources: [String] = [], detail: JSON
    ) {
        self.id = id
        self.detailType = detailType
        self.source = source
        self.account = account
        self.time = time
        self.resources = resources
        self.detail = detail
    }

    public var json: JSON {
        [
            "version": "0", "id": .string(id.description), "detail-type": .string(detailType),
            "source": .string(source), "account": .string(account.id), "time": .string(time.description),
            "region": .string(account.region), "resources": .array(resources.map { .string($0) }), "detail": detail,
        ]
    }

    /// What to emit so that the event is put on `bus`: its stream topic and the journal record's body.
    public func record(bus: String = "default", context: OperationContext, onlyRule: String? = nil)
        -> (topic: String, body: [UInt8])
    {
        let entry = StreamEntry(
            kind: .event, eventID: id, bus: bus, context: context, onlyRule: onlyRule, payload: json.bytes)
        return (StreamTopic.event(bus: bus, source: source, detailType: detailType), entry.encoded)
    }
}
