internal import API
internal import Core

/// Turns a CloudEvent into an entry of PutEvents.
/// - Source: CloudEvents 1.0, JSON format; our mapping keeps every attribute where a pattern can reach it.
enum CloudEvent {
    /// Attributes that have a place of their own in the entry.
    private static let mapped: Set<String> = [
        "specversion", "id", "source", "type", "time", "subject", "data", "data_base64", "datacontenttype", "resources",
    ]

    /// - Throws: `ServiceError` `.validation` naming the attribute.
    static func entry(_ event: JSON, bus: String?) throws(ServiceError) -> JSON {
        guard let object = event.object else { throw invalid("a CloudEvent must be an object") }
        guard event["specversion"]?.string == "1.0" else {
            throw invalid("specversion must be \"1.0\", found \(event["specversion"]?.text ?? "none")")
        }
        let identifier = try required("id", of: event)
        let source = try required("source", of: event)
        var kept: JSON = [:]
        for member in object where !mapped.contains(member.key) && !member.value.isNull {
            guard member.key.utf8.allSatisfy(isNameByte) else {
                throw invalid("'\(member.key)' is no name: attributes have lower-case letters and digits of ASCII")
            }
            kept[member.key] = member.value
        }
        var detail = try self.detail(event)
        if Identifier(identifier) == nil { kept["id"] = .string(identifier) }
        if kept.object?.isEmpty == false {
            guard detail["$ce"] == nil else { throw invalid("data has a member $ce, where attributes are kept") }
            detail["$ce"] = kept
        }
        var entry: JSON = [
            "Source": .string(source), "DetailType": .string(try required("type", of: event)),
            "Detail": .string(detail.text),
            // Source and id together name a CloudEvent; a repetition is recognised by them.
            "OpsBusEventId": .string(
                Identifier(identifier)?.description ?? TargetCall.token(of: "\(source)\n\(identifier)").description),
        ]
        entry["Time"] = event["time"]
        entry["EventBusName"] = bus.map { .string($0) }
        entry["Resources"] = try resources(event)
        return entry
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func required(_ name: String, of event: JSON) throws(ServiceError) -> String {
        guard let text = try optional(name, of: event) else { throw invalid("\(name) is required") }
        return text
    }

    /// Nil for an attribute that is not there, as one that is null.
    private static func optional(_ name: String, of event: JSON) throws(ServiceError) -> String? {
        guard let value = event[name], !value.isNull else { return nil }
        guard let text = value.string, !text.isEmpty else { throw invalid("\(name) must be a text that is not empty") }
        return text
    }

    private static func detail(_ event: JSON) throws(ServiceError) -> JSON {
        let data = event["data"].flatMap { $0.isNull ? JSON?.none : $0 }
        guard let base64 = try optional("data_base64", of: event) else {
            guard let data else { return [:] }
            return data.object == nil ? ["data": data] : data
        }
        if data != nil { throw invalid("data and data_base64 exclude each other") }
        if Base64.decode(base64) == nil { throw invalid("data_base64 is not base64") }
        var detail: JSON = ["data_base64": .string(base64)]
        detail["datacontenttype"] = try optional("datacontenttype", of: event).map { .string($0) }
        return detail
    }

    private static func resources(_ event: JSON) throws(ServiceError) -> JSON? {
        let subject = try optional("subject", of: event)
        guard let text = try optional("resources", of: event) else { return subject.map { [.string($0)] } }
        guard let list = try? JSON(parsing: text), list.array?.allSatisfy({ $0.string != nil }) == true else {
            throw invalid("resources must be the JSON text of a list of texts")
        }
        return list
    }

    private static func invalid(_ reason: String) -> ServiceError {
        ServiceError(.validation, "The CloudEvent is not valid: \(reason).")
    }
}
