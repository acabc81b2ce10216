public import Core

/// What the journal keeps of one thing published: the body of a journal record.
///
/// Layout, little endian; text fields are preceded by their length in two bytes:
///
/// | bytes | field |
/// |---|---|
/// | 1 | format, 1 |
/// | 1 | kind |
/// | 1 | hops |
/// | 1 | flags: bit 0, the publisher chose the id; bit 1, matching may stop early; bit 2, replayed; bit 3, traced |
/// | 16 | event id, big endian; zero in a message |
/// | 8 | outbox row this came from, 0 for none |
/// | 2 + n | bus |
/// | 2 + n | principal |
/// | 2 + n | cause, empty for none |
/// | 2 + n | rule it is meant for alone, empty for all; a replay may name several, with line feeds between |
/// | 2 + n | name of the replay; not there without bit 2 of the flags |
/// | 2 + n | trace header; not there without bit 3 of the flags |
/// | rest | payload: the JSON text that subscribers get |
public struct StreamEntry: Sendable, Hashable {
    public enum Kind: UInt8, Sendable {
        /// An event: matched against the rules of its bus.
        case event = 1
        /// Progress or a message to a topic: for subscribers only.
        case message = 2
    }

    public var kind: Kind
    public var eventID: Identifier
    public var hops: Int
    /// Whether the publisher chose the event id, so that repeating it must not publish twice.
    public var hasPublisherIdentifier = false
    /// Whether matching may stop before the event's end: it was checked when it was taken in, and no key of it is
    /// repeated, escaped or holds a dot.
    public var mayStopEarly = false
    public var outboxRow: Int64
    public var bus: String
    public var principal: Principal
    public var cause: Subject?
    /// The only rule that may match: a schedule's own, or those a replay is for, with line feeds between.
    public var onlyRule: String?
    /// The replay that put the event there again; kept where a rule forwards it to another bus.
    public var replay: String?
    /// By what the publisher traces the event: goes to targets beside it, not in it.
    public var traceHeader: String?
    public var payload: [UInt8]

    public init(
        kind: Kind, eventID: Identifier = Identifier(high: 0, low: 0), bus: String = "", context: OperationContext,
        onlyRule: String? = nil, outboxRow: Int64 = 0, payload: [UInt8]
    ) {
        self.kind = kind
        self.eventID = eventID
        self.hops = context.hops
        self.outboxRow = outboxRow
        self.bus = bus
        self.principal = context.principal
        self.cause = context.cause
        self.onlyRule = onlyRule
        self.payload = payload
    }

    public static let publisherIdentifierFlag: UInt8 = 1
    public static let mayStopEarlyFlag: UInt8 = 2
    static let replayFlag: UInt8 = 4
    public static let traceFlag: UInt8 = 8

    private var flags: UInt8 {
        var flags: UInt8 = 0
        if hasPublisherIdentifier { flags |= StreamEntry.publisherIdentifierFlag }
        if mayStopEarly { flags |= StreamEntry.mayStopEarlyFlag }
        if replay != nil { flags |= StreamEntry.replayFlag }
        if traceHeader != nil { flags |= StreamEntry.traceFlag }
        return flags
    }

    /// Bytes before the first text field.
    private static let fixedBytes = 28
    private static let formatVersion: UInt8 = 1

