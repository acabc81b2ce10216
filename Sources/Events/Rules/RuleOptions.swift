public import API
public import Core

/// What OpsBus offers for a rule beyond the EventBridge API: `Options` of `PutRule` and of rule files.
public struct RuleOptions: Sendable, Hashable {
    /// Deliveries of the rule attempted at a time; the others wait.
    public var concurrencyMax: Int?
    /// Deliveries of the rule begun in a second; the others wait for their turn.
    public var eventsPerSecondMax: Int?
    /// How long an event keeps later ones of the same key from matching.
    public var deduplicationWindow: Duration?
    /// Where an event has its key; nil for source, detail-type and detail together.
    public var deduplicationKey: JSONPath?

    /// As `PutRule` takes them.
    public static let fields: [Field] = [
        .optional("MaximumConcurrency", .integer(1...Limits.deliveriesInFlightMax)),
        .optional("MaximumEventsPerSecond", .integer(1...100_000)),
        .optional("DeduplicationWindowInSeconds", .integer(1...Limits.ruleDeduplicationSecondsMax)),
        .optional("DeduplicationKey", .string(length: 1...Limits.inputPathCharactersMax)),
    ]

    public init() {}

    /// - Parameter json: An object; nil for no options.
    /// - Throws: `ServiceError` `.validation` naming the member.
    public init(json: JSON?) throws(ServiceError) {
        guard let json, !json.isNull else { return }
        try Shape.structure(RuleOptions.fields).validate(json, at: "options")
        concurrencyMax = json["MaximumConcurrency"]?.int
        eventsPerSecondMax = json["MaximumEventsPerSecond"]?.int
        deduplicationWindow = json["DeduplicationWindowInSeconds"]?.int.map { .seconds($0) }
        guard let text = json["DeduplicationKey"]?.string else { return }
        guard deduplicationWindow != nil else {
            throw ServiceError(.validation, "Options: DeduplicationKey needs DeduplicationWindowInSeconds.")
        }
        do throws(TargetInputError) {
            deduplicationKey = try TargetInput.path(text, "Options: DeduplicationKey")
        } catch {
            throw ServiceError(.validation, error.message)
        }
    }

    /// Nil where there are none.
    public var json: JSON? {
        var json: JSON = [:]
        json["MaximumConcurrency"] = concurrencyMax.map { .integer($0) }
        json["MaximumEventsPerSecond"] = eventsPerSecondMax.map { .integer($0) }
        json["DeduplicationWindowInSeconds"] = deduplicationWindow.map { .integer($0.components.seconds) }
        json["DeduplicationKey"] = deduplicationKey.map { .string($0.text) }
        return json.object?.isEmpty == true ? JSON?.none : json
    }
}
