internal import API
internal import Core
internal import Patterns
internal import Storage

/// Checks the entries of one PutEvents request and writes the records of the good ones.
struct EntryAcceptance: ~Copyable {
    /// What is kept between requests so that nothing is allocated for each.
    struct Scratch: ~Copyable {
        var writer: RecordWriter
        var validator = JSONValidator()
        var entries: [PutEventsEntry] = []
        /// A detail with its escapes undone.
        var detail: [UInt8] = []
        /// The answer being written.
        var answer: [UInt8] = []

        init(writer: RecordWriter) { self.writer = writer }
    }

    /// Why an entry is refused.
    struct Refusal: Error {
        let code: ErrorCode
        let message: String

        init(_ code: ErrorCode, _ message: String) {
            self.code = code
            self.message = message
        }

        static func missing(_ member: String) -> Refusal {
            Refusal(.invalidArgument, "Parameter \(member) is not valid. Reason: \(member) is a required argument.")
        }

        static func invalid(_ member: String, _ reason: String) -> Refusal {
            Refusal(.invalidArgument, "Parameter \(member) is not valid. Reason: \(reason)")
        }
    }

    let now: Timestamp
    let context: OperationContext
    let buses: BusDirectory.Snapshot
    /// Entries of one request.
    var entriesMax = Limits.putEventsEntriesMax
    /// Whether members that nobody knows are passed over rather than refused.
    var ignoresUnknownMembers = false
    /// Whether an entry for a bus that does not exist is answered like one that was taken, and vanishes.
    var acceptsUnknownBuses = false
    /// What buses' policies say, and what the publisher may without them; nil where no bus has a policy.
    var access: (policies: BusAccess, mayPutEvents: Bool)?
    private(set) var remembered: [DeduplicationWindow.Key] = []
    /// Of entries that repeat an earlier one, which may still be on its way to the disk.
    private(set) var repeated: [DeduplicationWindow.Key] = []
    /// For the logs of their buses.
    private(set) var refused: [Refused] = []
    private var failedCount = 0

    /// An entry that was refused, though its bus is there and keeps a log.
    struct Refused {
        let bus: String
        let code: ErrorCode
        let message: String
        /// As the log tells them.
        let members: JSON
    }

    init(now: Timestamp, context: OperationContext, buses: BusDirectory.Snapshot) {
        self.now = now
        self.context = context
        self.buses = buses
    }

