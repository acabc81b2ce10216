import Foundation
import Testing

@testable import Platform

@Suite struct ChildProcessTests {
    let loop = ProcessLoop()

    private func shell(_ script: String) -> ProcessRequest {
        ProcessRequest("/bin/sh", ["-c", script], environment: ["PATH": "/usr/bin:/bin"])
    }

    private func run(_ request: ProcessRequest) async throws -> CollectedOutput {
        try await loop.start(request).collect(bytesMax: 64 << 20)
    }

    @Test func outputExitCodeEnvironmentDirectoryAndInputPass() async throws {
        var request = shell("cat; echo $NAME; pwd; echo wrong >&2; exit 7")
        request.environment["NAME"] = "a b"
        request.directory = "/usr"
        request.input = Array("typed\n".utf8)
        let result = try await run(request)
        #expect(String(decoding: result.standardOutput, as: UTF8.self) == "typed\na b\n/usr\n")
        #expect(String(decoding: result.standardError, as: UTF8.self) == "wrong\n")
        #expect(result.outcome == ProcessOutcome(status: .exited(code: 7)))
    }

    @Test func withoutInputStandardInputIsEmpty() async throws {
        let result = try await run(shell("wc -c"))
        #expect(String(decoding: result.standardOutput, as: UTF8.self) == "0\n")
    }

    @Test func inputLargerThanAPipePasses() async throws {
        var request = shell("wc -c")
        request.input = [UInt8](repeating: 120, count: 3_000_000)
        #expect(String(decoding: try await run(request).standardOutput, as: UTF8.self) == "3000000\n")
    }

