import Core
import Foundation
import Testing

@Suite("An encrypted bus")
struct CurveTests {
    /// The `namespace:Name` of every operation, as the sources declare them.
    private static func operations() throws -> [String] {
        let sources = Scenario.repository.appendingPathComponent("Sources")
        let files = FileManager.default.enumerator(atPath: sources.path)?.compactMap { $0 as? String } ?? []
        let declaration = /Operation\(\s*"([a-z]+:[A-Za-z]+)"/
        return try files.filter { $0.hasSuffix("Operations.swift") }.flatMap { file in
            try String(contentsOf: sources.appendingPathComponent(file), encoding: .utf8)
                .matches(of: declaration).map { String($0.output.1) }
        }.sorted()
    }

    @Test("Strangers reach nothing; a key may do what it was given; a key that was removed is refused")
    func keys() throws {
        try Scenario.run { scenario in
            let server = try serveEncrypted(scenario)
            try scenario.python("refused.py", "strangers", scenario.path("stranger.key"))
            let asked = try scenario.opsbus("rules", "list", environment: key("stranger"))
            #expect(asked.exitCode == 77 && asked.errorOutput.contains("key"), "\(asked.exitCode) \(asked.errorOutput)")
            let unencrypted = try scenario.opsbus("rules", "list", environment: ["OPSBUS_SERVER_KEY": ""])
            #expect(unencrypted.exitCode != 0)

            // Without --allow a key publishes and subscribes.
            let put = ["events", "put", "--source", "a.b", "--detail-type", "t", "--detail", "{}"]
            #expect(try scenario.opsbus(put, environment: key("publisher")).exitCode == 0)
            let read = try scenario.opsbus(
                "subscribe", "event/", "--from", "0", "--count", "1", "--timeout", "20s", environment: key("publisher"))
            #expect(read.exitCode == 0 && read.output.contains("a.b"), "\(read.output)\(read.errorOutput)")
            let refused = try scenario.opsbus("keys", "list", environment: key("publisher"))
            #expect(refused.exitCode == 77, "\(refused.exitCode)")
            #expect(
                refused.errorOutput.contains("publisher is not allowed to perform bus:ListKeys"),
                "\(refused.errorOutput)")

            #expect(try scenario.opsbus("keys", "remove", "publisher", environment: key("admin")).exitCode == 0)
            #expect(try scenario.opsbus(put, environment: key("publisher")).exitCode == 77)
            // The audit log knows who did what.
            let audit = try scenario.opsbus("audit", "list", "--principal", "admin", environment: key("admin"))
            #expect(audit.output.contains("DeleteKey"), "\(audit.output)")
            #expect(server.isRunning)
        }
    }

    @Test("Every operation, every message of a node and every topic is refused to a key that may do nothing")
    func everything() throws {
        let operations = try Self.operations()
        #expect(operations.count >= 60, "the operations could not be read from the sources")
        try Scenario.run { scenario in
            try serveEncrypted(scenario)
            scenario.environment.merge(["OPSBUS_CLIENT_KEY": scenario.path("nobody.key")]) { $1 }
            let child = try scenario.startPython(
                "refused.py", ["operations"], input: operations.joined(separator: "\n"))
            #expect(try child.wait() == 0, "\(child.errorOutput)")
            #expect(child.output == "\(operations.count)\n")
            #expect(try scenario.python("refused.py", "nodes").output == "13\n")

            let subscriber = try scenario.startPython("refused.py", ["subscription", "event/"])
            while subscriber.isRunning {
                let put = try scenario.opsbus(
                    "events", "put", "-s", "a", "-t", "b", "-d", "{}", environment: key("admin"))
                #expect(put.exitCode == 0, "\(put.errorOutput)")
            }
            #expect(try subscriber.wait() == 0, "\(subscriber.errorOutput)")
        }
    }

    @Test("A node's key registers a node without activation, which runs commands")
    func nodeKey() throws {
        try Scenario.run { scenario in
            try serveEncrypted(scenario, "--embedded-agent", "false")
            _ = try scenario.start(
                Scenario.program, ["agent", "--agent-state", "agent"], name: "agent", environment: key("web-1"))
            scenario.environment.merge(key("admin")) { $1 }
            let node = try scenario.onlineNode()
            let run = try scenario.opsbus("run", "--shell", "echo from $((40+2))", "--node", node, "--wait")
            #expect(run.exitCode == 0 && run.output.contains("from 42"), "\(run.output)\(run.errorOutput)")
        }
    }

    @Test("Beyond this machine nothing is served without encryption", arguments: ["requests", "stream", "nodes"])
    func exposed(socket: String) throws {
        try Scenario.run { scenario in
            let serve = try scenario.opsbus("serve", "--\(socket)", "tcp://0.0.0.0:57499")
            #expect(serve.exitCode == 78)
            #expect(serve.errorOutput.contains("tcp://0.0.0.0:57499") && serve.errorOutput.contains("CURVE"))
        }
    }

    private func key(_ name: String) -> [String: String] {
        ["OPSBUS_CLIENT_KEY": name == "admin" ? "data/keys/admin.key" : "\(name).key"]
    }

    /// Starts a server that is encrypted from the first and registers keys with the one it made for admin.
    @discardableResult
    private func serveEncrypted(_ scenario: Scenario, _ flags: String...) throws -> ChildProcess {
        scenario.environment["OPSBUS_SERVER_KEY"] = "data/keys/server.key"
        let server = try scenario.startServer(["--curve", "true"] + flags)
        let before = scenario.environment
        scenario.environment.merge(key("admin")) { $1 }
        defer { scenario.environment = before }
        try scenario.addKey("publisher")
        try scenario.addKey("nobody", "--allow", "other:Nothing")
        try scenario.addKey("web-1", "--node")
        try scenario.opsbus("keys", "generate", "--out", "stranger.key")
        return server
    }
}