    /// Reads a request, adds its events to `batch` and leaves the answer in `scratch`.
    /// - Throws: `ServiceError` where the request as a whole is refused; nothing was added or remembered then.
    mutating func accept(
        _ body: UnsafeRawBufferPointer, scratch: inout Scratch, window: inout DeduplicationWindow,
        random: inout some RandomNumberGenerator, batch: inout JournalBatch
    ) throws(ServiceError) {
        do throws(JSONError) {
            try JSONValidator.validate(body)
        } catch {
            throw ServiceError(.serialization, "The request is not valid JSON: \(error).")
        }
        scratch.entries.removeAll(keepingCapacity: true)
        try PutEventsReader.read(body, ignoresUnknownMembers: ignoresUnknownMembers) { scratch.entries.append($0) }
        try checkLimits(scratch.entries, body)

        scratch.answer.removeAll(keepingCapacity: true)
        scratch.answer.append(contentsOf: #"{"Entries":["#.utf8)
        for index in scratch.entries.indices {
            if index > 0 { scratch.answer.append(UInt8(ascii: ",")) }
            do throws(Refusal) {
                let identifier = try accept(scratch.entries[index], body, &scratch, &window, &random, &batch)
                scratch.answer.append(contentsOf: #"{"EventId":""#.utf8)
                identifier.write(into: &scratch.answer)
                scratch.answer.append(contentsOf: #""}"#.utf8)
            } catch {
                failedCount += 1
                if buses.hasLogs { note(error, scratch.entries[index], body) }
                let result: JSON = ["ErrorCode": .string(error.code.rawValue), "ErrorMessage": .string(error.message)]
                result.write(into: &scratch.answer)
            }
        }
        scratch.answer.append(contentsOf: #"],"FailedEntryCount":\#(failedCount)}"#.utf8)
    }

    private mutating func note(_ refusal: Refusal, _ entry: PutEventsEntry, _ body: UnsafeRawBufferPointer) {
        func text(_ token: JSONCursor.StringToken?) -> JSON? {
            token.map { .string(String(decoding: $0.unescaped(in: body), as: UTF8.self)) }
        }
        guard let bus = buses.name(of: text(entry.busName)?.string ?? BusDirectory.defaultBus) else { return }
        var members: JSON = ["caller_account_id": .string(buses.account.id)]
        members["source_time_ms"] = entry.time.map { .integer($0.microseconds / 1000) }
        members["source"] = text(entry.source)
        members["detail_type"] = text(entry.detailType)
        members["resources"] = .array(entry.resources.compactMap(text))
        members["event_detail"] = text(entry.detail)
        refused.append(Refused(bus: bus, code: refusal.code, message: refusal.message, members: members))
    }

    private func checkLimits(_ entries: [PutEventsEntry], _ body: UnsafeRawBufferPointer) throws(ServiceError) {
        func refuse(_ bound: String) -> ServiceError {
            ServiceError(
                .validation,
                "1 validation error detected: Value '[\(entries.isEmpty ? "" : "PutEventsRequestEntry")]' at 'entries' "
                    + "failed to satisfy constraint: Member must have length \(bound)")
        }
        if entries.isEmpty { throw refuse("greater than or equal to 1") }
        if entries.count > entriesMax { throw refuse("less than or equal to \(entriesMax)") }
        for (index, entry) in entries.enumerated() {
            try check(entry.traceHeader, 1...Limits.traceHeaderCharactersMax, body, index, "traceHeader")
            try check(entry.busName, 1...1600, body, index, "eventBusName")
            for (place, resource) in entry.resources.enumerated() {
                try check(
                    resource, 0...Limits.eventResourceCharactersMax, body, index, "resources.\(place + 1).member")
            }
        }
        // Undoing escapes only makes text shorter, so most requests need no exact count.
        if body.count > Limits.putEventsBytesMax {
            let bytes = entries.reduce(0) { $0 + $1.countedBytes(body) }
            if bytes > Limits.putEventsBytesMax {
                throw ServiceError(.validation, "Total size of the entries in the request is over the limit.")
            }
        }
    }

    /// Refuses a text whose length no entry may have.
    private func check(
        _ token: JSONCursor.StringToken?, _ length: ClosedRange<Int>, _ body: UnsafeRawBufferPointer,
        _ entry: Int, _ member: @autoclosure () -> String
    ) throws(ServiceError) {
        guard let token, !length.contains(token.range.count) else { return }
        let text = String(decoding: token.unescaped(in: body), as: UTF8.self)
        try Shape.string(length: length)
            .validate(.string(text), at: "entries.\(entry + 1).member.\(member())")
    }

    private mutating func accept(
        _ entry: PutEventsEntry, _ body: UnsafeRawBufferPointer, _ scratch: inout Scratch,
        _ window: inout DeduplicationWindow, _ random: inout some RandomNumberGenerator, _ batch: inout JournalBatch
    ) throws(Refusal) -> Identifier {
        func slice(_ token: JSONCursor.StringToken) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: body[token.range])
        }
        if let fault = entry.fault { throw Refusal(.invalidArgument, fault) }
        guard let source = entry.source, !source.range.isEmpty else { throw .missing("Source") }
        guard let detailType = entry.detailType, !detailType.range.isEmpty else { throw .missing("DetailType") }
        guard let detail = entry.detail, !detail.range.isEmpty else { throw .missing("Detail") }
        try check(source, detailType, body)
        guard let bus = try busName(entry, body) else { return Identifier(using: &random) }
        if let access {
            let event = BusAccess.Event(
                source: String(decoding: source.unescaped(in: body), as: UTF8.self),
                detailType: String(decoding: detailType.unescaped(in: body), as: UTF8.self))
            if let refusal = access.policies.refusal(
                of: context.principal, bus: bus, event: event, mayPutEvents: access.mayPutEvents)
            {
                throw Refusal(.accessDenied, refusal)
            }
        }
        let chosen = try chosenIdentifier(entry, body)

        scratch.detail.removeAll(keepingCapacity: true)
        let mayStopEarly: Bool
        do throws(JSONError) {
            if detail.hasEscapes {
                appendUnescaped(slice(detail), to: &scratch.detail)
                mayStopEarly = try scratch.validateDetail()
            } else {
                mayStopEarly = try scratch.validator.validateEvent(slice(detail), boundsIntegers: true)
            }
        } catch {
            throw Refusal(.malformedDetail, "Detail is malformed.")
        }

        let identifier = chosen ?? Identifier(using: &random)
        if chosen != nil {
            let key = DeduplicationWindow.Key(identifier: identifier, bus: bus)
            guard window.insert(key, at: now) else {
                repeated.append(key)
                return identifier
            }
            remembered.append(key)
        }
        var flags: UInt8 = 0
        if chosen != nil { flags |= StreamEntry.publisherIdentifierFlag }
        if mayStopEarly { flags |= StreamEntry.mayStopEarlyFlag }
        if entry.traceHeader != nil { flags |= StreamEntry.traceFlag }
        var parts = RecordWriter.Parts(
            identifier: identifier, source: slice(source), detailType: slice(detailType), detail: slice(detail),
            resources: entry.resources.map(slice), time: entry.time ?? now, bus: bus,
            flags: flags, traceHeader: entry.traceHeader?.unescaped(in: body))
        if detail.hasEscapes {
            scratch.detail.withUnsafeBytes { unescaped in
                parts.detail = unescaped
                scratch.writer.write(parts, context)
            }
        } else {
            scratch.writer.write(parts, context)
        }
        scratch.writer.topic.withUnsafeBytes { topic in
            scratch.writer.body.withUnsafeBytes { body in batch.append(topic: topic, body: body) }
        }
        return identifier
    }

    /// What counts is what the event will hold: escapes must not smuggle a reserved source past the check.
    private func check(
        _ source: JSONCursor.StringToken, _ detailType: JSONCursor.StringToken, _ body: UnsafeRawBufferPointer
    ) throws(Refusal) {
        if source.hasEscapes {
            try source.unescaped(in: body).withUnsafeBufferPointer { bytes throws(Refusal) in
                try check(source: UnsafeRawBufferPointer(bytes))
            }
        } else {
            try check(source: UnsafeRawBufferPointer(rebasing: body[source.range]))
        }
        let charactersMax = Limits.eventDetailTypeCharactersMax
        // No character takes less than a byte, so most detail types need no exact count.
        if detailType.range.count > charactersMax,
            String(decoding: detailType.unescaped(in: body), as: UTF8.self).unicodeScalars.count > charactersMax
        {
            throw .invalid("DetailType", "DetailType must be at most \(charactersMax) characters.")
        }
    }

    private func check(source: UnsafeRawBufferPointer) throws(Refusal) {
        if EntryAcceptance.isReserved(source) {
            throw Refusal(.notAuthorizedForSource, "Not authorized for the source: the prefix aws. is reserved.")
        }
        if source.count > Limits.eventSourceBytesMax {
            throw .invalid("Source", "Source must be at most \(Limits.eventSourceBytesMax) bytes.")
        }
    }

    /// Whether a source begins with `aws.`.
    private static func isReserved(_ source: UnsafeRawBufferPointer) -> Bool {
        source.count >= 4 && source.loadUnaligned(as: UInt32.self).littleEndian == 0x2E73_7761
    }

    /// Nil for an event that is to vanish.
    private func busName(_ entry: PutEventsEntry, _ body: UnsafeRawBufferPointer) throws(Refusal) -> String? {
        guard let token = entry.busName else { return BusDirectory.defaultBus }
        let text = String(decoding: token.unescaped(in: body), as: UTF8.self)
        guard let name = buses.name(of: text) else {
            if acceptsUnknownBuses { return nil }
            throw Refusal(.resourceNotFound, "Event bus \(text) does not exist.")
        }
        return name
    }

    private func chosenIdentifier(
        _ entry: PutEventsEntry, _ body: UnsafeRawBufferPointer
    ) throws(Refusal) -> Identifier? {
        guard let token = entry.identifier else { return nil }
        guard let identifier = Identifier(utf8: Array(body[token.range])) else {
            throw .invalid(
                "OpsBusEventId", "OpsBusEventId must be a UUID, such as 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed.")
        }
        return identifier
    }
}

extension EntryAcceptance.Scratch {
    /// Whether the detail allows matching to stop early.
    fileprivate mutating func validateDetail() throws(JSONError) -> Bool {
        try detail.withUnsafeBufferPointer { bytes throws(JSONError) in
            try validator.validateEvent(UnsafeRawBufferPointer(bytes), boundsIntegers: true)
        }
    }
}

extension PutEventsEntry {
    /// What the entry counts towards the size of its request.
    /// - Source: EventBridge user guide, "Calculating PutEvents event entry size".
    func countedBytes(_ body: UnsafeRawBufferPointer) -> Int {
        func bytes(_ token: JSONCursor.StringToken?) -> Int {
            guard let token else { return 0 }
            return token.hasEscapes ? token.unescaped(in: body).count : token.range.count
        }
        return (time == nil ? 0 : 14) + bytes(source) + bytes(detailType) + bytes(detail)
            + resources.reduce(0) { $0 + bytes($1) }
    }
}
