internal import API
internal import Core

/// What a pipe's target needs besides its ARN; each may be a path into the record.
struct PipeTargetParameters: Sendable, Hashable {
    /// Text, or the place in the record where it is.
    struct Value: Sendable, Hashable {
        let text: String
        private let path: JSONPath?

        /// - Throws: `ServiceError` `.validation` for a path that is none.
        init?(_ json: JSON?, _ place: String) throws(ServiceError) {
            guard let text = json?.string, !text.isEmpty else { return nil }
            self.text = text
            guard text.hasPrefix("$") else {
                path = nil
                return
            }
            do {
                path = try JSONPath(parsing: text)
            } catch {
                throw ServiceError(.validation, "TargetParameters.\(place): \(text): \(error)")
            }
        }

        /// - Throws: `TargetFailure` where the record has nothing there.
        func value(in record: JSON) throws(TargetFailure) -> String {
            guard let path else { return text }
            guard let value = path.values(in: record), !value.isNull else {
                throw TargetFailure(code: "INVALID_PARAMETER", message: "The record has no \(path).")
            }
            return value.string ?? value.text
        }
    }

    let messageGroup: Value?
    let messageDeduplication: Value?
    let detailType: Value?
    let source: Value?
    let resources: [Value]
    let time: Value?
    let logStream: Value?
    let logTime: Value?
    private let http: DestinationParameters

    /// - Throws: `ServiceError` `.validation`.
    init(_ json: JSON?) throws(ServiceError) {
        let bus = json?["EventBridgeEventBusParameters"]
        let logs = json?["CloudWatchLogsParameters"]
        if let endpoint = bus?["EndpointId"], !endpoint.isNull {
            throw ServiceError(
                .validation,
                "EventBridgeEventBusParameters.EndpointId is not supported: OpsBus has no global endpoints.")
        }
        messageGroup = try Value(json?["SqsQueueParameters"]?["MessageGroupId"], "SqsQueueParameters.MessageGroupId")
        messageDeduplication = try Value(
            json?["SqsQueueParameters"]?["MessageDeduplicationId"], "SqsQueueParameters.MessageDeduplicationId")
        detailType = try Value(bus?["DetailType"], "EventBridgeEventBusParameters.DetailType")
        source = try Value(bus?["Source"], "EventBridgeEventBusParameters.Source")
        var resources: [Value] = []
        for resource in bus?["Resources"]?.array ?? [] {
            if let value = try Value(resource, "EventBridgeEventBusParameters.Resources") { resources.append(value) }
        }
        self.resources = resources
        time = try Value(bus?["Time"], "EventBridgeEventBusParameters.Time")
        logStream = try Value(logs?["LogStreamName"], "CloudWatchLogsParameters.LogStreamName")
        http = DestinationParameters(json: json?["HttpParameters"])
        logTime = try Value(logs?["Timestamp"], "CloudWatchLogsParameters.Timestamp")
    }

    /// The time of a log line: what the record says in RFC 3339 or in milliseconds since 1970; nil where nothing is to
    /// say.
    /// - Throws: `TargetFailure` for a path that leads to something else.
    func logTime(of record: JSON) throws(TargetFailure) -> Timestamp? {
        guard let text = try logTime?.value(in: record) else { return nil }
        if let milliseconds = Int64(text) { return Timestamp(seconds: 0) + .milliseconds(milliseconds) }
        guard let time = Timestamp(rfc3339: text) else {
            throw TargetFailure(
                code: "INVALID_PARAMETER", message: "CloudWatchLogsParameters.Timestamp: \(text) is no time.")
        }
        return time
    }

    /// The parameters for one record. An event says where it comes from, unless it is said otherwise.
    /// - Throws: `TargetFailure` for a path that leads nowhere.
    func resolved(for record: JSON, of pipe: Pipe, toBus: Bool) throws(TargetFailure) -> TargetParameters {
        var parameters = TargetParameters()
        parameters.messageGroup = try messageGroup?.value(in: record)
        parameters.logStream = try logStream?.value(in: record)
        parameters.http = http.filled(from: record)
        guard toBus else { return parameters }
        let service = ARN(pipe.source)?.service ?? "sqs"
        var envelope = TargetParameters.Envelope(
            source: try source?.value(in: record) ?? "Pipe \(pipe.name)",
            detailType: try detailType?.value(in: record) ?? "Event from aws:\(service)")
        for resource in resources { envelope.resources.append(try resource.value(in: record)) }
        envelope.time = try time?.value(in: record)
        parameters.envelope = envelope
        return parameters
    }
}
