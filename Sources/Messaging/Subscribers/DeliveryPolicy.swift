internal import API
internal import Core
internal import Glibc

/// How often, and how far apart, a notification is tried again, and how many are sent in a second.
///
/// Retries come in four phases: at once; after the shortest wait; after waits that grow from the shortest to the
/// longest; after the longest.
/// - Source: SNS developer guide, "Amazon SNS message delivery retries". It draws the backoff functions and gives no
///   formulas; those here are ours.
struct DeliveryPolicy: Sendable, Hashable {
    enum Backoff: String, Sendable, CaseIterable {
        /// Waits grow by the same amount.
        case linear
        /// Waits grow by amounts that grow evenly.
        case arithmetic
        /// Waits grow by the same factor.
        case geometric
        /// Waits grow by amounts that double.
        case exponential
    }

    var minDelaySeconds = 20
    var maxDelaySeconds = 20
    var retries = 3
    var noDelayRetries = 0
    var minDelayRetries = 0
    var maxDelayRetries = 0
    var backoff = Backoff.linear
    /// Nil for no bound.
    var receivesPerSecond: Int?
    /// Of raw messages; all others have that of the service.
    var contentType = DeliveryPolicy.standardContentType

    static let standardContentType = "text/plain; charset=UTF-8"
    /// For HTTP where nothing is set.
    static let http = DeliveryPolicy()
    /// For functions; it cannot be set.
    static let function = DeliveryPolicy(
        minDelaySeconds: 1, maxDelaySeconds: 20, retries: 100_015, noDelayRetries: 3, minDelayRetries: 2,
        maxDelayRetries: 100_000, backoff: .exponential)

    /// The wait before a retry, without its jitter; nil where there is no retry more.
    /// - Parameter retry: 1 for the first.
    func wait(beforeRetry retry: Int) -> Duration? {
        precondition(retry >= 1, "retries are counted from 1")
        guard retry <= retries else { return nil }
        if retry <= noDelayRetries { return .zero }
        let growing = retries - noDelayRetries - minDelayRetries - maxDelayRetries
        let index = retry - noDelayRetries - minDelayRetries - 1
        if index < 0 { return .seconds(minDelaySeconds) }
        if index >= growing { return .seconds(maxDelaySeconds) }
        return .milliseconds(Int64((wait(index, of: growing) * 1000).rounded()))
    }

    /// Seconds before one of the retries between the shortest wait and the longest.
    private func wait(_ index: Int, of count: Int) -> Double {
        let (least, most) = (Double(minDelaySeconds), Double(maxDelaySeconds))
        guard count > 1 else { return most }
        let (step, last) = (Double(index), Double(count - 1))
        switch backoff {
        case .linear: return least + (most - least) * step / last
        case .arithmetic: return least + (most - least) * step * (step + 1) / (last * (last + 1))
        case .geometric: return least * pow(most / least, step / last)
        case .exponential:
            return least + (most - least) * (pow(2, step) - 1) / (pow(2, last) - 1)
        }
    }

    /// All waits together.
    var total: Duration { (1...max(1, retries)).reduce(.zero) { $0 + (wait(beforeRetry: $1) ?? .zero) } }

    /// What follows a failed attempt: when the next one is made; nil where there is none.
    /// - Parameter attempts: Made so far, the failed one included.
    func next(after attempts: Int, now: Timestamp, using random: inout some RandomNumberGenerator) -> Timestamp? {
        guard let wait = wait(beforeRetry: attempts) else { return nil }
        // Up to a tenth later, so that many failed together do not return together.
        return now + wait + .microseconds(Int64.random(in: 0...max(0, wait.microseconds / 10), using: &random))
    }
}

// MARK: As clients write it

extension DeliveryPolicy {
    private static let delaySecondsMax = 3600
    private static let retriesMax = 100
    private static let totalMax = Duration.seconds(3600)
    private static let contentTypes: Set<String> = [
        "text/css", "text/csv", "text/html", "text/plain", "text/xml", "application/atom+xml", "application/json",
        "application/octet-stream", "application/soap+xml", "application/x-www-form-urlencoded",
        "application/xhtml+xml", "application/xml",
    ]

