internal import Core

/// Which of some lines are neither too old nor too far in the future to be taken.
struct LogAge: Sendable {
    private static let oldestMilliseconds = 14 * 86_400_000
    private static let newestMilliseconds = 2 * 3_600_000

    let range: Range<Int>
    private let count: Int

    /// Takes all.
    init(all count: Int) {
        range = 0..<count
        self.count = count
    }

    /// - Parameter times: In milliseconds, rising.
    init(_ times: [Int], now: Timestamp) {
        let now = LogStore.milliseconds(now)
        let first = times.firstIndex { $0 >= now - LogAge.oldestMilliseconds } ?? times.count
        let end = times.firstIndex { $0 > now + LogAge.newestMilliseconds } ?? times.count
        range = first..<max(first, end)
        count = times.count
    }

    /// What is told of those not taken; nil where all are.
    var rejected: JSON? {
        var json: JSON = [:]
        // The index of the last one that is too old, and of the first that is too new.
        if range.lowerBound > 0 { json["tooOldLogEventEndIndex"] = .integer(range.lowerBound - 1) }
        if range.upperBound < count { json["tooNewLogEventStartIndex"] = .integer(range.upperBound) }
        // Without the type it would be a JSON null.
        return json == [:] ? JSON?.none : json
    }
}
