internal import API
internal import Core

/// What a target adds to the requests to its API destination: `HttpParameters` of `PutTargets`.
struct DestinationParameters: Sendable, Hashable {
    /// For the `*` of the destination's URL, in order.
    var path: [String] = []
    var headers: [HTTPField] = []
    var query: [HTTPField] = []

    init() {}

    /// - Parameter json: Of the shape of the API; nil for none.
    init(json: JSON?) {
        path = (json?["PathParameterValues"]?.array ?? []).compactMap(\.string)
        headers = DestinationParameters.fields(json?["HeaderParameters"])
        query = DestinationParameters.fields(json?["QueryStringParameters"])
    }

    private static func fields(_ json: JSON?) -> [HTTPField] {
        (json?.object ?? JSONObject()).map { HTTPField($0.key, $0.value.string ?? $0.value.text) }
    }

    /// The parameters with those values filled in that are a whole path into the event, such as `$.detail.id`. A path
    /// that leads nowhere is empty.
    func filled(from event: JSON) -> DestinationParameters {
        func fill(_ text: String) -> String {
            guard text.hasPrefix("$"), let path = try? JSONPath(parsing: text) else { return text }
            return path.values(in: event).map { $0.string ?? $0.text } ?? ""
        }
        var filled = self
        filled.path = path.map(fill)
        filled.headers = headers.map { HTTPField($0.name, fill($0.value)) }
        filled.query = query.map { HTTPField($0.name, fill($0.value)) }
        return filled
    }
}

extension TargetAction {
    /// The action with what the event itself decides about it.
    func filled(from event: JSON) -> TargetAction {
        guard case .request(let destination, let parameters) = self else { return self }
        return .request(destination: destination, parameters.filled(from: event))
    }
}
