internal import CBenchmarks
internal import CShims
internal import CZeroMQ
internal import Core
internal import Glibc
internal import Platform

/// How long after its publishing an event has its effects, at a steady rate.
///
/// Each event is published by itself, matches one rule of 101 and starts one target, a topic. Times run from the
/// moment an event was due to be sent, so that a server that holds up the publisher does not hide it. The target has
/// started when the topic stamps its message: event and delivery are then durable. The message reaches its subscriber
/// after two more waits for the disk: the target's own transaction, and the journal.
struct LatencyBenchmark {
    static let summary = "publish to target at a steady rate: p50, p99, p99.9"

    private static let usage = """
        usage: opsbus-bench latency [--quick] [--passes N] [--json FILE]

        \(RunOptions.usage)
        """
    private static let eventsPerSecond = 1000

    static func run(_ arguments: [String]) throws {
        let options = try RunOptions(arguments, usage: usage)
        let context = try ZeroMQContext()
        let seconds = options.isQuick ? 2 : 10
        var percentiles: [String: [Double]] = [:]
        let shares: [(String, Double)] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)]
        for _ in 0..<(options.passes ?? (options.isQuick ? 1 : 5)) {
            let server = try RunningServer(context: context)
            defer { server.stop() }
            let times = try pass(server, seconds: seconds, context: context)
            for (effect, milliseconds) in times {
                for (name, share) in shares {
                    percentiles["\(effect) \(name)", default: []].append(milliseconds.percentile(share))
                }
            }
        }
        var results = Results()
        for effect in [Effect.stream, .target, .message] {
            for (name, _) in shares {
                let name = "\(effect.rawValue) \(name)"
                results.add(Measurement(name: name, unit: "ms", samples: percentiles[name] ?? []))
            }
        }
        try options.write(results)
    }

    private enum Effect: String {
        case stream = "publish to event on the stream,"
        case target = "publish to start of the target,"
        case message = "publish to message of the target,"
    }

    /// - Returns: Sorted milliseconds.
    private static func pass(
        _ server: RunningServer, seconds: Int, context: ZeroMQContext
    ) throws -> [(String, [Double])] {
        let control = try Dealer(context: context, endpoint: server.requests)
        try putRules(control)
        let warmUp = eventsPerSecond
        let count = warmUp + seconds * eventsPerSecond
        let streamed = try Receiver("event/default/bench.latency/", of: server, count: count)
        let delivered = try Receiver("topic/bench/", of: server, count: count)
        usleep(300_000)

        let publisher = try Dealer(context: context, endpoint: server.requests)
        let bodies = (0..<count).map { ConstantBytes(body($0)) }
        let sinceEpoch = SystemClock().now.microseconds * 1000 - ops_monotonic_nanoseconds()
        let began = ops_monotonic_nanoseconds() + 10_000_000
        var due: [Int64] = []
        var acknowledged = 0
        func takeAcknowledgements() throws {
            while try publisher.receive(Load.check) != nil { acknowledged += 1 }
        }
        for (number, body) in bodies.enumerated() {
            due.append(began + Int64(number) * 1_000_000_000 / Int64(eventsPerSecond))
            bench_sleep_until(due[number])
            publisher.publish(UInt32(number), body)
            try takeAcknowledgements()
        }
        try withExtendedLifetime(bodies) {
            while acknowledged < count {
                usleep(100)
                try takeAcknowledgements()
            }
        }
        func milliseconds(_ times: [Int64]) -> [Double] {
            (warmUp..<count).map { Double(times[$0] - due[$0]) / 1e6 }.sorted()
        }
        let messages = try delivered.finish()
        return [
            (Effect.stream.rawValue, milliseconds(try streamed.finish())),
            (Effect.target.rawValue, milliseconds(delivered.handled.map { $0 - sinceEpoch })),
            (Effect.message.rawValue, milliseconds(messages)),
        ]
    }

    private static func putRules(_ control: Dealer) throws {
        let topic = try control.call("sns:CreateTopic", ["Name": "bench"])["TopicArn"] ?? .null
        let latency = ("latency", ["source": ["bench.latency"]] as JSON)
        for (name, pattern) in Workload.rules(100) + [latency] {
            try control.call("events:PutRule", ["Name": .string(name), "EventPattern": .string(pattern.text)])
            try control.call("events:PutTargets", ["Rule": .string(name), "Targets": [["Id": "topic", "Arn": topic]]])
        }
    }

    private static func body(_ number: Int) -> [UInt8] {
        let detail: JSON = ["benchNumber": .integer(number), "host": "web-1", "check": "disk", "status": "failed"]
        let entry: JSON = [
            "Source": "bench.latency", "DetailType": "Check Reported", "Detail": .string(detail.text),
        ]
        return (["Entries": [entry]] as JSON).bytes
    }
}
