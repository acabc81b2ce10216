internal import API
internal import Core

/// One step on the way of an event, as the log of its bus tells it.
/// - Source: EventBridge user guide, "Event bus log schema".
struct BusLogRecord: Sendable {
    enum Step: String, Sendable, CaseIterable {
        case eventReceipt = "EVENT_RECEIPT"
        case ingestSuccess = "EVENT_INGEST_SUCCESS"
        case ingestFailure = "EVENT_INGEST_FAILURE"
        case ruleMatchStart = "RULE_MATCH_START"
        case ruleMatch = "RULE_MATCH"
        case noRuleMatched = "NO_STANDARD_RULES_MATCHED"
        case invocationStart = "INVOCATION_START"
        case throttleStart = "INVOCATION_THROTTLE_START"
        case attemptStart = "INVOCATION_ATTEMPT_START"
        case attemptSuccess = "INVOCATION_ATTEMPT_SUCCESS"
        case attemptRetryableFailure = "INVOCATION_ATTEMPT_RETRYABLE_FAILURE"
        case attemptPermanentFailure = "INVOCATION_ATTEMPT_PERMANENT_FAILURE"
        case attemptThrottle = "INVOCATION_ATTEMPT_THROTTLE"
        case invocationSuccess = "INVOCATION_SUCCESS"
        case invocationFailure = "INVOCATION_FAILURE"
        case deadLetter = "INVOCATION_DLQ"
        /// An addition: where records are missing, and how many.
        case recordsDropped = "OPSBUS_RECORDS_DROPPED"

        /// The least level of a log that holds it.
        var level: LogLevel {
            switch self {
            case .eventReceipt, .ruleMatchStart, .attemptStart, .attemptSuccess: .trace
            case .ingestSuccess, .ruleMatch, .noRuleMatched, .invocationStart, .throttleStart, .invocationSuccess: .info
            case .ingestFailure, .attemptRetryableFailure, .attemptPermanentFailure, .attemptThrottle,
                .invocationFailure, .deadLetter, .recordsDropped:
                .error
            }
        }
    }

    enum Details: Sendable {
        /// Of the event itself, whose envelope is parsed when the record is written.
        case event([UInt8])
        case members(JSON)
    }

    /// Why a step failed.
    struct Failure: Sendable {
        let message: String
        /// Who refused: the service in a target's ARN.
        let service: String
        var status: Int?
    }

    var step: Step
    var time: Timestamp
    /// Nil for an event that was refused before it had one.
    var event: Identifier?
    /// The delivery's; nil for steps before there is one.
    var invocation: Identifier?
    var details = Details.members([:])
    var failure: Failure?
    var bus = ""
    /// Whether the log wants what events hold and targets get.
    var includesDetail = false

    /// What it may cost to keep, in bytes.
    var weight: Int {
        switch details {
        case .event(let payload): 512 + payload.count
        case .members(let json): 512 + BusLogRecord.dataMembers.reduce(0) { $0 + (json[$1]?.string?.utf8.count ?? 0) }
        }
    }

    /// What one record may be in a log group; the service's own limit is a megabyte.
    static let bytesMax = 256 << 10

    /// What only a log with detail holds, in the order in which it is cut where a record would be too large.
    private static let dataMembers = ["event_detail", "target_input", "target_properties", "target_response_body"]

    /// The line in the log group.
    func text(in account: Account) -> String {
        var line: JSON = [
            "resource_arn": .string(account.arn("events", "event-bus/\(bus)").description),
            "message_timestamp_ms": .integer(time.microseconds / 1000), "event_bus_name": .string(bus),
        ]
        line["event_id"] = event.map { .string($0.description) }
        line["invocation_id"] = invocation.map { .string($0.description) }
        line["message_type"] = .string(step.rawValue)
        line["log_level"] = .string(step.level.rawValue)
        line["details"] = members
        if let failure {
            var error: JSON = ["error_message": .string(failure.message), "aws_service": .string(failure.service)]
            error["http_status_code"] = failure.status.map { .integer($0) }
            line["error"] = error
        }
        return BusLogRecord.fitted(line)
    }

    private var members: JSON {
        var members: JSON
        switch details {
        case .event(let payload): members = BusLogRecord.members(of: (try? JSON(parsing: payload)) ?? [:])
        case .members(let json): members = json
        }
        if !includesDetail { for member in BusLogRecord.dataMembers { members[member] = nil } }
        return members
    }

    private static func members(of event: JSON) -> JSON {
        var members: JSON = ["caller_account_id": event["account"] ?? .null]
        members["source_time_ms"] = event["time"]?.string.flatMap { Timestamp(rfc3339: $0) }.map {
            .integer($0.microseconds / 1000)
        }
        members["source"] = event["source"]
        members["detail_type"] = event["detail-type"]
        members["resources"] = event["resources"]
        members["event_detail"] = event["detail"].map { .string($0.text) }
        return members
    }

    /// A line that is not too long: what was cut is named in `dropped_fields`.
    private static func fitted(_ line: JSON) -> String {
        var line = line
        var text = line.text
        var dropped: [JSON] = []
        for member in dataMembers + ["resources"] where text.utf8.count > bytesMax {
            guard let value = line["details"]?[member] else { continue }
            dropped.append(.string(member))
            line["dropped_fields"] = .array(dropped)
            // Undoing escapes only makes text shorter: as many bytes less of it are at least as many less of the line.
            let excess = line.text.utf8.count - bytesMax
            line["details"]?[member] = value.string.map { .string(prefix(of: $0, bytes: $0.utf8.count - excess)) } ?? []
            text = line.text
        }
        return text
    }

    private static func prefix(of text: String, bytes: Int) -> String {
        var end = max(0, bytes)
        while end > 0 {
            if let prefix = String(text.utf8.prefix(end)) { return prefix }
            end -= 1
        }
        return ""
    }
}