    /// What a policy says over what holds without it.
    /// - Parameters:
    ///   - text: The attribute `DeliveryPolicy` of a subscription.
    ///   - base: What holds where it says nothing.
    /// - Throws: `ServiceError` `.invalidParameter`.
    init(subscription text: String, over base: DeliveryPolicy = .http, prefix: String = "Invalid parameter: ")
        throws(ServiceError)
    {
        self = base
        var reader = PolicyReader(prefix: prefix)
        let json = try reader.object(
            text, ["healthyRetryPolicy", "sicklyRetryPolicy", "throttlePolicy", "requestPolicy"])
        try take(json, healthy: "healthyRetryPolicy", throttle: "throttlePolicy", request: "requestPolicy", &reader)
    }

    /// - Parameter text: The attribute `DeliveryPolicy` of a topic.
    /// - Throws: `ServiceError` `.invalidParameter`.
    init(topic text: String) throws(ServiceError) {
        self = .http
        var reader = PolicyReader(prefix: "Invalid parameter: ")
        let json = try reader.object(text, ["http"])
        let http = try reader.member("http", of: json) ?? [:]
        reader.check(
            http,
            [
                "defaultHealthyRetryPolicy", "defaultSicklyRetryPolicy", "disableSubscriptionOverrides",
                "defaultThrottlePolicy", "defaultRequestPolicy",
            ])
        if let value = http["disableSubscriptionOverrides"], !value.isNull, value.bool == nil {
            throw reader.invalid("disableSubscriptionOverrides must be true or false")
        }
        try take(
            http, healthy: "defaultHealthyRetryPolicy", throttle: "defaultThrottlePolicy",
            request: "defaultRequestPolicy", &reader)
    }

    /// The policy that holds for a subscription by HTTP: its own, over the topic's. A text that cannot be read, which
    /// only one can be that was set before texts were checked, is as if it were not there.
    init(topic: String?, subscription: String?) {
        self = topic.flatMap { try? DeliveryPolicy(topic: $0) } ?? .http
        guard let subscription, !DeliveryPolicy.disablesOverrides(topic),
            let own = try? DeliveryPolicy(subscription: subscription, over: self)
        else { return }
        self = own
    }

    private mutating func take(
        _ json: JSON, healthy: String, throttle: String, request: String, _ reader: inout PolicyReader
    ) throws(ServiceError) {
        if let retry = try reader.member(healthy, of: json) { try takeRetries(retry, &reader) }
        if let throttle = try reader.member(throttle, of: json) {
            reader.check(throttle, ["maxReceivesPerSecond"])
            receivesPerSecond = try reader.integer("maxReceivesPerSecond", of: throttle, 1...100_000)
        }
        if let request = try reader.member(request, of: json) {
            reader.check(request, ["headerContentType"])
            if let type = request["headerContentType"]?.string {
                let media = type.prefix { $0 != ";" }.lowercased()
                guard DeliveryPolicy.contentTypes.contains(media), !type.utf8.contains(where: { $0 < 32 || $0 > 126 })
                else { throw reader.invalid("headerContentType '\(type)' is none that can be sent") }
                contentType = type
            }
        }
        try reader.finish()
    }

    private mutating func takeRetries(_ json: JSON, _ reader: inout PolicyReader) throws(ServiceError) {
        reader.check(
            json,
            [
                "minDelayTarget", "maxDelayTarget", "numRetries", "numNoDelayRetries", "numMinDelayRetries",
                "numMaxDelayRetries", "backoffFunction",
            ])
        let (delays, counts) = (1...DeliveryPolicy.delaySecondsMax, 0...DeliveryPolicy.retriesMax)
        minDelaySeconds = try reader.integer("minDelayTarget", of: json, delays) ?? minDelaySeconds
        maxDelaySeconds =
            try reader.integer("maxDelayTarget", of: json, delays) ?? max(minDelaySeconds, maxDelaySeconds)
        retries = try reader.integer("numRetries", of: json, counts) ?? retries
        noDelayRetries = try reader.integer("numNoDelayRetries", of: json, counts) ?? 0
        minDelayRetries = try reader.integer("numMinDelayRetries", of: json, counts) ?? 0
        maxDelayRetries = try reader.integer("numMaxDelayRetries", of: json, counts) ?? 0
        if let name = json["backoffFunction"]?.string {
            guard let known = Backoff(rawValue: name) else {
                let names = Backoff.allCases.map(\.rawValue).joined(separator: ", ")
                throw reader.invalid("backoffFunction must be one of \(names), not '\(name)'")
            }
            backoff = known
        }
        guard minDelaySeconds <= maxDelaySeconds else {
            throw reader.invalid("minDelayTarget \(minDelaySeconds) must be at most maxDelayTarget \(maxDelaySeconds)")
        }
        let phases = noDelayRetries + minDelayRetries + maxDelayRetries
        guard phases <= retries else {
            throw reader.invalid("numRetries \(retries) must be at least the \(phases) retries of the single phases")
        }
        guard total <= DeliveryPolicy.totalMax else {
            throw reader.invalid(
                "all waits together are \(total.components.seconds) seconds; at most \(DeliveryPolicy.totalMax.components.seconds) can be")
        }
    }

