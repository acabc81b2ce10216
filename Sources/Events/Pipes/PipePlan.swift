internal import API
internal import Core
internal import Patterns

/// A pipe's definition, checked and ready to run.
struct PipePlan: Sendable {
    enum Source: Sendable, Hashable {
        case queue(ARN)
        case bus(String)
    }

    enum Delivery: Sendable, Hashable {
        /// A function takes the whole batch.
        case batch(TargetAction)
        /// Anything else takes one record after the other; what it needs besides the ARN may depend on the record.
        case each(ARN, PipeTargetParameters)
        /// A command document, whose nodes are in the input: that is a request of `ssm:SendCommand`.
        case sendCommand(document: String)
    }

    let source: Source
    /// Records taken together at most.
    let batchMax: Int
    /// How long records are waited for once there is one.
    let window: Duration
    /// Nil where all records pass.
    let filter: PatternSnapshot?
    let enrichment: TargetAction?
    let enrichmentTemplate: PipeTemplate?
    let delivery: Delivery
    let targetTemplate: PipeTemplate?
    let log: PipeLog.Settings?

    /// - Parameter definition: Of the shape of `PipeOperations.definition`.
    /// - Throws: `ServiceError` `.validation` for what OpsBus has not, by name, and what cannot be.
    init(_ definition: JSON, account: Account) throws(ServiceError) {
        try PipePlan.refuseForeign(definition)
        let sourceParameters = definition["SourceParameters"]
        if let source = definition["Source"], source == definition["Target"] {
            throw ServiceError(.validation, "Source and Target are the same, \(source.text): nothing would ever leave.")
        }
        source = try PipePlan.source(definition["Source"]?.string ?? "", account)
        let queue = sourceParameters?["SqsQueueParameters"]
        batchMax = queue?["BatchSize"]?.int ?? 10
        window = .seconds(queue?["MaximumBatchingWindowInSeconds"]?.int ?? 0)
        if batchMax > 10, window == .zero, queue != nil {
            throw ServiceError(
                .validation, "A BatchSize of more than 10 needs MaximumBatchingWindowInSeconds of at least 1.")
        }
        filter = try PipePlan.filter(sourceParameters?["FilterCriteria"]?["Filters"]?.array ?? [])
        enrichment = try PipePlan.enrichment(definition, account)
        enrichmentTemplate = try PipePlan.template(
            definition["EnrichmentParameters"]?["InputTemplate"], "EnrichmentParameters")
        delivery = try PipePlan.delivery(definition, account)
        targetTemplate = try PipePlan.template(definition["TargetParameters"]?["InputTemplate"], "TargetParameters")
        log = try PipeLog.Settings(definition["LogConfiguration"])
    }

    /// Refuses what belongs to services that OpsBus has not, and names of headers that none can have.
    static func refuseForeign(_ definition: JSON) throws(ServiceError) {
        try refuse(
            definition["SourceParameters"], "SourceParameters", known: ["FilterCriteria", "SqsQueueParameters"])
        try refuse(
            definition["EnrichmentParameters"], "EnrichmentParameters", known: ["InputTemplate", "HttpParameters"])
        try refuse(
            definition["TargetParameters"], "TargetParameters",
            known: [
                "InputTemplate", "LambdaFunctionParameters", "SqsQueueParameters", "EventBridgeEventBusParameters",
                "CloudWatchLogsParameters", "HttpParameters",
            ])
        _ = try PipeLog.Settings(definition["LogConfiguration"])
        for place in ["EnrichmentParameters", "TargetParameters"] {
            try PipeFields.checkNames(definition[place]?["HttpParameters"], at: place)
        }
    }

    private static func refuse(_ members: JSON?, _ place: String, known: Set<String>) throws(ServiceError) {
        for member in members?.object?.members ?? [] where !member.value.isNull && !known.contains(member.key) {
            throw ServiceError(
                .validation,
                "\(place).\(member.key) is not supported; OpsBus knows \(known.sorted().joined(separator: ", ")) here.")
        }
    }

