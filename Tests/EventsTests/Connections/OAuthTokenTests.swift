import Core
import Testing

@testable import Events

@Suite("OAuth tokens") struct OAuthTokenTests {
    private let start = Timestamp(seconds: 1_800_000_000)

    @Test("One fetches while others wait; then all use what came, until shortly before it expires")
    func life() {
        var token = OAuthToken()
        #expect(token.need(now: start) == .fetch)
        #expect(token.need(now: start) == .wait)
        token.received("Bearer a", lifetime: .seconds(100), now: start)
        #expect(token.need(now: start) == .use("Bearer a"))
        #expect(token.need(now: start + .seconds(89)) == .use("Bearer a"))
        #expect(token.need(now: start + .seconds(90)) == .fetch)
        #expect(token.need(now: start + .seconds(90)) == .wait)
    }

    @Test("A token without a lifetime is used until a server refuses it")
    func refused() {
        var token = OAuthToken()
        _ = token.need(now: start)
        token.received("Bearer a", lifetime: nil, now: start)
        #expect(token.need(now: start + .seconds(1_000_000)) == .use("Bearer a"))
        token.refused("Bearer old")
        #expect(token.need(now: start) == .use("Bearer a"), "another one was refused")
        token.refused("Bearer a")
        #expect(token.need(now: start) == .fetch)
        token.refused("Bearer a")
        #expect(token.need(now: start) == .wait, "the fetch under way goes on")
    }

    @Test("After a fetch that failed the next who needs one fetches")
    func failed() {
        var token = OAuthToken()
        _ = token.need(now: start)
        token.failed()
        #expect(token.need(now: start) == .fetch)
    }

    @Test("A token that lives no longer than its way is fetched each time")
    func shortLived() {
        var token = OAuthToken()
        _ = token.need(now: start)
        token.received("Bearer a", lifetime: .seconds(5), now: start)
        #expect(token.need(now: start) == .fetch)
    }
}
