internal import CBenchmarks
internal import Core
internal import Patterns

/// Generated events of about 540 bytes against 1 to 100,000 rules of one family; event k matches rule k alone.
struct ScaleBenchmark {
    private static let states = [
        "pending", "running", "stopping", "stopped", "failed", "succeeded", "queued", "expired",
    ]
    private static let extensions = ["png", "jpg", "json", "csv", "parquet", "log"]
    private static let regions = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2"]
    private static let message =
        "the quick brown fox jumps over the lazy dog while the slow green turtle waits under the old oak tree by the "
        + "river bank"

    private static let families = [
        "exact", "prefix", "suffix", "numeric", "anythingbut", "wildcard", "wildcard2", "mixed", "mixedq",
    ]

    let largest: Int
    let passes: Int

    func run(only: String?, _ results: inout Results) throws {
        let (events, keys) = ScaleBenchmark.events()
        for family in Self.families where only == nil || only == family {
            for count in [1, 10, 100, 1000, 10_000, 100_000] where count <= largest {
                try measure(family, count, events, keys, &results)
            }
        }
    }

    private func measure(
        _ family: String, _ count: Int, _ events: [[UInt8]], _ keys: [Int], _ results: inout Results
    ) throws {
        let texts = (0..<count).map { Array(ScaleBenchmark.rule(family, $0).utf8) }
        let parseStart = processorSeconds()
        let patterns = try texts.enumerated().map { index, text in
            (pattern: try Pattern(parsing: text), rule: UInt32(index))
        }
        let parseSeconds = processorSeconds() - parseStart
        let liveBefore = bench_live_bytes()
        let start = processorSeconds()
        let set = PatternSet(patterns)
        let seconds = processorSeconds() - start
        let bytes = (Double(bench_live_bytes()) - Double(liveBefore)) / Double(count)
        withExtendedLifetime(patterns) {}
        let snapshot = set.snapshot
        var matcher = Matcher()
        var samples: [Double] = []
        let rounds = 200
        for pass in 0...passes {
            var matches = 0
            let start = processorSeconds()
            for _ in 0..<rounds {
                for event in events {
                    try event.withUnsafeBytes {
                        try matcher.match($0, with: snapshot, validated: true) { _ in matches += 1 }
                    }
                }
            }
            let seconds = processorSeconds() - start
            let expected = keys.count { $0 < count } * rounds
            if matches != expected {
                throw BenchmarkError(description: "\(family) \(count): \(matches) matches, should be \(expected)")
            }
            if pass > 0 { samples.append(seconds / Double(rounds * events.count) * 1e6) }
        }
        results.add(Measurement(name: "scale \(family) \(count)", unit: "us/event", samples: samples))
        if count >= 10_000 {
            results.add(Measurement(name: "scale \(family) \(count) parse", unit: "s", samples: [parseSeconds]))
            results.add(Measurement(name: "scale \(family) \(count) build", unit: "s", samples: [seconds]))
            results.add(Measurement(name: "scale \(family) \(count) memory", unit: "bytes/rule", samples: [bytes]))
        }
    }

    // MARK: The workload

    static func events() -> (events: [[UInt8]], keys: [Int]) {
        var state: UInt64 = 42
        var events: [[UInt8]] = []
        var keys: [Int] = []
        for index in 0..<1000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let key = Int((state >> 33) % 100_000)
            keys.append(key)
            events.append(Array(event(key, index).utf8))
        }
        return (events, keys)
    }

    private static func event(_ k: Int, _ j: Int) -> String {
        let account = 100_000_000_000 + k % 1000
        let region = regions[k % 5]
        let head =
            #"{"version":"0","id":"evt-\#(j)","detail-type":"Type \#(k % 20)","source":"svc.\#(k % 50)","#
            + #""account":"\#(account)","time":"2024-05-01T12:00:00Z","region":"\#(region)","#
            + #""resources":["arn:aws:svc:\#(region):\#(account):thing/\#(k)"],"#
        let object =
            #""object":{"key":"path/\#(k)/file-\#(k * 7 % 100_000).\#(extensions[k % 6])","#
            + #""size":\#(k * 1000 + j % 1000)},"tags":["t\#(k % 97)","t\#(k * 3 % 89)"],"#
        let user = #""user":{"id":"u\#(k * 31 % 100_000)","ip":"10.\#(k % 256).\#(k / 256 % 256).\#(j % 256)"},"#
        return head
            + #""detail":{"state":"\#(states[k % 8])","level":\#(k * 13 % 1000),"bucket":{"name":"bucket-\#(k)"},"#
            + object + user + #""message":"\#(message)"}}"#
    }

    static func rule(_ family: String, _ i: Int) -> String {
        let source = #"{"source":["svc.\#(i % 50)"],"#
        switch family {
        case "exact":
            return source
                + #""detail-type":["Type \#(i % 20)"],"detail":{"state":["\#(states[i % 8])"],"#
                + #""bucket":{"name":["bucket-\#(i)"]}}}"#
        case "prefix": return source + #""detail":{"object":{"key":[{"prefix":"path/\#(i)/"}]}}}"#
        case "suffix":
            return source
                + #""detail":{"object":{"key":[{"suffix":"/file-\#(i * 7 % 100_000).\#(extensions[i % 6])"}]}}}"#
        case "numeric":
            return source + #""detail":{"object":{"size":[{"numeric":[">=",\#(i * 1000),"<",\#((i + 1) * 1000)]}]}}}"#
        case "anythingbut":
            return source
                + #""detail":{"state":[{"anything-but":["\#(states[(i + 1) % 8])"]}],"#
                + #""user":{"id":["u\#(i * 31 % 100_000)"]}}}"#
        case "wildcard":
            return source + #""detail":{"object":{"key":[{"wildcard":"path/\#(i)/*.\#(extensions[i % 6])"}]}}}"#
        case "wildcard2": return source + #""detail":{"object":{"key":[{"wildcard":"*/\#(i)/file-*"}]}}}"#
        default:
            let order = [
                "exact", "exact", "exact", "exact", "prefix", family == "mixed" ? "suffix" : "exact",
                family == "mixed" ? "numeric" : "exact", "anythingbut", "wildcard", "exact",
            ]
            return rule(order[i % 10], i)
        }
    }
}
