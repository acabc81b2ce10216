import Core
import Testing

@testable import Events

@Suite("Rates") struct TokenBucketTests {
    private let start = Timestamp(seconds: 1_800_000_000)

    @Test("Turns come at the rate, one after the other, and none is refused")
    func steady() {
        var bucket = TokenBucket(rate: 5)
        let turns = (0..<11).map { _ in bucket.reserve(now: start) }
        #expect(turns == (0..<11).map { start + .milliseconds(200 * $0) })
    }

    @Test("A fast rate allows a tenth of a second's turns at once after a pause, and no more")
    func burst() {
        var bucket = TokenBucket(rate: 100)
        _ = bucket.reserve(now: start)
        let later = start + .seconds(60)
        let turns = (0..<12).map { _ in bucket.reserve(now: later) }
        #expect(turns.prefix(10).allSatisfy { $0 == later })
        #expect(turns[10] == later + .milliseconds(10) && turns[11] == later + .milliseconds(20))
    }

    @Test("In no second are there more turns than the rate and its burst", arguments: [1, 2, 7, 30, 300])
    func bound(rate: Int) {
        var bucket = TokenBucket(rate: rate)
        var random = SystemRandomNumberGenerator()
        var now = start
        var turns: [Timestamp] = []
        for _ in 0..<5 * rate {
            now = now + .microseconds(Int64.random(in: 0...800_000 / Int64(rate), using: &random))
            turns.append(bucket.reserve(now: now))
        }
        #expect(turns == turns.sorted())
        for (index, turn) in turns.enumerated() {
            let within = turns[index...].prefix { $0 < turn + .seconds(1) }.count
            #expect(within <= rate + max(1, rate / 10), "\(within) turns after \(turn)")
        }
    }

    @Test("A bucket unused for a while is as good as new")
    func full() {
        var bucket = TokenBucket(rate: 2)
        #expect(bucket.isFull(now: start))
        _ = bucket.reserve(now: start)
        #expect(!bucket.isFull(now: start + .seconds(1)))
        #expect(bucket.isFull(now: start + .seconds(2)))
    }
}
