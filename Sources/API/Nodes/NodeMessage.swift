public import Core

/// One message between the server and the agent of a managed node (bus protocol OPS1, section 5).
///
/// | type | from | when | body |
/// |---|---|---|---|
/// | `Register` | agent | first on every connection, and after `Refused` with `NotRegistered` | ``NodeRegistration`` |
/// | `Registered` | server | answers `Register` | `NodeId, HeartbeatSeconds, OutputWindowBytes` |
/// | `Refused` | server | instead of `Registered`, or to any message before `Register` | `Code, Message` |
/// | `Heartbeat` | both | every `HeartbeatSeconds` | – |
/// | `Run` | server | a command for this node; repeated until `Accepted` or `Finished` | ``NodeCommand`` |
/// | `Accepted` | agent | the command is on the node's disk; repeated for a repeated `Run` | `CommandId` |
/// | `StepStarted` | agent | | `CommandId, StepName, Action, Time` |
/// | `Output` | agent | output, within the window; repeated until taken in | ``NodeOutput``; payload: the bytes |
/// | `OutputCredit` | server | it has taken in so many bytes, up to the place named | `Bytes` and ``NodeOutput`` |
/// | `StepFinished` | agent | | `CommandId` and ``StepReport`` |
/// | `Finished` | agent | after all output; repeated until `FinishedReceived` | ``CommandReport`` |
/// | `FinishedReceived` | server | the outcome is in the database, or of no interest | `CommandId` |
/// | `Cancel` | server | repeated until `Finished` | `CommandId` |
/// | `Fetch` | agent | a step needs a document or an attachment; repeated until `Fetched` | ``ContentRequest`` |
/// | | | a document refers to Parameter Store; repeated until `Fetched` | ``NodeParameterRequest`` |
/// | `Fetched` | server | answers `Fetch` | `CommandId, Number` and ``ContentPiece`` or `Code, Message`; payload: bytes |
/// | | | | `CommandId, Number` or also `Code, Message`; payload: a list of ``NodeParameter`` |
public struct NodeMessage: Sendable, Hashable {
    public enum Kind: String, Sendable, CaseIterable {
        case register = "Register"
        case registered = "Registered"
        case refused = "Refused"
        case heartbeat = "Heartbeat"
        case run = "Run"
        case accepted = "Accepted"
        case stepStarted = "StepStarted"
        case output = "Output"
        case outputCredit = "OutputCredit"
        case stepFinished = "StepFinished"
        case finished = "Finished"
        case finishedReceived = "FinishedReceived"
        case cancel = "Cancel"
        case fetch = "Fetch"
        case fetched = "Fetched"
    }

    /// The `Code` of a `Refused` that asks for `Register`, as after a restart of the server.
    public static let notRegistered = "NotRegistered"

    public var kind: Kind
    public var body: JSON
    /// Bulk bytes in a frame of their own; empty where there are none.
    public var payload: [UInt8]

    public init(_ kind: Kind, _ body: JSON = [:], payload: [UInt8] = []) {
        self.kind = kind
        self.body = body
        self.payload = payload
    }

    /// A message about one command that says nothing else.
    public init(_ kind: Kind, command: Identifier) {
        self.init(kind, ["CommandId": .string(command.description)])
    }

    /// The command that the message is about; nil where it names none.
    public var command: Identifier? { body["CommandId"]?.string.flatMap { Identifier($0) } }
}

/// One agent's connection as the server sees it: a bus connection, or the agent inside the server's own process.
public struct NodeConnection: Sendable, Hashable {
    /// Names the connection, not the node; opaque.
    public let identifier: [UInt8]
    /// Who connected: `local`, or the principal of the CURVE key.
    public let principal: Principal
    /// Whether it is the agent within this process, which registers without activation.
    public let isEmbedded: Bool

    public init(identifier: [UInt8], principal: Principal, isEmbedded: Bool = false) {
        self.identifier = identifier
        self.principal = principal
        self.isEmbedded = isEmbedded
    }
}

/// Carries messages to agents. Implemented by the bus and by the link to the agent in the server's own process.
public protocol NodeLink: Sendable {
    /// Queues a message without waiting; false where the connection is gone or its queue is full.
    func send(_ message: NodeMessage, to connection: NodeConnection) -> Bool
}

/// Takes in messages from agents, in order for each connection. Implemented by `Systems`.
public protocol NodeMessageHandler: Sendable {
    func receive(_ message: NodeMessage, from connection: NodeConnection) async
}
