internal import API
internal import Core

/// One entry of a PutEvents request, found in the request's bytes but not yet checked.
struct PutEventsEntry {
    var source: JSONCursor.StringToken?
    var detailType: JSONCursor.StringToken?
    var detail: JSONCursor.StringToken?
    var busName: JSONCursor.StringToken?
    var identifier: JSONCursor.StringToken?
    var traceHeader: JSONCursor.StringToken?
    var resources: [JSONCursor.StringToken] = []
    var time: Timestamp?
    /// Why the entry is refused whatever else it holds.
    var fault: String?
}

/// Finds the entries of a PutEvents request.
enum PutEventsReader {
    /// - Parameters:
    ///   - body: Validated JSON.
    ///   - ignoresUnknownMembers: Whether members that nobody knows are passed over, as at AWS; refused otherwise.
    ///   - take: Called with each entry in order.
    /// - Throws: `ServiceError` for what is wrong with the request as a whole: `.serialization` for a value of another
    ///   type, `.validation`.
    static func read(
        _ body: UnsafeRawBufferPointer, ignoresUnknownMembers: Bool, _ take: (PutEventsEntry) -> Void
    ) throws(ServiceError) {
        var cursor = JSONCursor(body)
        var fault: String?
        var sawEntries = false
        let isRead = cursor.members { cursor, key in
            switch text(cursor.slice(key.range)) {
            case "Entries":
                if cursor.null() { return true }
                sawEntries = true
                return cursor.elements { cursor in
                    guard let entry = readEntry(&cursor, ignoresUnknownMembers, &fault) else { return false }
                    take(entry)
                    return true
                }
            case "EndpointId":
                if cursor.null() { return true }
                var endpoint: JSONCursor.StringToken?
                guard readString(&cursor, &endpoint) else { return false }
                fault = "EndpointId names a global endpoint of two regions, and there are none here; leave it out."
                return false
            case _ where ignoresUnknownMembers: return cursor.skipValue()
            case let other:
                fault = "Unknown member '\(other)'; a PutEvents request has Entries."
                return false
            }
        }
        if let fault { throw ServiceError(.validation, fault) }
        if !isRead {
            throw ServiceError(
                .serialization,
                "The request must be an object with Entries, a list of objects whose members are texts; Resources is a "
                    + "list of texts, and Time may be a number.")
        }
        if !sawEntries {
            throw ServiceError(
                .validation,
                "1 validation error detected: Value null at 'entries' failed to satisfy constraint: Member must not be "
                    + "null")
        }
    }

    private static func readEntry(
        _ cursor: inout JSONCursor, _ ignoresUnknownMembers: Bool, _ fault: inout String?
    ) -> PutEventsEntry? {
        var entry = PutEventsEntry()
        var problem: String?
        let isRead = cursor.members { cursor, key in
            // Told apart by length first: the names are few and this runs for every event.
            switch key.range.count {
            case 6 where cursor.isText(key, "Source"): return readString(&cursor, &entry.source)
            case 6 where cursor.isText(key, "Detail"): return readString(&cursor, &entry.detail)
            case 10 where cursor.isText(key, "DetailType"): return readString(&cursor, &entry.detailType)
            case 12 where cursor.isText(key, "EventBusName"): return readString(&cursor, &entry.busName)
            case 13 where cursor.isText(key, "OpsBusEventId"): return readString(&cursor, &entry.identifier)
            case 11 where cursor.isText(key, "TraceHeader"): return readString(&cursor, &entry.traceHeader)
            case 9 where cursor.isText(key, "Resources"):
                if cursor.null() { return true }
                return cursor.elements { cursor in
                    guard let resource = cursor.string() else { return false }
                    entry.resources.append(resource)
                    return true
                }
            case 4 where cursor.isText(key, "Time"): return readTime(&cursor, &entry)
            case _ where ignoresUnknownMembers: return cursor.skipValue()
            default:
                problem = "Unknown member '\(text(cursor.slice(key.range)))' in an entry of PutEvents."
                return false
            }
        }
        if isRead { return entry }
        fault = problem
        return nil
    }

    private static func readString(_ cursor: inout JSONCursor, _ token: inout JSONCursor.StringToken?) -> Bool {
        if cursor.null() { return true }
        token = cursor.string()
        return token != nil
    }

    private static let yearZero: Int64 = -62_167_219_200
    private static let yearTenThousand: Int64 = 253_402_300_800

    /// RFC 3339 text, or seconds since 1970 as AWS clients send them.
    private static func readTime(_ cursor: inout JSONCursor, _ entry: inout PutEventsEntry) -> Bool {
        if cursor.null() { return true }
        if let number = cursor.number() {
            entry.time = JSON.number(JSONNumber(uncheckedText: text(cursor.slice(number)))).timestamp
        } else if let token = cursor.string() {
            entry.time = Timestamp(rfc3339: text(cursor.slice(token.range)))
        } else {
            return false
        }
        // An event's time is RFC 3339, which has no other years.
        if entry.time.map({ !(yearZero..<yearTenThousand).contains($0.seconds) }) ?? true {
            entry.fault = "Parameter Time is not valid. Reason: Time must be RFC 3339 text or seconds since 1970."
        }
        return true
    }

    static func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
}
