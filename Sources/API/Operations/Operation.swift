public import Core

/// One API action, declared once and reachable from every transport, rule target and runbook.
public struct Operation: Sendable {
    public typealias Handler = @Sendable (_ input: JSON, _ context: OperationContext) async throws -> JSON

    public enum Effect: Sendable {
        /// Changes nothing. The table records the call in the audit log.
        case reads
        /// Changes state. The handler records the call in the transaction of the change.
        case writes
    }

    /// `events:PutRule`.
    public let name: String
    /// What a caller must be allowed to, as policies spell it: the name, but for batches what they do many times.
    public let permission: String
    /// The member of the input that names what is acted on, a text or a list of them, where permissions may be for some
    /// of these alone; nil where they are for all.
    public let resource: String?
    /// One line for `--help`.
    public let summary: String
    public let effect: Effect
    public let input: [Field]
    /// What it answers. Protocols that tell maps from structures, or write times in a way of their own, need to know;
    /// members that are not declared are answered as they are.
    public let output: [Field]
    /// Nil for an operation that is called by its name alone.
    public let route: Route?
    /// Whether it may be called by who does not sign: it stands in links that are sent to people and programs, and its
    /// input says who may follow them.
    public let allowsUnsigned: Bool
    /// Checks input whose shape is right, acts, and answers the output.
    public let handler: Handler

    /// Its service, as policies spell it: `events`.
    public var service: String { String(name.prefix { $0 != ":" }) }
    /// Its name within the service: `PutRule`.
    public var action: String { String(name.drop { $0 != ":" }.dropFirst()) }

    public init(
        _ name: String, _ summary: String, _ effect: Effect, permission: String? = nil, resource: String? = nil,
        input: [Field] = [], output: [Field] = [], route: Route? = nil,
        allowsUnsigned: Bool = false, handler: @escaping Handler
    ) {
        self.name = name
        self.permission = permission ?? name
        self.resource = resource
        self.summary = summary
        self.effect = effect
        self.input = input
        self.output = output
        self.route = route
        self.allowsUnsigned = allowsUnsigned
        self.handler = handler
    }
}
