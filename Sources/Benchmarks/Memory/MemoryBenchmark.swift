internal import Glibc

/// How soon a server answers, and how much memory it takes.
enum MemoryBenchmark {
    static let summary = "time from start to the first answer; resident memory idle, under load and after it"

    private static let usage = """
        usage: opsbus-bench memory [--quick] [--passes N] [--json FILE]

        \(RunOptions.usage)
        """

    static func run(_ arguments: [String]) throws {
        let options = try RunOptions(arguments, usage: usage)
        let context = try ZeroMQContext()
        var results = Results()
        let starts = try (0..<(options.isQuick ? 5 : 21)).map { _ in
            let server = try RunningServer(context: context)
            defer { server.stop() }
            return server.secondsToReady * 1000
        }
        results.add(Measurement(name: "start of the process to first answer", unit: "ms", samples: starts))

        var idle: [Double] = []
        var peak: [Double] = []
        var after: [Double] = []
        let workload = Workload(detailBytes: 1024, batch: 100)
        for _ in 0..<(options.passes ?? (options.isQuick ? 1 : 5)) {
            let server = try RunningServer(context: context)
            defer { server.stop() }
            usleep(2_000_000)
            idle.append(mebibytes(server.process.memory("VmRSS")))
            let load = try Load(workload, publishers: 8, endpoint: server.requests, context: context)
            _ = try load.run(seconds: options.isQuick ? 1 : 5)
            peak.append(mebibytes(server.process.memory("VmHWM")))
            usleep(2_000_000)
            after.append(mebibytes(server.process.memory("VmRSS")))
        }
        results.add(Measurement(name: "resident, idle", unit: "MiB", samples: idle))
        results.add(Measurement(name: "resident, most under load", unit: "MiB", samples: peak))
        results.add(Measurement(name: "resident, 2 s after the load", unit: "MiB", samples: after))
        try options.write(results)
    }

    private static func mebibytes(_ bytes: Int) -> Double { Double(bytes) / Double(1 << 20) }
}
