import Core
import Foundation
import Testing

@Suite("An encrypted bus")
struct EncryptionTests {
    /// Makes pairs for three clients, registers two of them while the bus is not encrypted yet, and encrypts it.
    ///
    /// - Returns: The flags by which a command uses a client's key.
    private func encrypt(_ scenario: Scenario) throws -> (server: ChildProcess, flags: (String) -> [String]) {
        let open = try scenario.startServer()
        var keys: [String: String] = [:]
        for name in ["publisher", "administrator", "stranger"] {
            let made = try scenario.opsbus("keys", "generate", "--out", "\(name).key")
            #expect(made.exitCode == 0, "\(made.errorOutput)")
            keys[name] = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
            let attributes = try FileManager.default.attributesOfItem(atPath: scenario.path("\(name).key"))
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
        for (name, allow) in [("publisher", "events:PutEvents"), ("administrator", "*")] {
            let added = try scenario.opsbus("keys", "add", name, "--public", keys[name] ?? "", "--allow", allow)
            #expect(added.exitCode == 0, "\(added.errorOutput)")
        }
        open.send(SIGTERM)
        #expect(try open.wait() == 0)

        let server = try scenario.startServer("--curve", "true")
        let printed = try scenario.opsbus("keys", "public", "data/keys/server.key")
        #expect(printed.exitCode == 0, "\(printed.errorOutput)")
        try scenario.write(printed.output, to: "server.public")
        return (server, { ["--client-key", "\($0).key", "--server-key", "server.public"] })
    }

    private let put = ["events", "put", "-s", "some.app", "-t", "t", "-d", "{}"]

    @Test("On the command line a registered key does what it is allowed and nothing else")
    func commandLine() throws {
        try Scenario.run { scenario in
            let (_, flags) = try encrypt(scenario)
            let published = try scenario.opsbus(put + flags("publisher"))
            #expect(published.exitCode == 0, "\(published.errorOutput)")
            let refused = try scenario.opsbus(["rules", "list"] + flags("publisher"))
            #expect(refused.exitCode == 77 && refused.output.isEmpty)
            #expect(refused.errorOutput.contains("events:ListRules"), "\(refused.errorOutput)")
            let seen = try scenario.opsbus(
                ["subscribe", "event/", "--from", "0", "--count", "1", "--timeout", "20s"] + flags("administrator"))
            #expect(seen.exitCode == 0 && seen.output.contains("some.app"), "\(seen.output)\(seen.errorOutput)")
            // The record names who it was.
            let audit = try scenario.opsbus(
                ["audit", "list", "--principal", "publisher", "--output", "json"] + flags("administrator"))
            #expect(audit.exitCode == 0 && audit.output.contains("ListRules"), "\(audit.output)\(audit.errorOutput)")
            let verify = try scenario.opsbus(["audit", "verify"] + flags("administrator"))
            #expect(verify.exitCode == 0, "\(verify.output)\(verify.errorOutput)")
        }
    }

    @Test("From Python a registered key connects; an unregistered one, and no key at all, do not")
    func python() throws {
        try Scenario.run { scenario in
            let (server, flags) = try encrypt(scenario)
            let body = #"{"Entries": [{"Source": "a.b", "DetailType": "t", "Detail": "{}"}]}"#
            func call(_ key: String, _ operation: String, _ body: String) throws -> String {
                try scenario.python("encrypted.py", key, operation, body).output
            }
            #expect(try call("publisher.key", "events:PutEvents", body).hasPrefix("200 "))
            let denied = try call("publisher.key", "events:ListRules", "{}")
            #expect(denied.hasPrefix("403 ") && denied.contains("AccessDeniedException"), "\(denied)")
            #expect(try call("administrator.key", "events:ListRules", "{}").hasPrefix("200 "))
            #expect(try call("stranger.key", "events:PutEvents", body) == "refused\n")
            #expect(try call("none", "events:PutEvents", body) == "refused\n")

            // A key can be taken out, and put in, while the server runs.
            let removed = try scenario.opsbus(["keys", "remove", "publisher"] + flags("administrator"))
            #expect(removed.exitCode == 0, "\(removed.errorOutput)")
            #expect(try call("publisher.key", "events:PutEvents", body) == "refused\n")
            let stranger = try scenario.opsbus("keys", "public", "stranger.key").output
                .trimmingCharacters(in: .whitespacesAndNewlines)
            let added = try scenario.opsbus(
                ["keys", "add", "stranger", "--public", stranger] + flags("administrator"))
            #expect(added.exitCode == 0, "\(added.errorOutput)")
            #expect(try call("stranger.key", "events:PutEvents", body).hasPrefix("200 "))
            #expect(server.isRunning)
        }
    }

    @Test("The command line says that the server does not accept an unregistered key")
    func strangerOnCommandLine() throws {
        try Scenario.run { scenario in
            let (_, flags) = try encrypt(scenario)
            let stranger = try scenario.opsbus(put + flags("stranger"))
            #expect([69, 77].contains(stranger.exitCode), "\(stranger.exitCode)")
            #expect(stranger.errorOutput.contains("does not accept this client's key"), "\(stranger.errorOutput)")
        }
    }

    @Test("A remote agent works for an encrypted bus with its registered key")
    func agent() throws {
        try Scenario.run { scenario in
            let open = try scenario.startServer("--embedded-agent", "false")
            for name in ["node", "administrator"] {
                let key = try scenario.opsbus("keys", "generate", "--out", "\(name).key").output
                    .trimmingCharacters(in: .whitespacesAndNewlines)
                let rights = name == "node" ? ["--node"] : ["--allow", "*"]
                let added = try scenario.opsbus(["keys", "add", name, "--public", key] + rights)
                #expect(added.exitCode == 0, "\(added.errorOutput)")
            }
            open.send(SIGTERM)
            #expect(try open.wait() == 0)
            try scenario.startServer("--embedded-agent", "false", "--curve", "true")
            try scenario.write(
                try scenario.opsbus("keys", "public", "data/keys/server.key").output, to: "server.public")
            _ = try scenario.start(
                Scenario.program,
                ["agent", "--agent-state", "agent", "--client-key", "node.key", "--server-key", "server.public"],
                name: "agent")
            scenario.environment["OPSBUS_CLIENT_KEY"] = "administrator.key"
            scenario.environment["OPSBUS_SERVER_KEY"] = "server.public"
            let node = try scenario.onlineNode()
            let run = try scenario.opsbus("run", "--shell", "echo encrypted", "--node", node, "--wait")
            #expect(run.exitCode == 0 && run.output.contains("encrypted"), "\(run.output)\(run.errorOutput)")
        }
    }

    @Test("Without encryption the server does not listen where other machines can reach it", arguments: [
        "requests", "stream", "nodes",
    ])
    func openToOthers(socket: String) throws {
        try Scenario.run { scenario in
            for address in ["0.0.0.0", "*", "[::]", "10.0.0.1", "localhost.example.org"] {
                let serve = try scenario.opsbus("serve", "--\(socket)", "tcp://\(address):7499")
                #expect(serve.exitCode == 78, "\(address): \(serve.errorOutput)")
                #expect(serve.errorOutput.contains("CURVE"), "\(address): \(serve.errorOutput)")
            }
        }
    }
}
