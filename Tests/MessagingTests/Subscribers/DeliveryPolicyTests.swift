import API
import Core
import TestSupport
import Testing

@testable import Messaging

@Suite("Delivery policies of subscribers by HTTP") struct DeliveryPolicyTests {
    private static func waits(_ policy: DeliveryPolicy) -> [Double] {
        (1...policy.retries).compactMap { policy.wait(beforeRetry: $0).map { $0 / .milliseconds(1) } }
    }

    @Test("Where nothing is set there are three retries, 20 seconds apart")
    func standard() {
        #expect(Self.waits(.http) == [20_000, 20_000, 20_000])
        #expect(DeliveryPolicy.http.wait(beforeRetry: 4) == nil)
    }

    @Test(
        "Between the phases at the shortest and the longest wait, waits grow as the function says",
        arguments: [
            (DeliveryPolicy.Backoff.linear, [1000, 6000, 11000, 16000, 21000]),
            (.arithmetic, [1000, 3000, 7000, 13000, 21000]), (.exponential, [1000, 2333, 5000, 10333, 21000]),
        ])
    func phases(function: DeliveryPolicy.Backoff, growing: [Double]) throws {
        let policy = try DeliveryPolicy(
            subscription: """
                {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 21, "numRetries": 11,
                 "numNoDelayRetries": 2, "numMinDelayRetries": 1, "numMaxDelayRetries": 3,
                 "backoffFunction": "\(function.rawValue)"}}
                """)
        #expect(Self.waits(policy) == [0, 0, 1000] + growing + [21000, 21000, 21000])
    }

    @Test("Geometric waits grow by the same factor")
    func geometric() {
        let policy = DeliveryPolicy(minDelaySeconds: 1, maxDelaySeconds: 27, retries: 4, backoff: .geometric)
        #expect(Self.waits(policy) == [1000, 3000, 9000, 27000])
    }

    @Test("A function is called at once three times, and every 20 seconds in the end")
    func function() {
        let waits = (1...20).map { DeliveryPolicy.function.wait(beforeRetry: $0) ?? .zero }
        #expect(waits[..<5] == [.zero, .zero, .zero, .seconds(1), .seconds(1)])
        #expect(waits[5] == .seconds(1) && waits[14...] == .init(repeating: .seconds(20), count: 6)[...])
        #expect(DeliveryPolicy.function.wait(beforeRetry: 100_015) == .seconds(20))
        #expect(DeliveryPolicy.function.wait(beforeRetry: 100_016) == nil)
    }

    @Test("A retry comes up to a tenth later than its wait, and none comes after the last")
    func jitter() {
        var random = SeededGenerator(seed: 7)
        let now = Timestamp(seconds: 100)
        let times = (0..<100).compactMap { _ in DeliveryPolicy.http.next(after: 1, now: now, using: &random) }
        #expect(times.count == 100 && Set(times).count > 50)
        #expect(times.allSatisfy { $0 >= now + .seconds(20) && $0 <= now + .seconds(22) })
        #expect(DeliveryPolicy.http.next(after: 4, now: now, using: &random) == nil)
    }

    @Test(
        "What cannot hold is refused with the place",
        arguments: [
            ("[]", "it is no JSON object"), ("{", "failed to parse JSON"), (#"{"retry": {}}"#, "there is no retry"),
            (#"{"healthyRetryPolicy": 1}"#, "healthyRetryPolicy must be an object"),
            (#"{"healthyRetryPolicy": {"numRetries": 101}}"#, "numRetries must be from 0 to 100, not 101"),
            (#"{"healthyRetryPolicy": {"minDelayTarget": 0}}"#, "minDelayTarget must be from 1 to 3600, not 0"),
            (
                #"{"healthyRetryPolicy": {"minDelayTarget": 9, "maxDelayTarget": 8}}"#,
                "minDelayTarget 9 must be at most maxDelayTarget 8"
            ),
            (
                #"{"healthyRetryPolicy": {"numRetries": 3, "numNoDelayRetries": 2, "numMaxDelayRetries": 2}}"#,
                "numRetries 3 must be at least the 4 retries of the single phases"
            ),
            (
                #"{"healthyRetryPolicy": {"minDelayTarget": 100, "maxDelayTarget": 100, "numRetries": 37}}"#,
                "all waits together are 3700 seconds; at most 3600 can be"
            ),
            (
                #"{"healthyRetryPolicy": {"backoffFunction": "cubic"}}"#,
                "backoffFunction must be one of linear, arithmetic, geometric, exponential, not 'cubic'"
            ),
            (
                #"{"throttlePolicy": {"maxReceivesPerSecond": 0}}"#,
                "maxReceivesPerSecond must be from 1 to 100000, not 0"
            ),
            (#"{"requestPolicy": {"headerContentType": "a/b"}}"#, "headerContentType 'a/b' is none that can be sent"),
        ])
    func refused(text: String, reason: String) async {
        let error = await refusal { try DeliveryPolicy(subscription: text).json }
        #expect(error?.code == .invalidParameter)
        #expect(error?.message.hasPrefix("Invalid parameter: DeliveryPolicy: \(reason)") == true, "\(error as Any)")
    }

    @Test("A subscription's policy goes over the topic's, unless the topic forbids it")
    func override() {
        let topic =
            #"{"http": {"defaultHealthyRetryPolicy": {"numRetries": 5}, "disableSubscriptionOverrides": false}}"#
        let own = #"{"throttlePolicy": {"maxReceivesPerSecond": 9}}"#
        let policy = DeliveryPolicy(topic: topic, subscription: own)
        #expect(policy.retries == 5 && policy.receivesPerSecond == 9)
        let strict = topic.replacing("false", with: "true")
        #expect(DeliveryPolicy(topic: strict, subscription: own).receivesPerSecond == nil)
        #expect(DeliveryPolicy(topic: #"{"anything": 1}"#, subscription: "{") == .http)
        let shown = DeliveryPolicy.effective(topic: strict)["http"]
        #expect(shown?["disableSubscriptionOverrides"] == true)
        #expect(shown?["defaultHealthyRetryPolicy"]?["numRetries"] == 5)
    }
}
