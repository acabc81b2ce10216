import Core
import Foundation
import Testing

@Suite("The disk is full")
struct DiskFullTests {
    @Test("Publishing is refused, nothing acknowledged is lost, and it works again when there is room")
    func diskFull() throws {
        try Scenario.run { scenario in
            guard geteuid() == 0 else {
                Issue.record("only root can mount a small file system; this was not tried")
                return
            }
            try scenario.write(
                """
                Name: to-log
                EventPattern: {source: [burst]}
                Targets: [{Id: log, Arn: "arn:aws:logs:::log-group:/burst"}]
                """, to: "rules/burst.yaml")
            try FileManager.default.createDirectory(atPath: scenario.path("data"), withIntermediateDirectories: true)
            try mount(scenario)
            defer { try? scenario.shell("umount -l data") }
            try scenario.shell("dd if=/dev/zero of=data/filler bs=1M count=40 status=none")
            let flags = ["--rules", "rules", "--segment-size", "1MiB"]
            var server = try scenario.startServer(flags[0], flags[1], flags[2], flags[3])
            let burst = try scenario.startPython(
                "burst.py", ["burst", scenario.path("acknowledged"), scenario.path("refused"), "400000"])
            try eventually("publishing is refused", within: 60) { !scenario.text("refused").isEmpty }
            // It stays refused, reading goes on, and a restart changes neither.
            let put = try scenario.opsbus("events", "put", "-s", "burst", "-t", "t", "-d", #"{"text":"\#(padding)"}"#)
            #expect(put.exitCode == 1, "\(put.output)\(put.errorOutput)")
            #expect(put.errorOutput.contains("disk") || put.errorOutput.contains("space"), "\(put.errorOutput)")
            #expect(try scenario.opsbus("rules", "list").exitCode == 0)
            burst.send(SIGTERM)
            try burst.wait()
            let codes = Set(scenario.text("refused").split(separator: "\n").map(String.init))
            #expect(codes.isSubset(of: ["503 ServiceUnavailable", "429 ThrottlingException"]), "\(codes)")
            server.kill()

            try FileManager.default.removeItem(atPath: scenario.path("data/filler"))
            server = try scenario.startServer(flags[0], flags[1], flags[2], flags[3])
            try eventually("publishing works again") {
                try scenario.opsbus("events", "put", "-s", "later", "-t", "t", "-d", "{}").exitCode == 0
            }
            try expectNothingLost(scenario)
        }
    }

    @Test("Publishing works again without a restart when there is room")
    func roomAgain() throws {
        try Scenario.run { scenario in
            guard geteuid() == 0 else {
                Issue.record("only root can mount a small file system; this was not tried")
                return
            }
            try FileManager.default.createDirectory(atPath: scenario.path("data"), withIntermediateDirectories: true)
            try mount(scenario)
            defer { try? scenario.shell("umount -l data") }
            try scenario.shell("dd if=/dev/zero of=data/filler bs=1M count=40 status=none")
            try scenario.startServer("--segment-size", "1MiB")
            let burst = try scenario.startPython(
                "burst.py", ["burst", scenario.path("acknowledged"), scenario.path("refused"), "40000"])
            try eventually("publishing is refused", within: 60) { !scenario.text("refused").isEmpty }
            try FileManager.default.removeItem(atPath: scenario.path("data/filler"))
            #expect(try burst.wait(within: 60) == 0, "what was refused is taken in the end: \(burst.errorOutput)")
            try expectNothingLost(scenario)
        }
    }

    private var padding: String { String(repeating: "y", count: 100_000) }

    private func mount(_ scenario: Scenario) throws {
        try scenario.shell("mount -t tmpfs -o size=60m tmpfs data")
    }

    private func expectNothingLost(_ scenario: Scenario) throws {
        let acknowledged = Set(scenario.text("acknowledged").split(separator: "\n").filter { $0.utf8.count == 36 })
        #expect(!acknowledged.isEmpty)
        let ids = try scenario.python("stream_ids.py", "event/default/burst/").output.split(separator: "\n")
        #expect(acknowledged.subtracting(ids).isEmpty, "of \(acknowledged.count), \(ids.count) are in the journal")
        #expect(ids.count == Set(ids).count, "none is there twice")
        #expect(try scenario.opsbus("audit", "verify").exitCode == 0)
    }
}
