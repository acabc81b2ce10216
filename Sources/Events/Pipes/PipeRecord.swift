internal import Core

/// One message on its way through a pipe.
struct PipeRecord: Sendable, Hashable {
    /// As the source knows it: a message's id, an event's id.
    let identifier: String
    /// How often it was taken from the source, this time included.
    let receives: Int
    /// What stays in order among each other; nil where nothing does.
    let group: String?
    /// As the service hands it on.
    let json: JSON
    /// What the source needs to be told that it is done with.
    let receipt: String
    /// How many rules and pipes it has passed through.
    var hops = 0

    /// For patterns and templates: a body that is JSON text is what it says.
    var parsed: JSON {
        guard let text = json["body"]?.string, let body = try? JSON(parsing: text) else { return json }
        var parsed = json
        parsed["body"] = body
        return parsed
    }
}
