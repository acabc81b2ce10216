internal import CBenchmarks
internal import Core
internal import Patterns

/// The benchmark that Event Ruler and Quamina publish: parcels of land, five rules to a set.
///
/// Every rule's number of matches is asserted in both modes before anything is timed.
struct LotsBenchmark {
    private struct RuleSet {
        let name: String
        let patterns: [Pattern]
        let matches: [Int]
    }

    private let records: [UInt8]
    private let lines: [Range<Int>]
    private let sets: [RuleSet]
    private let passes: Int

    init(records path: String, rules rulesPath: String, passes: Int) throws {
        self.passes = passes
        records = try readFile(path)
        var lines: [Range<Int>] = []
        var start = 0
        for (index, byte) in records.enumerated() where byte == UInt8(ascii: "\n") {
            if index > start { lines.append(start..<index) }
            start = index + 1
        }
        self.lines = lines
        sets = try LotsBenchmark.ruleSets(JSON(parsing: readFile(rulesPath)))
    }

    private static func ruleSets(_ json: JSON) throws -> [RuleSet] {
        func set(_ name: String, _ rules: [JSON]) throws -> RuleSet {
            RuleSet(
                name: name, patterns: try rules.map { try Pattern(parsing: $0["pattern"]?.text ?? "") },
                matches: rules.map { $0["matches"]?.int ?? 0 })
        }
        let named = json["sets"]?.object?.members ?? []
        let plain = try named.map { try set($0.key, $0.value.array ?? []) }
        let combined = try (json["combos"]?.object?.members ?? []).map { combo in
            let parts = combo.value.array?.compactMap(\.string) ?? []
            return try set(combo.key, parts.flatMap { json["sets"]?[$0]?.array ?? [] })
        }
        return plain + combined
    }

    func run(only: String?, _ results: inout Results) throws {
        try validateAll(&results)
        for set in sets where only == nil || only == set.name {
            for stopsEarly in [true, false] { try measure(set, stopsEarly: stopsEarly, &results) }
        }
    }

    /// What ingress does to every event once; matching may stop early because of it.
    private func validateAll(_ results: inout Results) throws {
        var validator = JSONValidator()
        var samples: [Double] = []
        for _ in 0..<passes {
            let start = processorSeconds()
            try records.withUnsafeBytes { bytes in
                for line in lines {
                    let mayStop = try validator.validateEvent(UnsafeRawBufferPointer(rebasing: bytes[line]))
                    if !mayStop { throw BenchmarkError(description: "a record repeats a key") }
                }
            }
            samples.append(Double(lines.count) / (processorSeconds() - start))
        }
        results.add(Measurement(name: "lots validate at ingress", unit: "events/s", samples: samples))
    }

    private func measure(_ set: RuleSet, stopsEarly: Bool, _ results: inout Results) throws {
        let snapshot = PatternSet(set.patterns.enumerated().map { (pattern: $0.element, rule: UInt32($0.offset)) })
            .snapshot
        var matcher = Matcher()
        var samples: [Double] = []
        samples.reserveCapacity(passes)
        var allocations: UInt64 = 0
        for pass in 0...passes {
            var counts = [Int](repeating: 0, count: set.patterns.count)
            let allocationsBefore = bench_allocations()
            let start = processorSeconds()
            try records.withUnsafeBytes { bytes in
                for line in lines {
                    let event = UnsafeRawBufferPointer(rebasing: bytes[line])
                    try matcher.match(event, with: snapshot, validated: stopsEarly) { counts[Int($0)] += 1 }
                }
            }
            let seconds = processorSeconds() - start
            let allocated = bench_allocations() - allocationsBefore
            if counts != set.matches {
                throw BenchmarkError(description: "\(set.name): counts \(counts), should be \(set.matches)")
            }
            // The first pass warms up.
            if pass == 0 { continue }
            samples.append(Double(lines.count) / seconds)
            allocations += allocated
        }
        let name = "lots \(set.name) \(stopsEarly ? "early" : "whole")"
        results.add(Measurement(name: name, unit: "events/s", samples: samples))
        if allocations > 0 {
            throw BenchmarkError(description: "\(name): \(allocations) allocations in \(passes) passes")
        }
    }
}
