/// The generated events and rules of the scale benchmark: event k matches rule k alone.
struct ScaleWorkload {
    /// Keys are below this.
    static let keyCount = 100_000

    let events: [[UInt8]]
    /// The key of each event.
    let keys: [Int]

    private init(keys: [Int]) {
        self.keys = keys
        events = keys.enumerated().map { Array(Self.event($0.element, $0.offset).utf8) }
    }

    /// A thousand events, to be matched over and over.
    static func repeated() -> ScaleWorkload {
        var state: UInt64 = 42
        let keys = (0..<1000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(keyCount))
        }
        return ScaleWorkload(keys: keys)
    }

    /// An event for every key, in an order that jumps about: the events and what they hit come from main memory.
    static func distinct() -> ScaleWorkload { ScaleWorkload(keys: (0..<keyCount).map { $0 * 61_803 % keyCount }) }

    private static let states = [
        "pending", "running", "stopping", "stopped", "failed", "succeeded", "queued", "expired",
    ]
    private static let extensions = ["png", "jpg", "json", "csv", "parquet", "log"]
    private static let regions = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2"]
    private static let message =
        "the quick brown fox jumps over the lazy dog while the slow green turtle waits under the old oak tree by the "
        + "river bank"

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
