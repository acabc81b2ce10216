import API
import Core
import Platform
import TestSupport
import Testing

@testable import Governance

@Suite("Session keys") struct SessionKeyTests {
    private func session(_ governance: TestGovernance, _ name: String) async throws -> String {
        let answer = try await governance.call("sts:GetSessionToken", as: Principal(name))
        return try #require(answer["Credentials"]?["AccessKeyId"]?.string)
    }

    private func keys(_ governance: TestGovernance, _ name: String) async throws -> [String] {
        try await governance.call("iam:ListAccessKeys", ["UserName": .string(name)])["AccessKeyMetadata"]?
            .texts("AccessKeyId") ?? []
    }

    @Test("The oldest of a hundred makes room for the next; other keys and other principals' stay")
    func bounded() async throws {
        let governance = try TestGovernance()
        let lasting = try await governance.call("iam:CreateAccessKey", ["UserName": "app"])
        let temporary = try await governance.call(
            "iam:CreateAccessKey", ["UserName": "app", "DurationSeconds": 31_536_000])
        let other = try await session(governance, "other")
        var sessions: [String] = []
        for _ in 0..<103 {
            sessions.append(try await session(governance, "app"))
            governance.clock.advance(by: .seconds(1))
        }
        let kept = try [lasting, temporary].map { try #require($0["AccessKey"]?["AccessKeyId"]?.string) }
        #expect(try await Set(keys(governance, "app")) == Set(kept + sessions[3...]))
        #expect(try await keys(governance, "other") == [other])
        #expect(governance.service.accessKeys.credential(forAccessKey: sessions[2]) == nil)
        #expect(governance.service.accessKeys.credential(forAccessKey: sessions[3]) != nil)
    }

    @Test("An expired one does not count")
    func expired() async throws {
        let governance = try TestGovernance()
        for _ in 0..<100 { _ = try await session(governance, "app") }
        governance.clock.advance(by: .seconds(43_200))
        let new = try await session(governance, "app")
        #expect(try await keys(governance, "app") == [new])
    }
}