    /// As the service shows it, under the names that a subscription has.
    var json: JSON {
        [
            "healthyRetryPolicy": retryJSON, "sicklyRetryPolicy": .null, "throttlePolicy": throttleJSON,
            "requestPolicy": ["headerContentType": .string(contentType)], "guaranteed": false,
        ]
    }

    /// What holds for a topic's subscribers by HTTP, under the names that a topic has.
    /// - Parameter text: The attribute `DeliveryPolicy` of the topic.
    static func effective(topic text: String?) -> JSON {
        let policy = DeliveryPolicy(topic: text, subscription: nil)
        var http: JSON = [
            "defaultHealthyRetryPolicy": policy.retryJSON,
            "disableSubscriptionOverrides": .bool(disablesOverrides(text)),
            "defaultRequestPolicy": ["headerContentType": .string(policy.contentType)],
        ]
        if policy.receivesPerSecond != nil { http["defaultThrottlePolicy"] = policy.throttleJSON }
        return ["http": http]
    }

    private static func disablesOverrides(_ topic: String?) -> Bool {
        topic.flatMap { try? JSON(parsing: $0) }?["http"]?["disableSubscriptionOverrides"]?.bool == true
    }

    private var retryJSON: JSON {
        [
            "minDelayTarget": .integer(minDelaySeconds), "maxDelayTarget": .integer(maxDelaySeconds),
            "numRetries": .integer(retries), "numMaxDelayRetries": .integer(maxDelayRetries),
            "numNoDelayRetries": .integer(noDelayRetries), "numMinDelayRetries": .integer(minDelayRetries),
            "backoffFunction": .string(backoff.rawValue),
        ]
    }

    private var throttleJSON: JSON {
        receivesPerSecond.map { ["maxReceivesPerSecond": .integer($0)] } ?? .null
    }
}

/// Reads the members of a delivery policy, and remembers what it does not know.
private struct PolicyReader {
    let prefix: String
    private var unknown: [String] = []

    init(prefix: String) { self.prefix = prefix }

    func invalid(_ reason: String) -> ServiceError {
        ServiceError(.invalidParameter, "\(prefix)DeliveryPolicy: \(reason)")
    }

    mutating func object(_ text: String, _ known: Set<String>) throws(ServiceError) -> JSON {
        let json: JSON
        do throws(JSONError) {
            json = try JSON(parsing: text)
        } catch {
            throw invalid("failed to parse JSON. \(error)")
        }
        guard json.object != nil else { throw invalid("it is no JSON object") }
        check(json, known)
        return json
    }

    mutating func check(_ json: JSON, _ known: Set<String>) {
        unknown += (json.object?.members ?? []).map(\.key).filter { !known.contains($0) }
    }

    /// Nil where it is not there or null.
    func member(_ name: String, of json: JSON) throws(ServiceError) -> JSON? {
        guard let value = json[name], !value.isNull else { return nil }
        guard value.object != nil else { throw invalid("\(name) must be an object") }
        return value
    }

    func integer(_ name: String, of json: JSON, _ range: ClosedRange<Int>) throws(ServiceError) -> Int? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let number = value.int, range.contains(number) else {
            throw invalid("\(name) must be from \(range.lowerBound) to \(range.upperBound), not \(value.text)")
        }
        return number
    }

    func finish() throws(ServiceError) {
        if let name = unknown.first { throw invalid("there is no \(name)") }
    }
}
