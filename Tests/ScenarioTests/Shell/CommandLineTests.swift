import Core
import Foundation
import Testing

@Suite("The command line as a shell sees it")
struct CommandLineTests {
    @Test("Exit codes tell what went wrong")
    func exitCodes() throws {
        try Scenario.run { scenario in
            let none = try scenario.opsbus("rules", "list")
            #expect(none.exitCode == 69 && none.errorOutput.contains("opsbus serve"), "\(none.errorOutput)")
            for words in [["rulez"], ["rules"], ["rules", "list", "--nonsense"], ["call"], ["run", "--wait"]] {
                let usage = try scenario.opsbus(words)
                #expect(usage.exitCode == 64, "\(words): \(usage.exitCode) \(usage.errorOutput)")
                #expect(usage.output.isEmpty && usage.errorOutput.hasPrefix("opsbus: "), "\(words)")
            }
            try scenario.startServer()
            #expect(try scenario.opsbus("rules", "list").exitCode == 0)
            let failed = try scenario.opsbus("documents", "show", "No-Such")
            #expect(failed.exitCode == 1 && failed.errorOutput.contains("does not exist"), "\(failed.errorOutput)")
            let unknown = try scenario.opsbus("call", "events:PutEvent", "{}")
            #expect(unknown.exitCode == 1 && unknown.errorOutput.contains("PutEvent"), "\(unknown.errorOutput)")
            let broken = try scenario.opsbus("rules", "list", environment: ["OPSBUS_CONFIG": "nowhere.yaml"])
            #expect(broken.exitCode == 78 && broken.errorOutput.contains("nowhere.yaml"), "\(broken.errorOutput)")
        }
    }

    @Test("Every command explains itself with an example, and every listing is JSON where that is asked for")
    func commands() throws {
        try Scenario.run { scenario in
            try scenario.startServer()
            let commands = try self.commands(scenario, beneath: [])
            #expect(commands.count > 30, "\(commands)")
            for command in commands {
                let help = try scenario.opsbus(command + ["--help"])
                #expect(help.exitCode == 0)
                #expect(help.output.contains("Examples:\n") && help.output.contains("  opsbus "), "\(command)")
            }
            let listings = commands.filter { $0.last == "list" } + [["version"], ["doctor", "--data", "data"]]
            #expect(listings.count > 8, "\(listings)")
            for listing in listings {
                let outcome = try scenario.opsbus(listing + ["--output", "json"])
                #expect(outcome.exitCode == 0, "\(listing): \(outcome.errorOutput)")
                #expect(throws: Never.self, "\(listing): \(outcome.output)") { try outcome.json() }
            }
        }
    }

    /// Every command that does something, by asking each for its subcommands.
    private func commands(_ scenario: Scenario, beneath path: [String]) throws -> [[String]] {
        let help = try scenario.opsbus(path + ["--help"]).output
        guard let section = help.range(of: "\nCommands:\n") else { return [path] }
        let lines = help[section.upperBound...].prefix { $0 != "\0" }.split(
            separator: "\n", omittingEmptySubsequences: false)
        let names = lines.prefix { !$0.isEmpty }.compactMap { line -> String? in
            guard line.hasPrefix("  "), !line.hasPrefix("   ") else { return nil }
            return line.split(separator: " ").first.map(String.init)
        }
        return try names.flatMap { try commands(scenario, beneath: path + [$0]) }
    }

    @Test("Completion scripts are good shell, and complete")
    func completions() throws {
        try Scenario.run { scenario in
            for shell in ["bash", "zsh", "fish"] {
                let script = try scenario.opsbus("completions", shell)
                #expect(script.exitCode == 0 && script.output.contains("__complete"), "\(shell)")
                try scenario.write(script.output, to: "completions.\(shell)")
            }
            let check = try scenario.start("/bin/bash", ["-n", "completions.bash"], name: "bash")
            #expect(try check.wait() == 0, "\(check.errorOutput)")
            // What readline does for "opsbus ru<TAB>".
            let directory = URL(fileURLWithPath: Scenario.program).deletingLastPathComponent().path
            try scenario.write(
                """
                PATH="\(directory):$PATH"
                . ./completions.bash
                complete -p opsbus > /dev/null
                function=$(complete -p opsbus | sed 's/.*-F \\([^ ]*\\).*/\\1/')
                COMP_WORDS=(opsbus ru) COMP_CWORD=1 COMP_LINE="opsbus ru" COMP_POINT=9
                $function opsbus ru opsbus
                echo "${COMPREPLY[@]}"
                """, to: "try.bash")
            let tried = try scenario.start("/bin/bash", ["try.bash"], name: "bash")
            #expect(try tried.wait() == 0, "\(tried.errorOutput)")
            let words = Set(tried.output.split(whereSeparator: \.isWhitespace).map(String.init))
            #expect(words == ["rules", "run"], "\(tried.output)\(tried.errorOutput)")
        }
    }

    @Test("A flag beats the environment, which beats the file; each value's source is shown")
    func configuration() throws {
        try Scenario.run { scenario in
            try scenario.write("retention: 3d\nregion: eu-file-1\naccount: \"111111111111\"\n", to: "opsbus.yaml")
            let printed = try scenario.opsbus(
                "serve", "--print-config", "--output", "json", "--retention", "5d",
                environment: ["OPSBUS_RETENTION": "4d", "OPSBUS_REGION": "eu-environment-1"])
            #expect(printed.exitCode == 0)
            var settings: [String: (String?, String?)] = [:]
            for setting in try printed.json().array ?? [] {
                settings[setting["Key"]?.string ?? ""] = (setting["Value"]?.string, setting["Source"]?.string)
            }
            #expect(settings["retention"] ?? (nil, nil) == ("5d", "--retention"))
            #expect(settings["region"] ?? (nil, nil) == ("eu-environment-1", "$OPSBUS_REGION"))
            #expect(settings["account"] ?? (nil, nil) == ("111111111111", "opsbus.yaml:3"))
            #expect(settings["log-level"] ?? (nil, nil) == ("info", "default"))
            // What is printed is what is in force.
            try scenario.startServer(environment: ["OPSBUS_REGION": "eu-environment-1"])
            let topic = try scenario.opsbus("topics", "create", "t").output
            #expect(topic == "arn:aws:sns:eu-environment-1:111111111111:t\n")
        }
    }

    @Test(
        "A server that is told to end does so with exit code 0, and the next start is clean",
        arguments: [SIGTERM, SIGINT])
    func stop(signal: Int32) throws {
        try Scenario.run { scenario in
            let server = try scenario.startServer()
            #expect(try scenario.opsbus("topics", "create", "kept").exitCode == 0)
            // With work going on.
            let follower = try scenario.start(
                Scenario.program, ["subscribe", "event/"], name: "follower")
            let run = try scenario.opsbus("run", "--shell", "sleep 60", "--node", try scenario.onlineNode())
            #expect(run.exitCode == 0)
            server.send(signal)
            #expect(try server.wait(within: 15) == 0, "\(server.errorOutput)")
            #expect(follower.isRunning, "a subscriber waits for the server's return")
            let again = try scenario.startServer()
            #expect(!again.errorOutput.contains("cut") && !again.errorOutput.contains("error"), "\(again.errorOutput)")
            #expect(try scenario.opsbus("topics", "list").output.contains("kept"))
        }
    }
}
