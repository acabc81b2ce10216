internal import CBenchmarks
internal import Core
internal import Patterns

/// Generated events of about 540 bytes against 1 to 100,000 rules of one family; event k matches rule k alone.
struct ScaleBenchmark {
    private static let families = [
        "exact", "prefix", "suffix", "numeric", "anythingbut", "wildcard", "wildcard2", "mixed", "mixedq",
    ]

    let largest: Int
    let passes: Int

    func run(only: String?, _ results: inout Results) throws {
        let workload = ScaleWorkload.repeated()
        let distinct = largest >= ScaleWorkload.keyCount ? ScaleWorkload.distinct() : nil
        for family in Self.families where only == nil || only == family {
            for count in [1, 10, 100, 1000, 10_000, 100_000] where count <= largest {
                let (snapshot, costs) = try build(family, count)
                let name = "scale \(family) \(count)"
                try measure(name, workload, snapshot, rounds: 200, stopsEarly: true, &results)
                if count == ScaleWorkload.keyCount, let distinct {
                    try measure("\(name) whole", workload, snapshot, rounds: 200, stopsEarly: false, &results)
                    try measure("\(name) distinct", distinct, snapshot, rounds: 1, stopsEarly: true, &results)
                }
                if count < 10_000 { continue }
                results.add(Measurement(name: "\(name) parse", unit: "s", samples: [costs.parseSeconds]))
                results.add(Measurement(name: "\(name) build", unit: "s", samples: [costs.buildSeconds]))
                results.add(Measurement(name: "\(name) memory", unit: "bytes/rule", samples: [costs.bytesPerRule]))
            }
        }
    }

    private struct Costs {
        var parseSeconds: Double
        var buildSeconds: Double
        var bytesPerRule: Double
    }

    private func build(_ family: String, _ count: Int) throws -> (PatternSnapshot, Costs) {
        let texts = (0..<count).map { Array(ScaleWorkload.rule(family, $0).utf8) }
        let parseStart = processorSeconds()
        let patterns = try texts.enumerated().map { index, text in
            (pattern: try Pattern(parsing: text), rule: UInt32(index))
        }
        let parseSeconds = processorSeconds() - parseStart
        let liveBefore = bench_live_bytes()
        let start = processorSeconds()
        let set = PatternSet(patterns)
        let costs = Costs(
            parseSeconds: parseSeconds, buildSeconds: processorSeconds() - start,
            bytesPerRule: (Double(bench_live_bytes()) - Double(liveBefore)) / Double(count))
        withExtendedLifetime(patterns) {}
        return (set.snapshot, costs)
    }

    private func measure(
        _ name: String, _ workload: ScaleWorkload, _ snapshot: PatternSnapshot, rounds: Int, stopsEarly: Bool,
        _ results: inout Results
    ) throws {
        var matcher = Matcher()
        var samples: [Double] = []
        samples.reserveCapacity(passes)
        let expected = workload.keys.count { $0 < snapshot.ruleCount } * rounds
        for pass in 0...passes {
            var matches = 0
            let allocationsBefore = bench_allocations()
            let start = processorSeconds()
            for _ in 0..<rounds {
                for event in workload.events {
                    try event.withUnsafeBytes {
                        try matcher.match($0, with: snapshot, validated: stopsEarly) { _ in matches += 1 }
                    }
                }
            }
            let seconds = processorSeconds() - start
            let allocations = bench_allocations() - allocationsBefore
            if matches != expected {
                throw BenchmarkError(description: "\(name): \(matches) matches, should be \(expected)")
            }
            // The first pass warms up.
            if pass == 0 { continue }
            if allocations > 0 { throw BenchmarkError(description: "\(name): \(allocations) allocations in a pass") }
            samples.append(seconds / Double(rounds * workload.events.count) * 1e6)
        }
        results.add(Measurement(name: name, unit: "us/event", samples: samples))
    }
}
