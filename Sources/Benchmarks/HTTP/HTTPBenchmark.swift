internal import Core
internal import Glibc

/// PutEvents over HTTP: ten events in each request, sent by wrk over 16 connections that are kept, as AWS clients do.
///
/// Requests carry the headers of a signed one; the server is in development mode and does not verify them. An answer
/// comes when all ten events are durable, and after each pass the journal must hold them.
struct HTTPBenchmark {
    static let summary = "PutEvents requests over HTTP, ten events each, by wrk: requests/s, p50, p99"

    private static let usage = """
        usage: opsbus-bench http [--quick] [--passes N] [--only TEXT] [--json FILE]

        \(RunOptions.usage)
        Needs wrk (apt-get install wrk).
        """
    private static let eventsPerRequest = 10
    private static let connections = 16

    static func run(_ arguments: [String]) throws {
        let options = try RunOptions(arguments, usage: usage)
        let context = try ZeroMQContext()
        let directory = try TemporaryDirectory()
        let script = directory.path + "/put.lua"
        try writeFile(script, self.script)
        var results = Results()
        for ruleCount in [0, 100] {
            let name = "\(ruleCount) rules"
            guard options.includes(name) else { continue }
            var passes: [Pass] = []
            for _ in 0..<(options.passes ?? (options.isQuick ? 1 : 5)) {
                passes.append(
                    try pass(ruleCount: ruleCount, seconds: options.isQuick ? 2 : 8, script: script, context: context))
            }
            results.add(Measurement(name: "\(name),", unit: "requests/s", samples: passes.map(\.requestsPerSecond)))
            results.add(Measurement(name: "\(name), p50", unit: "ms", samples: passes.map(\.p50)))
            results.add(Measurement(name: "\(name), p99", unit: "ms", samples: passes.map(\.p99)))
            results.add(
                Measurement(name: "\(name), server's processor", unit: "us/request", samples: passes.map(\.processor)))
        }
        try options.write(results)
    }

    private struct Pass {
        var requestsPerSecond = 0.0
        /// Milliseconds.
        var p50 = 0.0
        var p99 = 0.0
        /// Microseconds a request.
        var processor = 0.0
    }

    private static func pass(
        ruleCount: Int, seconds: Int, script: String, context: ZeroMQContext
    ) throws -> Pass {
        let server = try RunningServer(context: context)
        defer { server.stop() }
        let control = try Dealer(context: context, endpoint: server.requests)
        for (name, pattern) in Workload.rules(ruleCount) {
            try control.call("events:PutRule", ["Name": .string(name), "EventPattern": .string(pattern.text)])
        }
        // The first requests of a server are slower than all others.
        _ = try wrk(server.http, seconds: 1, script)
        let before = try control.call("bus:DescribeStream", [:])["LastSequence"]?.int ?? 0
        let processorBefore = server.process.processorSeconds
        let report = try wrk(server.http, seconds: seconds, script)
        let processor = server.process.processorSeconds - processorBefore
        let stored = (try control.call("bus:DescribeStream", [:])["LastSequence"]?.int ?? 0) - before
        guard stored >= report.requests * eventsPerRequest else {
            throw BenchmarkError(description: "\(report.requests) requests answered, \(stored) events in the journal")
        }
        var pass = report.pass
        pass.processor = processor * 1e6 / Double(max(1, report.requests))
        return pass
    }

    private static func wrk(_ url: String, seconds: Int, _ script: String) throws -> (requests: Int, pass: Pass) {
        let text = try output(of: "wrk -t1 -c\(connections) -d\(seconds)s --latency -s '\(script)' '\(url)/' 2>&1")
        guard !text.contains("Non-2xx"), !text.contains("Socket errors"),
            let requests = text.split(separator: "\n").first(where: { $0.contains(" requests in ") })
                .flatMap({ Int($0.split(separator: " ")[0]) }),
            let rate = value(after: "Requests/sec:", text).flatMap(Double.init),
            let p50 = value(after: "50%", text).flatMap(milliseconds),
            let p99 = value(after: "99%", text).flatMap(milliseconds)
        else { throw BenchmarkError(description: "wrk did not measure (is it installed?):\n\(text)") }
        return (requests, Pass(requestsPerSecond: rate, p50: p50, p99: p99))
    }

    private static func value(after label: String, _ text: String) -> String? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == label { return String(words[1]) }
        }
        return nil
    }

    /// Reads `621.00us`, `1.40ms`, `1.02s`.
    private static func milliseconds(_ text: String) -> Double? {
        for (unit, factor) in [("us", 0.001), ("ms", 1), ("s", 1000)] where text.hasSuffix(unit) {
            return Double(text.dropLast(unit.count)).map { $0 * factor }
        }
        return nil
    }

    /// What wrk sends, in its own language: events that the rules look into and do not match.
    private static var script: String {
        let request = Workload(detailBytes: 256, batch: eventsPerRequest).requests[0]
        let body = String(decoding: request.bytes, as: UTF8.self)
        let signature = String(repeating: "0", count: 64)
        return """
            wrk.method = "POST"
            wrk.body = [==[\(body)]==]
            wrk.headers["Content-Type"] = "application/x-amz-json-1.1"
            wrk.headers["X-Amz-Target"] = "AWSEvents.PutEvents"
            wrk.headers["X-Amz-Date"] = "20240101T000000Z"
            wrk.headers["User-Agent"] = "Boto3/1.40 md/Botocore#1.40 ua/2.1 os/linux lang/python#3.11"
            wrk.headers["Authorization"] = "AWS4-HMAC-SHA256 \
            Credential=AKIABENCH/20240101/us-east-1/events/aws4_request, \
            SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=\(signature)"

            """
    }

    private static func output(of command: String) throws -> String {
        guard let file = popen(command, "r") else { throw BenchmarkError(description: "cannot run \(command)") }
        defer { pclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
