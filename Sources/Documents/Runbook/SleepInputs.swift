internal import Core

/// The inputs of `aws:sleep`: for how long, or until when.
struct SleepInputs {
    /// - Source: Systems Manager user guide, "aws:sleep".
    static let secondsMax: Int64 = 604_799

    private enum Goal {
        case duration(Duration)
        case time(Timestamp)
    }

    private let goal: Goal

    init(_ inputs: JSON) throws(DocumentError) {
        if let value = inputs["Duration"] {
            guard let duration = value.string.flatMap({ Duration(iso8601: $0) }) else {
                throw DocumentError(.type, "Duration must be an ISO 8601 duration such as PT10M, not \(value.text)")
            }
            goal = .duration(duration)
        } else if let value = inputs["Timestamp"] {
            guard let time = value.string.flatMap({ Timestamp(rfc3339: $0) }) else {
                throw DocumentError(
                    .type, "Timestamp must be an ISO 8601 time such as 2026-02-03T04:05:06Z, not \(value.text)")
            }
            goal = .time(time)
        } else {
            throw DocumentError(.content, "aws:sleep needs Duration or Timestamp")
        }
    }

    /// When the sleep is over; not after `now` for a time that has passed.
    func end(from now: Timestamp) throws(DocumentError) -> Timestamp {
        let end =
            switch goal {
            case .duration(let duration): now + duration
            case .time(let time): time
            }
        guard end <= now + .seconds(Self.secondsMax) else {
            throw DocumentError(.type, "aws:sleep can take \(Self.secondsMax) seconds at most")
        }
        return end
    }
}