    @Test func nothingOfThisProcessIsInherited() async throws {
        let result = try await run(shell("env | grep -v ^PWD; ls /proc/self/fd | wc -l"))
        let lines = String(decoding: result.standardOutput, as: UTF8.self).split(separator: "\n")
        // `_` is set by the shell; the fourth descriptor is that of the listing.
        #expect(lines.filter { !$0.hasPrefix("_=") && !$0.hasPrefix("OLDPWD") && !$0.hasPrefix("SHLVL") }
            == ["PATH=/usr/bin:/bin", "4"])
    }

    @Test func binaryOutputIsKeptByteForByte() async throws {
        let result = try await run(shell("printf '\\000\\377\\200\\n\\303'"))
        #expect(result.standardOutput == [0, 255, 128, 10, 195])
    }

    @Test func aSignalIsReported() async throws {
        #expect(try await run(shell("kill -9 $$")).outcome.status == .signalled(9))
    }

    @Test func aMissingProgramOrDirectoryIsNamed() async throws {
        let missing = await #expect(throws: ProcessError.self) { try await run(ProcessRequest("/no/such")) }
        #expect(missing?.description == "cannot start /no/such: No such file or directory")
        var request = shell("true")
        request.directory = "/no/where"
        let nowhere = await #expect(throws: ProcessError.self) { try await run(request) }
        #expect(nowhere?.description == "cannot change to /no/where for /bin/sh: No such file or directory")
    }

    @Test func aTimeoutEndsThePolite() async throws {
        var request = shell("echo before; sleep 100; echo after")
        request.timeout = .seconds(3)
        request.grace = .seconds(30)
        let result = try await run(request)
        #expect(String(decoding: result.standardOutput, as: UTF8.self) == "before\n")
        #expect(result.outcome == ProcessOutcome(status: .signalled(15), stopped: .timedOut))
    }

    @Test func aProgramThatIgnoresTerminationIsKilledWithItsChildren() async throws {
        // The child in the background ignores the signal as well and holds the output open.
        var request = shell("trap '' TERM; sleep 1000 & echo $!; while :; do sleep 1000; done")
        request.timeout = .seconds(3)
        request.grace = .milliseconds(200)
        let clock = ContinuousClock()
        let start = clock.now
        let result = try await run(request)
        #expect(clock.now - start < .seconds(60))
        #expect(result.outcome.status == .signalled(9))
        #expect(result.outcome.stopped == .timedOut)
        let background = try #require(
            Int32(String(decoding: result.standardOutput, as: UTF8.self).filter { $0 != "\n" }))
        #expect(await isGone(background))
    }

    /// A process that has been killed takes a moment to go.
    private func isGone(_ identifier: Int32) async -> Bool {
        let deadline = ContinuousClock.now + .seconds(20)
        while kill(identifier, 0) == 0 && ContinuousClock.now < deadline { await Task.yield() }
        return kill(identifier, 0) != 0
    }

    /// Leaves the session, the group and the environment, has lost its parents, and ignores the signal.
    private static let runaway =
        "setsid env -i /bin/sh -c '(trap \"\" TERM; exec sleep 1000) >/dev/null 2>&1 & echo $!'"

    @Test func noDescendantOutlivesAProgramThatIsStopped() async throws {
        var request = shell(ChildProcessTests.runaway + "; sleep 1000")
        request.timeout = .seconds(3)
        let result = try await run(request)
        #expect(result.outcome.stopped == .timedOut)
        let runaway = try #require(
            Int32(String(decoding: result.standardOutput, as: UTF8.self).filter { $0 != "\n" }))
        #expect(kill(runaway, 0) != 0, "it is gone when the end is reported")
    }

    @Test func noDescendantOutlivesThisProcess() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("runaway-\(UUID())").path
        defer { for name in [path, path + ".leader"] { try? FileManager.default.removeItem(atPath: name) } }
        let script = """
            echo $$ > \(path).leader
            \(ChildProcessTests.runaway) > \(path).new; mv \(path).new \(path); sleep 1000
            """
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, script = script as String] in
            let loop = ProcessLoop()
            let child = try await loop.start(
                ProcessRequest("/bin/sh", ["-c", script], environment: ["PATH": "/usr/bin:/bin"]))
            while !Files.exists(path) { try await Task.sleep(for: .milliseconds(1)) }
            kill(getpid(), SIGKILL)
            withExtendedLifetime((loop, child)) {}
        }
        for name in [path, path + ".leader"] {
            let text = String(decoding: try Files.read(name), as: UTF8.self)
            #expect(await isGone(try #require(Int32(text.filter { $0 != "\n" }))))
        }
    }

    @Test func aSpawnerThatSomebodyKilledIsMadeAnew() async throws {
        // The parent of the supervisor, which is the script's own.
        let script = "read -r pid name state spawner rest < /proc/$PPID/stat; kill -9 $spawner; echo killed"
        let first = try await run(shell(script))
        #expect(first.outcome == ProcessOutcome(status: .exited(code: 0)))
        #expect(String(decoding: first.standardOutput, as: UTF8.self) == "killed\n")
        #expect(String(decoding: try await run(shell("echo more")).standardOutput, as: UTF8.self) == "more\n")
    }

    @Test func cancellingTheConsumerStopsTheProgram() async throws {
        let child = try await loop.start(shell("sleep 1000"))
        let consumer = Task { await child.collect().outcome }
        consumer.cancel()
        #expect(await consumer.value.stopped == .cancelled)
    }

    @Test func droppingTheHandleStopsTheProgram() async throws {
        var child: ChildProcess? = try await loop.start(shell("sleep 1000"))
        let identifier = try #require(child?.identifier)
        child = nil
        #expect(await isGone(identifier))
    }

    @Test func aDaemonLeftBehindDoesNotHoldTheOutcome() async throws {
        var request = shell("setsid sleep 1000 & echo $! started")
        request.drain = .milliseconds(200)
        let result = try await run(request)
        let text = String(decoding: result.standardOutput, as: UTF8.self)
        #expect(text.hasSuffix(" started\n"))
        #expect(result.outcome == ProcessOutcome(status: .exited(code: 0), isOutputComplete: false))
        let daemon = try #require(Int32(text.prefix { $0 != " " }))
        #expect(kill(daemon, 0) == 0, "an ended program's daemons live on")
        kill(daemon, SIGKILL)
    }

    @Test func aSlowConsumerMakesTheProgramWait() async throws {
        // 64 MB would not fit: what is read ahead is bounded by the buffer, one read and the pipe.
        var request = shell("head -c 67108864 /dev/zero; echo done >&2")
        request.bufferBytesMax = 100_000
        let child = try await loop.start(request)
        guard case .output(.standardOutput, let first) = await child.next() else {
            Issue.record("no output")
            return
        }
        #expect(first.count <= 100_000 + 65_536)
        var total = first.count
        var largest = 0
        var error: [UInt8] = []
        while let event = await child.next() {
            switch event {
            case .output(.standardOutput, let bytes):
                total += bytes.count
                largest = max(largest, bytes.count)
            case .output(.standardError, let bytes): error += bytes
            case .ended(let outcome): #expect(outcome.status == .exited(code: 0))
            }
        }
        #expect(total == 67_108_864)
        #expect(largest <= 100_000 + 65_536)
        #expect(error == Array("done\n".utf8))
    }

    @Test func outputLeftInThePipeByAnEndedProgramReachesALateConsumer() async throws {
        var request = shell("head -c 60000 /dev/zero; head -c 60000 /dev/zero; setsid sleep 5 &")
        request.bufferBytesMax = 1
        request.drain = .milliseconds(50)
        let child = try await loop.start(request)
        guard case .output(_, let first) = await child.next() else {
            Issue.record("no output")
            return
        }
        let rest = await child.collect()
        #expect(first.count + rest.standardOutput.count == 120_000)
        #expect(rest.outcome.status == .exited(code: 0))
    }

    @Test func thousandsOfProgramsLeaveNoDescriptorsBehind() async {
        // In a process of its own, because other tests open descriptors meanwhile.
        await #expect(processExitsWith: .exitCode(0)) {
            let loop = ProcessLoop()
            // Only of the kinds that programs need: the runtime opens others when it likes.
            func descriptors() throws -> Int {
                let kinds = ["pipe:", "socket:", "/memfd:", "/dev/null"]
                return try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count { name in
                    let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + name)
                    return kinds.contains { link?.hasPrefix($0) == true }
                }
            }
            _ = try await loop.start(ProcessRequest("/bin/true")).collect()
            let before = try descriptors()
            for _ in 0..<100 {
                await withTaskGroup(of: Void.self) { group in
                    for index in 0..<20 {
                        group.addTask {
                            let path = index == 0 ? "/no/such" : "/bin/echo"
                            if let child = try? await loop.start(ProcessRequest(path, ["x"])) {
                                let result = await child.collect()
                                if result.standardOutput != [120, 10] { exit(1) }
                            } else if index != 0 {
                                exit(2)
                            }
                        }
                    }
                }
            }
            // Supervisors take a moment to go.
            let deadline = ContinuousClock.now + .seconds(20)
            while try descriptors() > before && ContinuousClock.now < deadline { await Task.yield() }
            exit(try descriptors() <= before ? 0 : 3)
        }
    }
}
