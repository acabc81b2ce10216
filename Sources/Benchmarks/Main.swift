internal import Glibc

/// `opsbus-bench NAME [OPTIONS]`: the measurements of the README, one subcommand each.
@main
struct Main {
    private static let benchmarks: [(name: String, summary: String, run: @Sendable ([String]) throws -> Void)] = [
        ("patterns", PatternsBenchmark.summary, PatternsBenchmark.run),
        ("ingest", IngestBenchmark.summary, IngestBenchmark.run),
        ("latency", LatencyBenchmark.summary, LatencyBenchmark.run),
        ("http", HTTPBenchmark.summary, HTTPBenchmark.run),
        ("memory", MemoryBenchmark.summary, MemoryBenchmark.run),
        ("commands", CommandsBenchmark.summary, CommandsBenchmark.run),
    ]

    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard let benchmark = benchmarks.first(where: { $0.name == arguments.first }) else {
            print("usage: opsbus-bench NAME [OPTIONS]")
            for benchmark in benchmarks { print("  \(benchmark.name): \(benchmark.summary)") }
            return
        }
        do {
            try benchmark.run(Array(arguments.dropFirst()))
        } catch {
            print("opsbus-bench \(benchmark.name): \(error)")
            exit(1)
        }
    }
}
