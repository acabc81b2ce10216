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
        func attribute(_ name: String) throws(ServiceError) -> String {
            guard let value = event[name]?.string, !value.isEmpty else {
                throw invalid("\(name) is required and must be a text that is not empty")
            }
            return value
        }
        let identifier = try attribute("id")
        let source = try attribute("source")
        var kept: JSON = [:]
        for member in object where !mapped.contains(member.key) { kept[member.key] = member.value }
        var detail = try self.detail(event)
        if Identifier(identifier) == nil { kept["id"] = .string(identifier) }
        if kept.object?.isEmpty == false { detail["$ce"] = kept }
        var entry: JSON = [
            "Source": .string(source), "DetailType": .string(try attribute("type")), "Detail": .string(detail.text),
            // Source and id together name a CloudEvent; a repetition is recognised by them.
            "OpsBusEventId": .string(
                Identifier(identifier)?.description ?? TargetCall.token(of: "\(source)\n\(identifier)").description),
        ]
        entry["Time"] = event["time"]
        entry["EventBusName"] = bus.map { .string($0) }
        entry["Resources"] = try resources(event)
        return entry
    }

    private static func detail(_ event: JSON) throws(ServiceError) -> JSON {
        if event["data"] != nil && event["data_base64"] != nil {
            throw invalid("data and data_base64 exclude each other")
        }
        if let base64 = event["data_base64"] {
            var detail: JSON = ["data_base64": base64]
            detail["datacontenttype"] = event["datacontenttype"]
            return detail
        }
        guard let data = event["data"], !data.isNull else { return [:] }
        return data.object == nil ? ["data": data] : data
    }

    private static func resources(_ event: JSON) throws(ServiceError) -> JSON? {
        if let text = event["resources"]?.string {
            guard let list = try? JSON(parsing: text), list.array?.allSatisfy({ $0.string != nil }) == true else {
                throw invalid("resources must be the JSON text of a list of texts")
            }
            return list
        }
        return event["subject"].map { [$0] }
    }

    private static func invalid(_ reason: String) -> ServiceError {
        ServiceError(.validation, "The CloudEvent is not valid: \(reason).")
    }
}
