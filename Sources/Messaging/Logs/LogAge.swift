internal import API
internal import Core

/// Which of some lines are neither too old nor too far in the future to be taken.
struct LogAge: Sendable {
    private static let oldestMilliseconds = 14 * dayMilliseconds
    private static let newestMilliseconds = 2 * 3_600_000
    private static let dayMilliseconds = 86_400_000

    let range: Range<Int>
    private let count: Int
    /// How many of those before the range are only older than their group keeps lines.
    private let expired: Int

    /// Takes all.
    init(all count: Int) {
        range = 0..<count
        self.count = count
        expired = 0
    }

    /// - Parameters:
    ///   - times: In milliseconds, rising.
    ///   - retentionDays: How long the group keeps lines; nil for as long as it can.
    /// - Throws: `ServiceError` `.invalidParameterException` where those taken are too far apart.
    init(_ times: [Int], now: Timestamp, retentionDays: Int?) throws(ServiceError) {
        let now = LogStore.milliseconds(now)
        func first(from time: Int) -> Int { times.firstIndex { $0 >= time } ?? times.count }
        let young = first(from: now - LogAge.oldestMilliseconds)
        let kept = retentionDays.map { first(from: now - $0 * LogAge.dayMilliseconds) } ?? 0
        let start = max(young, kept)
        range = start..<max(start, first(from: now + LogAge.newestMilliseconds + 1))
        expired = start - young
        count = times.count
        let taken = times[range]
        if let first = taken.first, let last = taken.last, last - first > LogAge.dayMilliseconds {
            throw ServiceError(
                .invalidParameterException,
                "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
        }
    }

    /// What is told of those not taken; nil where all are.
    var rejected: JSON? {
        var json: JSON = [:]
        // The index of the last one that is too old, and of the first that is too new.
        let tooOld = range.lowerBound - expired
        if tooOld > 0 { json["tooOldLogEventEndIndex"] = .integer(tooOld - 1) }
        if expired > 0 { json["expiredLogEventEndIndex"] = .integer(range.lowerBound - 1) }
        if range.upperBound < count { json["tooNewLogEventStartIndex"] = .integer(range.upperBound) }
        // Without the type it would be a JSON null.
        return json == [:] ? JSON?.none : json
    }
}
