internal import CShims
internal import CZeroMQ
internal import Core
internal import Glibc

/// How fast commands get to nodes and back, and what agents take.
///
/// The fleet is simulated, in this process; the single node is an `opsbus agent` process that runs real scripts.
enum CommandsBenchmark {
    static let summary = "commands to one node and to 1,000; send to first line of output; memory of agents"

    private static let usage = """
        usage: opsbus-bench commands [--quick] [--passes N] [--only fleet|node|memory] [--json FILE]

        \(RunOptions.usage)
        """

    static func run(_ arguments: [String]) throws {
        let options = try RunOptions(arguments, usage: usage)
        let passes = options.passes ?? (options.isQuick ? 1 : 5)
        var results = Results()
        if options.includes("fleet") { try fleet(count: options.isQuick ? 200 : 1000, passes: passes, &results) }
        if options.includes("node") { try node(options.isQuick ? 50 : 500, passes: passes, &results) }
        if options.includes("memory") { try memory(passes: passes, &results) }
        try options.write(results)
    }

    // MARK: A fleet

    private static func fleet(count: Int, passes: Int, _ results: inout Results) throws {
        let context = try ZeroMQContext()
        let server = try RunningServer(context: context, flags: ["--embedded-agent", "false"])
        defer { server.stop() }
        let control = try Dealer(context: context, endpoint: server.requests)
        let before = server.process.memory("VmRSS")
        let fleet = try SimulatedFleet(
            count: count, endpoint: server.nodes, activation: try activation(control, limit: count))
        defer { fleet.stop() }
        let idle = server.process.memory("VmRSS")
        for (name, concurrency) in [("all at once", "100%"), ("50 at a time", "50")] {
            var seconds: [Double] = []
            for _ in 0..<passes {
                let began = ops_monotonic_nanoseconds()
                let command = try control.call(
                    "ssm:SendCommand",
                    [
                        "DocumentName": "AWS-RunShellScript", "Parameters": ["commands": ["true"]],
                        "Targets": [["Key": "tag-key", "Values": ["bench"]]],
                        "MaxConcurrency": .string(concurrency),
                    ], timeoutMilliseconds: 20_000)["Command"] ?? .null
                try wait(for: [command["CommandId"] ?? .null], control)
                seconds.append(Double(ops_monotonic_nanoseconds() - began) / 1e9)
            }
            results.add(Measurement(name: "\(count) nodes, \(name)", unit: "s", samples: seconds))
        }
        let nodes = Double(idle - before) / Double(count) / 1024
        results.add(Measurement(name: "server, a registered node", unit: "KiB", samples: [nodes]))
        results.add(
            Measurement(
                name: "server, most with \(count) nodes", unit: "MiB",
                samples: [mebibytes(server.process.memory("VmHWM"))]))
    }

    // MARK: One node

    private static func node(_ count: Int, passes: Int, _ results: inout Results) throws {
        let context = try ZeroMQContext()
        let server = try RunningServer(context: context, flags: ["--embedded-agent", "false"])
        defer { server.stop() }
        let control = try Dealer(context: context, endpoint: server.requests)
        let agent = try server.startAgent(activation: try activation(control, limit: 1))
        defer { agent.end(SIGTERM) }
        let node = try onlineNode(control)
        var rates: [Double] = []
        var starts: [String: [Double]] = [:]
        for _ in 0..<passes {
            let began = ops_monotonic_nanoseconds()
            let commands = try (0..<count).map { _ in try send("true", node, control) }
            try wait(for: commands, control)
            rates.append(Double(count) * 1e9 / Double(ops_monotonic_nanoseconds() - began))
            let times = try latencies(count, node, server, control, context)
            for (name, milliseconds) in times {
                starts["\(name) p50", default: []].append(milliseconds.percentile(0.5))
                starts["\(name) p99", default: []].append(milliseconds.percentile(0.99))
            }
        }
        results.add(Measurement(name: "commands to one node", unit: "/s", samples: rates))
        for (name, samples) in starts.sorted(by: { $0.key < $1.key }) {
            results.add(Measurement(name: name, unit: "ms", samples: samples))
        }
    }

