internal import API
internal import Core
internal import Patterns
internal import Synchronization

/// Which messages of a topic a subscription gets: a pattern of message attributes or of the message's body.
/// - Source: SNS developer guide, "Filter policy constraints".
struct FilterPolicy: Sendable {
    enum Scope: String, Sendable {
        case attributes = "MessageAttributes"
        case body = "MessageBody"
    }

    static let keysMax = 5
    static let combinationsMax = 150
    static let bytesMax = 256 << 10
    /// Digits after the point that count in comparisons of numbers.
    private static let fractionDigitsMax = 5

    let scope: Scope
    /// Nil where every message passes.
    private let patterns: PatternSnapshot?

    /// - Parameter prefix: What errors begin with.
    /// - Throws: `ServiceError` `.invalidParameter`.
    init(_ text: String, scope: Scope, prefix: String = "Invalid parameter: ") throws(ServiceError) {
        self.scope = scope
        func invalid(_ reason: String) -> ServiceError { ServiceError(.invalidParameter, prefix + reason) }
        guard text.utf8.count <= FilterPolicy.bytesMax else {
            throw invalid("FilterPolicy: Filter policy must be \(FilterPolicy.bytesMax) bytes or less")
        }
        let json: JSON
        do throws(JSONError) {
            json = try JSON(parsing: text)
        } catch {
            throw invalid("FilterPolicy: failed to parse JSON. \(error)")
        }
        if json == [:] {
            patterns = nil
            return
        }
        if let problem = FilterPolicy.problem(json, scope) { throw invalid(problem) }
        do throws(PatternError) {
            let pattern = try Pattern(parsing: FilterPolicy.rounded(json).bytes)
            patterns = PatternSet(CollectionOfOne((pattern: pattern, rule: UInt32(0)))).snapshot
        } catch {
            let place = error.code == .invalidNumericRange ? "\n at \(error.position)" : ""
            throw invalid("FilterPolicy: \(error.reason)\(place)")
        }
    }

    /// What the service bounds beyond the form of a pattern; nil where nothing is wrong.
    private static func problem(_ json: JSON, _ scope: Scope) -> String? {
        guard let object = json.object else { return "FilterPolicy: Filter is not an object" }
        let fields = object.filter { $0.key != "$or" }
        if scope == .attributes && fields.contains(where: { $0.value.object != nil }) {
            return "Filter policy scope MessageAttributes does not support nested filter policy"
        }
        if fields.count > keysMax { return "FilterPolicy: Filter policy can not have more than \(keysMax) keys" }
        return combinations(json, depth: 1) > combinationsMax ? "FilterPolicy: Filter policy is too complex" : nil
    }

    /// The product over all leaves of how many alternatives they have and how deep they lie; stops growing where it is
    /// too large.
    private static func combinations(_ json: JSON, depth: Int) -> Int {
        var product = 1
        for member in json.object?.members ?? [] {
            let factor: Int
            if member.key == "$or", let branches = member.value.array {
                factor = branches.reduce(0) { $0 + combinations($1, depth: depth) }
            } else if member.value.object != nil {
                factor = combinations(member.value, depth: depth + 1)
            } else {
                factor = max(1, member.value.array?.count ?? 1) * depth
            }
            product *= max(1, factor)
            if product > combinationsMax { return product }
        }
        return product
    }

    /// Numbers with as many digits after the point as are compared.
    private static func rounded(_ json: JSON) -> JSON {
        switch json {
        case .number(let number):
            guard let point = number.text.firstIndex(of: "."), !number.text.contains(where: { $0 == "e" || $0 == "E" })
            else { return json }
            return .number(
                JSONNumber(
                    uncheckedText: String(
                        number.text[..<point]
                            + number.text[point...].prefix(
                                fractionDigitsMax + 1))))
        case .array(let elements): return .array(elements.map(rounded))
        case .object(let object):
            return .object(JSONObject(object.map { .init(key: $0.key, value: rounded($0.value)) }))
        default: return json
        }
    }

    /// - Parameter matcher: Memory to match with.
    func passes(_ message: TopicMessage, _ matcher: inout Matcher) -> Bool {
        guard let patterns else { return true }
        let subject: JSON
        switch scope {
        case .attributes: subject = FilterPolicy.json(of: message.attributes)
        case .body:
            guard let body = try? JSON(parsing: message.text), body.object != nil else { return false }
            subject = body
        }
        // JSON written here is valid, so that nothing is left to refuse.
        return (try? matcher.matches(FilterPolicy.rounded(subject).bytes, with: patterns).isEmpty) == false
    }

    /// Attributes as what patterns are matched against: texts, numbers, and lists of these. Binary ones are ignored.
    private static func json(of attributes: MessageAttributes) -> JSON {
        var object = JSONObject()
        for (name, value) in attributes.values where !value.isBinary {
            let prefix = value.type.prefix { $0 != "." }
            if value.type == "String.Array" {
                guard let list = try? JSON(parsing: value.text), list.object == nil else { continue }
                object.append(name, list)
            } else if prefix == "Number", let number = try? JSON(parsing: value.text), case .number = number {
                object.append(name, number)
            } else {
                object.append(name, .string(value.text))
            }
        }
        return .object(object)
    }
}

/// Filter policies that were read already, by their texts.
final class FilterPolicyCache: Sendable {
    private static let countMax = 1000
    private let policies = Mutex<[String: FilterPolicy]>([:])

    /// - Throws: `ServiceError` `.invalidParameter`.
    func policy(_ text: String, scope: FilterPolicy.Scope) throws(ServiceError) -> FilterPolicy {
        let key = "\(scope.rawValue) \(text)"
        if let policy = policies.withLock({ $0[key] }) { return policy }
        let policy = try FilterPolicy(text, scope: scope)
        policies.withLock { policies in
            if policies.count >= FilterPolicyCache.countMax { policies.removeAll() }
            policies[key] = policy
        }
        return policy
    }
}
