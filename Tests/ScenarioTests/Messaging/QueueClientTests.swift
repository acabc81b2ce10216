import Core
import Foundation
import TestSupport
import Testing

@Suite("Queues, topics and functions for clients of AWS")
struct QueueClientTests {
    /// A server with an HTTP endpoint on a port that was free.
    private func run(_ body: (Scenario, _ endpoint: String) throws -> Void) throws {
        try Scenario.run { scenario in
            let endpoint = "http://127.0.0.1:\(try Scenario.freePort())"
            scenario.environment["OPSBUS_HTTP"] = endpoint
            try scenario.startServer()
            try body(scenario, endpoint)
        }
    }

    @Test("boto3 sends, receives, waits, and finds the digests right")
    func queue() throws {
        try run { scenario, endpoint in try scenario.python("queues.py", endpoint, "queue") }
    }

    @Test("boto3 publishes to a topic that delivers to queues, filtered and raw")
    func topic() throws {
        try run { scenario, endpoint in try scenario.python("queues.py", endpoint, "topic") }
    }

    @Test("boto3 runs a program of the server as a Lambda function")
    func function() throws {
        try run { scenario, endpoint in
            try scenario.write(
                """
                #!/usr/bin/env python3
                import json, sys
                event = json.load(sys.stdin)
                print("greeting", event["name"], file=sys.stderr)
                json.dump({"hello": event["name"]}, sys.stdout)
                """, to: "greet.py")
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o700], ofItemAtPath: scenario.path("greet.py"))
            let added = try scenario.opsbus("functions", "add", "greet", scenario.path("greet.py"), "--timeout", "20")
            #expect(added.exitCode == 0, "\(added.errorOutput)")
            try scenario.python("queues.py", endpoint, "function")
        }
    }

    @Test("What a queue acknowledged is received, in order and once, whenever the server is killed")
    func killed() throws {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        try Scenario.run { scenario in
            let endpoint = "http://127.0.0.1:\(try Scenario.freePort())"
            scenario.environment["OPSBUS_HTTP"] = endpoint
            var server = try scenario.startServer()
            func acknowledged() -> [Int] {
                scenario.text("acknowledged").split(separator: "\n").compactMap { Int($0) }
            }
            var start = 0
            for _ in 1...3 {
                let burst = try scenario.startPython(
                    "queues.py", [endpoint, "burst", scenario.path("acknowledged"), String(start)])
                let count = acknowledged().count + Int.random(in: 20...80, using: &generator)
                try eventually("\(count) messages are acknowledged", within: 60) { acknowledged().count >= count }
                server.kill()
                #expect(try burst.wait(within: 60) == 0, "\(burst.errorOutput)")
                server = try scenario.startServer()
                // The one whose answer did not come is sent again, and is not taken twice.
                start = (acknowledged().last ?? -1) + 1
            }
            let received = try scenario.python("queues.py", endpoint, "drain").output
                .split(separator: "\n").compactMap { Int($0) }
            #expect(Set(acknowledged()).isSubset(of: received), "seed \(seed)")
            #expect(received.count == Set(received).count, "a message came twice; seed \(seed)")
            for group in 0..<3 {
                let ofGroup = received.filter { $0 % 3 == group }
                #expect(ofGroup == ofGroup.sorted(), "seed \(seed)")
            }
            let audit = try scenario.opsbus("audit", "verify")
            #expect(audit.exitCode == 0, "\(audit.output)\(audit.errorOutput)")
        }
    }
}
