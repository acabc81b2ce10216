internal import CShims
internal import Core
internal import Glibc

/// How many events a second are durable, acknowledged and matched; beside what the parts and a peer can do.
struct IngestBenchmark {
    static let summary = "events/s acknowledged durable over tcp, beside raw ZeroMQ, raw fdatasync and NATS JetStream"

    private static let usage = """
        usage: opsbus-bench ingest [--quick] [--passes N] [--only TEXT] [--json FILE]

        \(RunOptions.usage)
        """

    private struct Case {
        let detailBytes: Int
        let batch: Int
        let publishers: Int
        let rules: Int

        var name: String { "opsbus \(load), \(rules) rules" }
        var load: String { "\(detailBytes) B x \(batch), \(publishers) pub" }
    }

    private let options: RunOptions
    private let passes: Int
    private let seconds: Double
    private let context: ZeroMQContext
    private var results = Results()

    static func run(_ arguments: [String]) throws {
        let options = try RunOptions(arguments, usage: usage)
        var benchmark = try IngestBenchmark(options)
        try benchmark.measureAll()
        try options.write(benchmark.results)
    }

    private init(_ options: RunOptions) throws {
        self.options = options
        passes = options.passes ?? (options.isQuick ? 1 : 5)
        seconds = options.isQuick ? 0.5 : 1
        context = try ZeroMQContext()
    }

    private mutating func measureAll() throws {
        for detailBytes in [256, 1024] {
            for batch in options.isQuick ? [1, 100] : [1, 10, 100] {
                for publishers in [1, 8] {
                    try measureRaw(Case(detailBytes: detailBytes, batch: batch, publishers: publishers, rules: 0))
                    for rules in options.isQuick ? [100] : [1, 100] {
                        let load = Case(detailBytes: detailBytes, batch: batch, publishers: publishers, rules: rules)
                        if options.includes(load.name) { try measure(load) }
                    }
                }
            }
            for publishers in [1, 8] { try measureJetStream(detailBytes: detailBytes, publishers: publishers) }
        }
    }

    // MARK: OpsBus

    private mutating func measure(_ load: Case) throws {
        let workload = Workload(detailBytes: load.detailBytes, batch: load.batch)
        var rates: [Double] = []
        var medians: [Double] = []
        var tails: [Double] = []
        var processor: [Double] = []
        for _ in 0..<passes {
            let server = try RunningServer(context: context)
            defer { server.stop() }
            let control = try Dealer(context: context, endpoint: server.requests)
            try IngestBenchmark.putRules(load.rules, control)
            let publishers = try Load(
                workload, publishers: load.publishers, endpoint: server.requests, context: context)
            _ = try publishers.run(seconds: seconds / 5)
            try IngestBenchmark.awaitMatching(control, mark: "warm")
            let busy = server.process.processorSeconds
            let began = ops_monotonic_nanoseconds()
            let outcome = try publishers.run(seconds: seconds)
            // Until the matcher has decided about the last event and the targets of all before it were called.
            try IngestBenchmark.awaitMatching(control, mark: "end")
            let elapsed = Double(ops_monotonic_nanoseconds() - began) / 1e9
            rates.append(Double(outcome.events) / elapsed)
            medians.append(outcome.microseconds.percentile(0.5) / 1000)
            tails.append(outcome.microseconds.percentile(0.99) / 1000)
            processor.append((server.process.processorSeconds - busy) * 1e6 / Double(outcome.events))
        }
        results.add(Measurement(name: load.name, unit: "events/s", samples: rates))
        results.add(Measurement(name: "  acknowledged, p50", unit: "ms", samples: medians))
        results.add(Measurement(name: "  acknowledged, p99", unit: "ms", samples: tails))
        results.add(Measurement(name: "  processor time of the server", unit: "us/event", samples: processor))
    }

    /// The rules of the load, and one that shows that matching has come as far as a marked event.
    private static func putRules(_ count: Int, _ control: Dealer) throws {
        let mark = ("mark", ["source": ["bench.mark"]] as JSON)
        for (name, pattern) in Workload.rules(count) + [mark] {
            try control.call("events:PutRule", ["Name": .string(name), "EventPattern": .string(pattern.text)])
            let group = name == "mark" ? "mark" : "load"
            let target: JSON = [
                "Id": "log", "Arn": .string("arn:aws:logs:us-east-1:123456789012:log-group:\(group)"),
            ]
            try control.call("events:PutTargets", ["Rule": .string(name), "Targets": [target]])
        }
    }

    private static func awaitMatching(_ control: Dealer, mark: String) throws {
        let detail: JSON = ["mark": .string(mark)]
        let entry: JSON = ["Source": "bench.mark", "DetailType": "Mark", "Detail": .string(detail.text)]
        try control.call("events:PutEvents", ["Entries": [entry]])
        let deadline = ops_monotonic_nanoseconds() + 30_000_000_000
        while ops_monotonic_nanoseconds() < deadline {
            let newest: JSON = ["logGroupName": "mark", "limit": 1, "startFromHead": false]
            // The group is made by the first event that reaches it.
            let output = try? control.call("logs:FilterLogEvents", newest)
            let text = output?["events"]?[0]?["message"]?.string ?? ""
            if text.contains("\"mark\":\"\(mark)\"") { return }
            usleep(1000)
        }
        throw BenchmarkError(description: "the matcher did not catch up within 30 seconds")
    }

    // MARK: Beside it

    private mutating func measureRaw(_ load: Case) throws {
        let workload = Workload(detailBytes: load.detailBytes, batch: load.batch)
        let echoName = "raw DEALER/ROUTER \(load.load)"
        if options.includes(echoName) {
            let samples = try (0..<passes).map { _ in
                let echo = try EchoServer(batch: load.batch)
                defer { echo.stop() }
                let publishers = try Load(
                    workload, publishers: load.publishers, endpoint: echo.endpoint, context: context)
                _ = try publishers.run(seconds: seconds / 5)
                return try publishers.run(seconds: seconds).eventsPerSecond
            }
            results.add(Measurement(name: echoName, unit: "events/s", samples: samples))
        }
        guard load.publishers == 1 else { return }
        for requests in [1, Load.eventsInFlight / load.batch] {
            let name = "raw append \(load.detailBytes) B x \(load.batch), \(requests * load.batch) a sync"
            guard options.includes(name) else { continue }
            let samples = try (0..<passes).map { _ in
                try RawAppend.eventsPerSecond(workload, requestsPerSync: requests, seconds: seconds)
            }
            results.add(Measurement(name: name, unit: "events/s", samples: samples))
        }
    }

    private mutating func measureJetStream(detailBytes: Int, publishers: Int) throws {
        let name = "jetstream async \(detailBytes) B, \(publishers) pub"
        guard options.includes(name) else { return }
        let bytes = Workload(detailBytes: detailBytes, batch: 1).entryBytes
        guard let peer = try JetStream() else { return }
        let samples = try (0..<passes).map { _ in
            try peer.eventsPerSecond(bytes: bytes, publishers: publishers, seconds: seconds)
        }
        results.add(Measurement(name: name, unit: "events/s", samples: samples))
    }
}
