import Foundation
import Testing

/// Runs the quickstart and every numbered example as a reader would, and compares what they print.
@Suite("Examples", .serialized)
struct ExamplesTests {
    private static let folder = Scenario.repository.appending(path: "Examples")

    static let examples: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.first?.isNumber == true }.sorted()
    }()

    @Test("There are examples to run, each explained")
    func found() {
        #expect(Self.examples.count >= 5)
        for example in Self.examples {
            let readme = Self.folder.appending(path: "\(example)/README.md").path
            #expect(FileManager.default.fileExists(atPath: readme), "\(readme)")
        }
    }

    @Test("An example prints what its folder says", .timeLimit(.minutes(15)), arguments: examples)
    func run(_ example: String) throws {
        try Scenario.run { scenario in
            let expected = Self.folder.appending(path: "\(example)/expected.txt")
            // The Swift example builds a package.
            let outcome = try scenario.script("\(example)/run.sh", within: 800)
            #expect(outcome.exitCode == 0, "\(outcome.errorOutput)")
            #expect(outcome.output == (try String(contentsOf: expected, encoding: .utf8)), "\(outcome.errorOutput)")
            #expect(try scenario.leftovers() == [])
        }
    }

    @Test("The quickstart tells the whole story, in the order in which it happens", .timeLimit(.minutes(3)))
    func quickstart() throws {
        try Scenario.run { scenario in
            let outcome = try scenario.script("quickstart.sh", within: 120)
            #expect(outcome.exitCode == 0, "\(outcome.errorOutput)")
            var rest = outcome.output[...]
            for part in [
                "2 rules, 12 documents, 0 errors, 0 warnings\n", "/login.defs: as it should be\n",
                "/login.defs: mode is 0666, should be 0644; UMASK is '000'", "runbook Remediate-FileDrift has begun",
                "command is done", "message to ops-changes: ", "runbook Remediate-FileDrift is done",
                "The checker looks again:\n", "/login.defs: as it should be\n", "Deliver success by rule/",
                "intact: no record was changed",
            ] {
                guard let found = rest.range(of: part) else {
                    Issue.record("missing, or too early: \(part)\n\(outcome.output)")
                    break
                }
                rest = rest[found.upperBound...]
            }
            #expect(try scenario.leftovers() == [])
        }
    }

    @Test("An example whose server does not start, or dies, says so at once and cleans up")
    func deadServer() throws {
        try Scenario.run { scenario in
            try scenario.write("#!/bin/sh\necho 'no room' >&2\nexit 1\n", to: "broken")
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scenario.path("broken"))
            let began = Date()
            let unborn = try scenario.script("01-publish-python/run.sh", within: 15, program: scenario.path("broken"))
            #expect(unborn.exitCode != 0 && unborn.errorOutput.contains("The server has ended"))
            #expect(unborn.errorOutput.contains("no room"), "its last words: \(unborn.errorOutput)")

            try scenario.write(
                """
                #!/usr/bin/env bash
                set -euo pipefail
                . '\(Self.folder.path)/lib.sh'
                start_server
                sleep 1000 &
                echo $! > '\(scenario.path("sleeper"))'
                kill -9 "$server"
                wait_for 60 "what cannot come" false
                """, to: "dies.sh")
            let died = try scenario.script(scenario.path("dies.sh"), within: 15)
            #expect(died.exitCode == 1 && died.errorOutput.contains("what cannot come"), "\(died.errorOutput)")
            #expect(Date().timeIntervalSince(began) < 15)
            let sleeper = try #require(Int32(scenario.text("sleeper").filter(\.isNumber)))
            #expect(kill(sleeper, 0) == -1, "nothing runs on in the background")
            #expect(try scenario.leftovers() == [])
        }
    }
}

extension Scenario {
    /// Runs a script of `Examples` to its end, with the program that was built with the tests.
    fileprivate func script(
        _ name: String, within seconds: Double, program: String = Scenario.program
    ) throws -> Outcome {
        let inherited = ProcessInfo.processInfo.environment
        var variables = ["OPSBUS": program, "TMPDIR": directory.path]
        for variable in ["PATH", "HOME", "OPSBUS_PYTHON"] { variables[variable] = inherited[variable] }
        let path = name.hasPrefix("/") ? name : Scenario.repository.appending(path: "Examples/\(name)").path
        let script = try start("/bin/bash", [path], name: "script", environment: variables)
        let exitCode = try script.wait(within: seconds)
        return Outcome(exitCode: exitCode, output: script.output, errorOutput: script.errorOutput)
    }

    /// Directories that examples have not removed.
    fileprivate func leftovers() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasPrefix("opsbus-example") }
    }
}