    /// The journal record's body.
    public var encoded: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(StreamEntry.fixedBytes + payload.count + 96)
        var texts = StreamEntry.texts(bus: bus, principal: principal, cause: cause, onlyRule: onlyRule)
        if let replay { StreamEntry.append(text: replay.utf8, to: &texts) }
        if let traceHeader { StreamEntry.append(text: traceHeader.utf8, to: &texts) }
        StreamEntry.writeHeader(
            into: &output, kind: kind, hops: hops, flags: flags, eventID: eventID, outboxRow: outboxRow, texts: texts)
        output.append(contentsOf: payload)
        return output
    }

    /// Where the outbox row stands in an encoded entry.
    private static let outboxRowOffset = 20

    /// Notes in an encoded entry which outbox row it came from.
    public static func setOutboxRow(_ row: Int64, in encoded: inout [UInt8]) {
        precondition(encoded.count >= fixedBytes, "no encoded entry")
        withUnsafeBytes(of: row.littleEndian) {
            encoded.replaceSubrange(outboxRowOffset..<outboxRowOffset + 8, with: $0)
        }
    }

    /// Appends all but the payload; the ingest path uses it to build a record without an entry of its own.
    /// - Parameter texts: As `texts(bus:principal:cause:onlyRule:)` makes them.
    public static func writeHeader(
        into output: inout [UInt8], kind: Kind, hops: Int, flags: UInt8, eventID: Identifier, outboxRow: Int64,
        texts: [UInt8]
    ) {
        output.append(formatVersion)
        output.append(kind.rawValue)
        output.append(UInt8(clamping: hops))
        output.append(flags)
        append(eventID.high.bigEndian, to: &output)
        append(eventID.low.bigEndian, to: &output)
        append(UInt64(bitPattern: outboxRow).littleEndian, to: &output)
        output.append(contentsOf: texts)
    }

    /// The text fields of an entry as they stand in it; the same for all events of one publisher on one bus.
    public static func texts(bus: String, principal: Principal, cause: Subject?, onlyRule: String?) -> [UInt8] {
        var output: [UInt8] = []
        for text in [bus, principal.name, cause?.description ?? "", onlyRule ?? ""] {
            append(text: text.utf8, to: &output)
        }
        return output
    }

    /// Appends one text field as it stands in an entry.
    public static func append(text: some Collection<UInt8>, to output: inout [UInt8]) {
        let bytes = text.prefix(Int(UInt16.max))
        output.append(UInt8(truncatingIfNeeded: bytes.count))
        output.append(UInt8(truncatingIfNeeded: bytes.count >> 8))
        output.append(contentsOf: bytes)
    }

    private static func append(_ value: UInt64, to output: inout [UInt8]) {
        withUnsafeBytes(of: value) { output.append(contentsOf: $0) }
    }

    /// Reads a journal record's body; nil where it is of another format.
    public init?(_ body: UnsafeRawBufferPointer) {
        guard let view = StreamEntryView(body) else { return nil }
        func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
        kind = view.kind
        eventID = view.eventID
        hops = view.hops
        hasPublisherIdentifier = view.hasPublisherIdentifier
        mayStopEarly = view.mayStopEarly
        outboxRow = view.outboxRow
        bus = text(view.bus)
        principal = Principal(text(view.principal))
        cause = Subject(text(view.cause))
        onlyRule = view.onlyRule.isEmpty ? nil : text(view.onlyRule)
        replay = view.isReplayed ? text(view.replay) : nil
        traceHeader = view.isTraced ? text(view.traceHeader) : nil
        payload = Array(view.payload)
    }
}

/// An entry read in place. Valid only while the record's bytes are.
public struct StreamEntryView {
    public let kind: StreamEntry.Kind
    public let hops: Int
    public let hasPublisherIdentifier: Bool
    public let mayStopEarly: Bool
    public let isReplayed: Bool
    public let isTraced: Bool
    public let eventID: Identifier
    public let outboxRow: Int64
    public let bus: UnsafeRawBufferPointer
    public let principal: UnsafeRawBufferPointer
    public let cause: UnsafeRawBufferPointer
    public let onlyRule: UnsafeRawBufferPointer
    /// Empty where no replay put the event there.
    public let replay: UnsafeRawBufferPointer
    /// Empty where the publisher gave none.
    public let traceHeader: UnsafeRawBufferPointer
    public let payload: UnsafeRawBufferPointer

    public init?(_ body: UnsafeRawBufferPointer) {
        guard body.count >= 28, body[0] == 1, let kind = StreamEntry.Kind(rawValue: body[1]) else { return nil }
        self.kind = kind
        hops = Int(body[2])
        hasPublisherIdentifier = body[3] & StreamEntry.publisherIdentifierFlag != 0
        mayStopEarly = body[3] & StreamEntry.mayStopEarlyFlag != 0
        isReplayed = body[3] & StreamEntry.replayFlag != 0
        isTraced = body[3] & StreamEntry.traceFlag != 0
        eventID = Identifier(
            high: UInt64(bigEndian: body.loadUnaligned(fromByteOffset: 4, as: UInt64.self)),
            low: UInt64(bigEndian: body.loadUnaligned(fromByteOffset: 12, as: UInt64.self)))
        outboxRow = Int64(littleEndian: body.loadUnaligned(fromByteOffset: 20, as: Int64.self))
        var offset = 28
        func next() -> UnsafeRawBufferPointer? {
            guard offset + 2 <= body.count else { return nil }
            let count = Int(body[offset]) | Int(body[offset + 1]) << 8
            guard offset + 2 + count <= body.count else { return nil }
            defer { offset += 2 + count }
            return UnsafeRawBufferPointer(rebasing: body[offset + 2..<offset + 2 + count])
        }
        guard let bus = next(), let principal = next(), let cause = next(), let onlyRule = next() else { return nil }
        self.bus = bus
        self.principal = principal
        self.cause = cause
        self.onlyRule = onlyRule
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        guard let replay = isReplayed ? next() : none, let traceHeader = isTraced ? next() : none else { return nil }
        self.replay = replay
        self.traceHeader = traceHeader
        payload = UnsafeRawBufferPointer(rebasing: body[offset...])
    }
}
