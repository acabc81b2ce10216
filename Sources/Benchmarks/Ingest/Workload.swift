internal import Core

/// What is published: requests made once, used over and over.
struct Workload {
    let detailBytes: Int
    let batch: Int
    let requests: [ConstantBytes]
    /// Of one entry of a request.
    let entryBytes: Int

    /// Different events; one of them matches one rule.
    static let eventCount = 1000

    init(detailBytes: Int, batch: Int) {
        self.detailBytes = detailBytes
        self.batch = batch
        let entries = (0..<Workload.eventCount).map { Workload.entry($0, detailBytes) }
        entryBytes = entries[0].utf8.count
        requests = stride(from: 0, to: entries.count, by: batch).map { start in
            let list = entries[start..<min(start + batch, entries.count)].joined(separator: ",")
            return ConstantBytes(Array("{\"Entries\":[\(list)]}".utf8))
        }
    }

    /// A check's report, as an operations team's publisher would send it.
    private static func entry(_ number: Int, _ detailBytes: Int) -> String {
        let host = "host-\(number % 100)-a"
        func detail(_ message: String) -> JSON {
            [
                "host": .string(host), "check": "disk-usage", "status": number == 500 ? "failed" : "passed",
                "percent": .integer(number % 90), "interval": 60, "labels": ["team": "storage", "tier": "gold"],
                "message": .string(message),
            ]
        }
        let missing = max(0, detailBytes - detail("").text.utf8.count)
        let sentence = Array("the file system is within its limits; ".utf8)
        let message = String(decoding: (0..<missing).map { sentence[$0 % sentence.count] }, as: UTF8.self)
        let entry: JSON = [
            "Source": "bench.load", "DetailType": "Check Reported", "Detail": .string(detail(message).text),
        ]
        return entry.text
    }

    /// Rules that look at several fields of every event; the event that fails matches the first alone.
    static func rules(_ count: Int) -> [(name: String, pattern: JSON)] {
        (0..<count).map { number in
            let host: JSON = ["prefix": .string("host-\(number)-")]
            let status: JSON = number % 2 == 0 ? "failed" : ["anything-but": ["passed", "skipped"]]
            let detail: JSON = [
                "host": [host], "status": [status], "percent": [["numeric": [">=", 0, "<", 100]]],
                "labels": ["team": ["storage", "network"]],
            ]
            return ("load-\(number)", ["source": ["bench.load"], "detail": detail])
        }
    }
}
