internal import CShims
internal import Core
internal import Glibc
internal import Patterns
internal import Synchronization

/// Rules added to 100,000 and removed again one at a time, while another thread matches.
///
/// An edit's mean holds the merges of segments that its neighbours caused; the longest edit is such a merge. Of the
/// matching thread the times of taking a snapshot and matching one event are shown, while nothing is edited and while
/// edits follow each other without a pause.
struct EditsBenchmark {
    private static let ruleCount = 100_000
    private static let editCount = 4096

    let passes: Int

    func run(_ results: inout Results) throws {
        let rules = try (0..<Self.ruleCount + Self.editCount).map { index in
            (pattern: try Pattern(parsing: ScaleWorkload.rule("mixed", index)), rule: UInt32(index))
        }
        let set = PatternSet(rules.prefix(Self.ruleCount))
        let events = ScaleWorkload.repeated().events
        var times: [String: [Double]] = [:]
        for _ in 0..<passes {
            let undisturbed = Reader(set, events)
            undisturbed.run(forNanoseconds: 500_000_000)
            let disturbed = Reader(set, events)
            disturbed.start()
            let additions = Self.microseconds(rules.suffix(Self.editCount)) { set.add($0.pattern, for: $0.rule) }
            let removals = Self.microseconds(rules.suffix(Self.editCount)) { set.remove($0.rule) }
            disturbed.stop()
            if set.count != Self.ruleCount { throw BenchmarkError(description: "\(set.count) rules are left") }
            for (name, edits) in [("add", additions), ("remove", removals)] {
                times["\(name), mean", default: []].append(edits.reduce(0, +) / Double(edits.count))
                times["\(name), longest", default: []].append(edits.max() ?? 0)
            }
            for (name, reader) in [("undisturbed", undisturbed), ("while edited", disturbed)] {
                let found = reader.microseconds.withLock { $0 }.sorted()
                for (label, share) in [("p50", 0.5), ("p99.9", 0.999), ("longest", 1.0)] {
                    times["match \(name), \(label)", default: []].append(found.percentile(share))
                }
            }
        }
        for (name, samples) in times.sorted(by: { $0.key < $1.key }) {
            results.add(Measurement(name: "edits \(name)", unit: "us", samples: samples))
        }
    }

    private static func microseconds<Element>(
        _ elements: some Sequence<Element>, _ edit: (Element) -> Void
    ) -> [Double] {
        elements.map { element in
            let start = ops_monotonic_nanoseconds()
            edit(element)
            return Double(ops_monotonic_nanoseconds() - start) / 1000
        }
    }

    /// Matches one event after the other, each against the newest snapshot.
    private final class Reader: Sendable {
        private let set: PatternSet
        private let events: [[UInt8]]
        private let isStopping = Atomic(false)
        private let hasStopped = Atomic(false)
        /// For each event.
        let microseconds = Mutex<[Double]>([])

        init(_ set: PatternSet, _ events: [[UInt8]]) {
            self.set = set
            self.events = events
        }

        func start() {
            let this = Unmanaged.passRetained(self)
            let status = ops_thread_start(
                { Unmanaged<Reader>.fromOpaque($0!).takeRetainedValue().run(forNanoseconds: .max) }, this.toOpaque())
            precondition(status == 0, "cannot start a thread: errno \(status)")
        }

        func stop() {
            isStopping.store(true, ordering: .relaxed)
            while !hasStopped.load(ordering: .acquiring) { usleep(1000) }
        }

        func run(forNanoseconds duration: Int64) {
            var matcher = Matcher()
            var times: [Double] = []
            times.reserveCapacity(1 << 22)
            let begin = ops_monotonic_nanoseconds()
            var now = begin
            while !isStopping.load(ordering: .relaxed), now - begin < duration, times.count < 1 << 22 {
                let start = ops_monotonic_nanoseconds()
                events[times.count % events.count].withUnsafeBytes { event in
                    // The event is good.
                    try? matcher.match(event, with: set.snapshot, validated: true) { _ in }
                }
                now = ops_monotonic_nanoseconds()
                times.append(Double(now - start) / 1000)
            }
            microseconds.withLock { $0 = times }
            hasStopped.store(true, ordering: .releasing)
        }
    }
}