    private static func source(_ text: String, _ account: Account) throws(ServiceError) -> Source {
        if let arn = ARN(text).map(account.resolve) {
            if arn.service == "sqs", !arn.resource.contains(":") { return .queue(arn) }
            if arn.service == "events", let bus = arn.name(ofType: "event-bus") { return .bus(bus) }
        }
        throw ServiceError(
            .validation,
            "Source \(text) is not supported: a pipe takes from a queue (arn:aws:sqs:…:NAME) or from an event bus "
                + "(arn:aws:events:…:event-bus/NAME).")
    }

    private static func filter(_ filters: [JSON]) throws(ServiceError) -> PatternSnapshot? {
        if filters.isEmpty { return nil }
        let set = PatternSet()
        for (index, filter) in filters.enumerated() {
            do throws(PatternError) {
                set.add(try Pattern(parsing: filter["Pattern"]?.string ?? ""), for: UInt32(index))
            } catch {
                throw ServiceError(.validation, "Invalid filter pattern \(index + 1): \(error.description)")
            }
        }
        return set.snapshot
    }

    private static func enrichment(_ definition: JSON, _ account: Account) throws(ServiceError) -> TargetAction? {
        guard let text = definition["Enrichment"]?.string, !text.isEmpty else { return nil }
        let arn = ARN(text).map(account.resolve)
        guard let arn, arn.service == "lambda" || arn.name(ofType: "api-destination") != nil else {
            throw ServiceError(
                .validation,
                "Enrichment \(text) is not supported: functions (arn:aws:lambda:…:function:NAME) and API destinations "
                    + "(arn:aws:events:…:api-destination/NAME/ID) enrich.")
        }
        let http = DestinationParameters(json: definition["EnrichmentParameters"]?["HttpParameters"])
        return try TargetAction(arn, TargetParameters(http: http, waitsForAnswer: true), at: "Enrichment")
    }

    private static func delivery(_ definition: JSON, _ account: Account) throws(ServiceError) -> Delivery {
        let text = definition["Target"]?.string ?? ""
        guard let arn = ARN(text).map(account.resolve) else {
            throw ServiceError(.validation, "Target \(text) is no ARN.")
        }
        let parameters = definition["TargetParameters"]
        if arn.service == "ssm", let document = arn.name(ofType: "document") { return .sendCommand(document: document) }
        if arn.service == "lambda" {
            let isAsynchronous = parameters?["LambdaFunctionParameters"]?["InvocationType"] == "FIRE_AND_FORGET"
            return .batch(try TargetAction(arn, TargetParameters(waitsForAnswer: !isAsynchronous), at: "Target"))
        }
        let dynamic = try PipeTargetParameters(parameters)
        // What the parameters become for a record is not known yet; that the ARN can be called, is.
        let placeholder = TargetParameters(messageGroup: dynamic.messageGroup?.text, http: DestinationParameters())
        _ = try TargetAction(arn, placeholder, at: "Target")
        return .each(arn, dynamic)
    }

    private static func template(_ text: JSON?, _ place: String) throws(ServiceError) -> PipeTemplate? {
        guard let text = text?.string, !text.isEmpty else { return nil }
        do throws(TargetInputError) {
            return try PipeTemplate(parsing: text, at: place)
        } catch {
            throw ServiceError(.validation, error.message)
        }
    }

    /// Whether records are handed on together, in one call.
    var takesBatches: Bool {
        if case .batch = delivery { return true }
        return enrichment != nil
    }

    /// Whether any filter lets a record pass.
    func admits(_ record: PipeRecord) -> Bool {
        guard let filter else { return true }
        var matcher = Patterns.Matcher()
        // A record that the engine cannot read matches nothing.
        return (try? matcher.matches(record.parsed.bytes, with: filter).isEmpty == false) ?? false
    }
}
