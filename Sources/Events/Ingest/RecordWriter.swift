internal import Core
internal import Storage

/// Writes the journal record of an accepted event: its stream topic, and the entry with the envelope as payload.
///
/// The buffers are kept from event to event; nothing is allocated once they have grown.
struct RecordWriter {
    private(set) var topic: [UInt8] = []
    private(set) var body: [UInt8] = []
    // What is the same for all events of one publisher on one bus, made when either changes.
    private var bus = ""
    private var context = OperationContext.system
    private var texts: [UInt8] = []
    private var topicStart: [UInt8] = []
    // Most events that come together have the same second.
    private var timeSeconds = Int64.min
    private var timeText: [UInt8] = []
    private let account: [UInt8]
    private let ownRegion: String
    private var region = ""
    private var regionText: [UInt8] = []

    init(account: Account) {
        self.account = Array(account.id.utf8)
        ownRegion = account.region
    }

    /// Says of which region the events that follow are; nil for the server's own.
    mutating func begin(region given: String?) {
        let region = given ?? ownRegion
        guard region != self.region else { return }
        self.region = region
        regionText = Array(region.utf8)
    }

    /// The parts of an event, as bytes of validated JSON: strings as between their quotes, `detail` an object's text.
    struct Parts {
        var identifier: Identifier
        var source: UnsafeRawBufferPointer
        var detailType: UnsafeRawBufferPointer
        var detail: UnsafeRawBufferPointer
        var resources: [UnsafeRawBufferPointer]
        var time: Timestamp
        var bus: String
        /// As in `StreamEntry`.
        var flags: UInt8
        /// With its escapes undone; nil without the flag.
        var traceHeader: [UInt8]?
    }

    /// Fills `topic` and `body`.
    mutating func write(_ parts: Parts, _ context: OperationContext) {
        if parts.bus != bus || context != self.context {
            bus = parts.bus
            self.context = context
            texts = StreamEntry.texts(bus: bus, principal: context.principal, cause: context.cause, onlyRule: nil)
            topicStart = Array("event/".utf8)
            Array(bus.utf8).withUnsafeBytes { StreamTopic.append($0, to: &topicStart) }
        }
        topic.removeAll(keepingCapacity: true)
        topic.append(contentsOf: topicStart)
        appendTopicComponent(parts.source)
        appendTopicComponent(parts.detailType)

        body.removeAll(keepingCapacity: true)
        StreamEntry.writeHeader(
            into: &body, kind: .event, hops: context.hops, flags: parts.flags, eventID: parts.identifier, outboxRow: 0,
            texts: texts)
        if let traceHeader = parts.traceHeader { StreamEntry.append(text: traceHeader, to: &body) }
        writeEnvelope(parts)
    }

    private mutating func appendTopicComponent(_ raw: UnsafeRawBufferPointer) {
        if raw.contains(UInt8(ascii: "\\")) {
            var unescaped: [UInt8] = []
            appendUnescaped(raw, to: &unescaped)
            unescaped.withUnsafeBytes { StreamTopic.append($0, to: &topic) }
        } else {
            StreamTopic.append(raw, to: &topic)
        }
    }

    private mutating func writeEnvelope(_ parts: Parts) {
        append(#"{"version":"0","id":""#)
        parts.identifier.write(into: &body)
        append(#"","detail-type":""#)
        body.append(contentsOf: parts.detailType)
        append(#"","source":""#)
        body.append(contentsOf: parts.source)
        append(#"","account":""#)
        body.append(contentsOf: account)
        append(#"","time":""#)
        if parts.time.seconds != timeSeconds {
            timeSeconds = parts.time.seconds
            timeText.removeAll(keepingCapacity: true)
            parts.time.writeRFC3339(into: &timeText)
        }
        body.append(contentsOf: timeText)
        append(#"","region":""#)
        body.append(contentsOf: regionText)
        append(#"","resources":["#)
        for (index, resource) in parts.resources.enumerated() {
            append(index == 0 ? "\"" : ",\"")
            body.append(contentsOf: resource)
            append("\"")
        }
        append(#"],"detail":"#)
        body.append(contentsOf: parts.detail)
        append("}")
    }

    private mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { body.append(contentsOf: $0) }
    }
}
