internal import API
internal import Core

/// What one execution of a pipe has to say to the pipe's log group.
/// - Source: EventBridge user guide, "Logging EventBridge Pipes".
struct PipeLog: Sendable {
    struct Settings: Sendable, Hashable {
        let group: String
        let level: LogLevel
        /// Whether payloads are told as well.
        let includesData: Bool

        /// - Parameter json: `LogConfiguration`; nil where nothing is logged.
        /// - Throws: `ServiceError` `.validation` for destinations that OpsBus has not.
        init?(_ json: JSON?) throws(ServiceError) {
            for (member, service) in [("S3LogDestination", "S3"), ("FirehoseLogDestination", "Firehose")] {
                if let destination = json?[member], !destination.isNull {
                    throw ServiceError(
                        .validation, "LogConfiguration.\(member) is not supported: OpsBus has no \(service).")
                }
            }
            guard let json, let level = json["Level"]?.string.flatMap(LogLevel.init), level != .off,
                let arn = json["CloudwatchLogsLogDestination"]?["LogGroupArn"]?.string.flatMap({ ARN($0) }),
                let group = arn.name(ofType: "log-group")
            else { return nil }
            self.group = group.hasSuffix(":*") ? String(group.dropLast(2)) : group
            self.level = level
            includesData = json["IncludeExecutionData"]?.array?.contains("ALL") ?? false
        }
    }

    let settings: Settings?
    /// Members of every line.
    let common: JSON
    private(set) var lines: [(time: Timestamp, line: JSON)] = []

    init(_ settings: Settings?, resource: String, execution: Identifier) {
        self.settings = settings
        common = ["resourceArn": .string(resource), "executionId": .string(execution.description)]
    }

    /// - Parameter data: The payload that the step is about, told where the pipe asks for it.
    mutating func add(
        _ type: String, _ level: LogLevel, at time: Timestamp, data: @autoclosure () -> String? = nil,
        failure: TargetFailure? = nil
    ) {
        guard let settings, level <= settings.level else { return }
        var line = common
        line["timestamp"] = .integer(time.microseconds / 1000)
        line["messageType"] = .string(type)
        line["logLevel"] = .string(level.rawValue)
        if settings.includesData { line["payload"] = data().map { .string($0) } }
        line["error"] = failure.map { ["code": .string($0.code), "message": .string($0.message)] }
        lines.append((time, line))
    }

    /// The input of `logs:PutLogEvents`; nil where there is nothing to tell.
    func request(stream: String) -> JSON? {
        guard let settings, !lines.isEmpty else { return nil }
        return [
            "logGroupName": .string(settings.group), "logStreamName": .string(stream),
            "logEvents": .array(
                lines.map { line in
                    [
                        "timestamp": .integer(line.time.microseconds / 1000), "message": .string(line.line.text),
                    ]
                }),
            "OpsBusToken": common["executionId"] ?? .null,
        ]
    }
}
