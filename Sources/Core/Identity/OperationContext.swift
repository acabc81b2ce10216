/// Who does something and why; every write to the database takes one and records it.
public struct OperationContext: Sendable, Hashable {
    public var principal: Principal
    /// What caused this: the subject of an earlier audit record, such as `event/UUID` or `delivery/ID`; nil for a
    /// person or program acting on its own account.
    public var cause: Subject?
    /// How many buses or rules this chain of causes has passed through; bounded by `Limits.eventHopsMax`.
    public var hops: Int
    /// Where an HTTP client called, `http://HOST:PORT`, for URLs in answers; nil for others.
    public var endpoint: String?

    public init(principal: Principal, cause: Subject? = nil, hops: Int = 0, endpoint: String? = nil) {
        self.principal = principal
        self.cause = cause
        self.hops = hops
        self.endpoint = endpoint
    }

    public static let system = OperationContext(principal: .system)

    /// The same principal acting because of `cause`.
    public func caused(by cause: Subject) -> OperationContext {
        OperationContext(principal: principal, cause: cause, hops: hops, endpoint: endpoint)
    }
}

/// The thing an audit record is about: `kind/identifier`. One subject's identifier, named as the cause of another's
/// record, links them into the tree that `opsbus audit trace` draws.
public struct Subject: Sendable, Hashable, CustomStringConvertible {
    public var kind: Kind
    public var identifier: String

    public enum Kind: String, Sendable, CaseIterable {
        case event, delivery, rule, bus, topic, document, command, invocation, automation, step, node, key
        case subscriber, schedule, execution, pipe, operation, log, parameter, state, queue, function, connection
        case destination, archive, replay
    }

    public init(_ kind: Kind, _ identifier: String) {
        self.kind = kind
        self.identifier = identifier
    }

    /// Reads `kind/identifier`; nil for another form or an unknown kind.
    public init?(_ text: String) {
        guard let slash = text.firstIndex(of: "/"), let kind = Kind(rawValue: String(text[..<slash])) else {
            return nil
        }
        self.init(kind, String(text[text.index(after: slash)...]))
    }

    public var description: String { "\(kind.rawValue)/\(identifier)" }
}