    /// One command after the other: from the request to the progress messages that subscribers get.
    /// - Returns: Sorted milliseconds.
    private static func latencies(
        _ count: Int, _ node: String, _ server: RunningServer, _ control: Dealer, _ context: ZeroMQContext
    ) throws -> [(String, [Double])] {
        let subscriber = try RawSocket(ZMQ_SUB, context: context)
        zmq_setsockopt(subscriber.handle, ZMQ_SUBSCRIBE, "command/", 8)
        subscriber.set(ZMQ_RCVTIMEO, 10_000)
        try subscriber.connect(server.stream)
        usleep(200_000)
        var starts: [Double] = []
        var lines: [Double] = []
        for _ in 0..<count {
            let began = ops_monotonic_nanoseconds()
            let command = try send("echo hello", node, control, isStreaming: true)
            var hasEnded = false
            while !hasEnded {
                let body = try message(of: subscriber)
                guard body["CommandId"] == command else { continue }
                let milliseconds = Double(ops_monotonic_nanoseconds() - began) / 1e6
                if body["StepName"] != nil && body["Status"] == "InProgress" { starts.append(milliseconds) }
                if body["Output"] != nil { lines.append(milliseconds) }
                hasEnded = body["InstanceId"] == nil && body["Status"] == "Success"
            }
        }
        return [("send to start of the script,", starts.sorted()), ("send to first line of output,", lines.sorted())]
    }

    private static func message(of socket: RawSocket) throws -> JSON {
        var frame = zmq_msg_t()
        zmq_msg_init(&frame)
        defer { zmq_msg_close(&frame) }
        for _ in 0..<3 where zmq_msg_recv(&frame, socket.handle, 0) < 0 {
            throw BenchmarkError(description: "no progress message came")
        }
        let body = UnsafeRawBufferPointer(start: zmq_msg_data(&frame), count: zmq_msg_size(&frame))
        return try JSON(parsing: Array(body))
    }

    // MARK: Memory

    private static func memory(passes: Int, _ results: inout Results) throws {
        var idle: [Double] = []
        var streaming: [Double] = []
        for _ in 0..<passes {
            let context = try ZeroMQContext()
            let server = try RunningServer(context: context, flags: ["--embedded-agent", "false"])
            defer { server.stop() }
            let control = try Dealer(context: context, endpoint: server.requests)
            let agent = try server.startAgent(activation: try activation(control, limit: 1))
            defer { agent.end(SIGTERM) }
            let node = try onlineNode(control)
            usleep(1_000_000)
            idle.append(mebibytes(agent.memory("VmRSS")))
            let script = "head -c 100000000 /dev/zero | tr '\\0' x | fold -w 100"
            try wait(for: [try send(script, node, control, isStreaming: true)], control)
            streaming.append(mebibytes(agent.memory("VmHWM")))
        }
        results.add(Measurement(name: "agent, resident, idle", unit: "MiB", samples: idle))
        results.add(Measurement(name: "agent, most while it streams 100 MB", unit: "MiB", samples: streaming))
    }

    // MARK: Steps

    private static func activation(_ control: Dealer, limit: Int) throws -> JSON {
        try control.call(
            "ssm:CreateActivation",
            [
                "IamRole": "bench", "RegistrationLimit": .integer(limit),
                "Tags": [["Key": "bench", "Value": "yes"]],
            ])
    }

    private static func onlineNode(_ control: Dealer) throws -> String {
        for _ in 0..<1000 {
            let list = try control.call("ssm:DescribeInstanceInformation", [:])
            if let node = list["InstanceInformationList"]?[0], node["PingStatus"] == "Online" {
                return node["InstanceId"]?.string ?? ""
            }
            usleep(10_000)
        }
        throw BenchmarkError(description: "the agent did not register")
    }

    private static func send(
        _ script: String, _ node: String, _ control: Dealer, isStreaming: Bool = false
    ) throws -> JSON {
        let output = try control.call(
            "ssm:SendCommand",
            [
                "DocumentName": "AWS-RunShellScript", "Parameters": ["commands": [.string(script)]],
                "InstanceIds": [.string(node)], "StreamOutput": .bool(isStreaming),
            ])
        return output["Command"]?["CommandId"] ?? .null
    }

    /// Waits until the commands have succeeded.
    private static func wait(for commands: [JSON], _ control: Dealer) throws {
        let deadline = ops_monotonic_nanoseconds() + 120_000_000_000
        for command in commands {
            while true {
                let list = try control.call("ssm:ListCommands", ["CommandId": command], timeoutMilliseconds: 20_000)
                let status = list["Commands"]?[0]?["StatusDetails"]?.string ?? ""
                if status == "Success" { break }
                guard ["Pending", "InProgress"].contains(status), ops_monotonic_nanoseconds() < deadline else {
                    throw BenchmarkError(description: "the command \(command) is \(status)")
                }
                usleep(2000)
            }
        }
    }

    private static func mebibytes(_ bytes: Int) -> Double { Double(bytes) / Double(1 << 20) }
}
