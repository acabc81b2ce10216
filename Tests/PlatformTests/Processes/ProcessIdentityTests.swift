import Foundation
import Testing

@testable import Platform

@Suite struct ProcessIdentityTests {
    let loop = ProcessLoop()

    @Test func anIdentitySurvivesItsText() throws {
        let identity = try #require(ProcessIdentity(of: getpid()))
        #expect(ProcessIdentity(text: identity.text) == identity)
        #expect(ProcessIdentity(text: "12 x y") == nil)
        #expect(ProcessIdentity(text: "") == nil)
    }

    @Test func aGroupWhoseLeaderIsGoneIsFoundByItsMark() async throws {
        let child = try await loop.start(
            ProcessRequest("/bin/sh", ["-c", "sleep 1000 >/dev/null 2>&1 & echo $!; exec sleep 1000"],
                environment: ["PATH": "/usr/bin:/bin", "SSM_COMMAND_ID": "one"]))
        let identity = try #require(ProcessIdentity(of: child.identifier))
        guard case .output(_, let bytes) = await child.next() else {
            Issue.record("no output")
            return
        }
        let member = try #require(Int32(String(decoding: bytes, as: UTF8.self).filter { $0 != "\n" }))
        kill(child.identifier, SIGKILL)
        _ = await child.collect()
        #expect(ProcessIdentity(of: child.identifier) == nil)
        #expect(!identity.killGroup(marker: "SSM_COMMAND_ID=other"))
        #expect(ProcessIdentity(of: member) != nil)
        #expect(identity.killGroup(marker: "SSM_COMMAND_ID=one"))
        let deadline = ContinuousClock.now + .seconds(20)
        while ProcessIdentity(of: member) != nil && ContinuousClock.now < deadline { await Task.yield() }
        #expect(ProcessIdentity(of: member) == nil)
        #expect(!identity.killGroup(marker: "SSM_COMMAND_ID=one"))
    }

    @Test func aProcessOfAnotherTimeIsLeftAlone() async throws {
        let child = try await loop.start(ProcessRequest("/bin/sleep", ["1000"]))
        let identity = try #require(ProcessIdentity(of: child.identifier))
        let earlier = try #require(
            ProcessIdentity(text: "\(identity.identifier) \(identity.startTicks - 1) \(identity.boot)"))
        #expect(!earlier.killGroup(marker: "A=b"))
        #expect(ProcessIdentity(of: child.identifier) == identity)
    }
}
