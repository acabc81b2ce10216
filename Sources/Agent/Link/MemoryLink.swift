public import API
internal import Core

/// Joins the server and an agent in the same process.
///
/// Each direction is a queue with a limit; what does not fit is refused, as on a socket, and sent again later.
public final class MemoryLink: AgentLink, NodeLink {
    private let connection = NodeConnection(identifier: Array("embedded".utf8), principal: .local, isEmbedded: true)
    private let fromAgent: AsyncStream<NodeMessage>
    private let fromAgentEnd: AsyncStream<NodeMessage>.Continuation
    private let fromServer: AsyncStream<NodeMessage>
    private let fromServerEnd: AsyncStream<NodeMessage>.Continuation

    private static let messagesMax = 1024

    public init() {
        (fromAgent, fromAgentEnd) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(MemoryLink.messagesMax))
        (fromServer, fromServerEnd) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(MemoryLink.messagesMax))
    }

    /// Carries messages both ways until the task is cancelled.
    public func run(agent: Agent, handler: any NodeMessageHandler) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await message in self.fromServer { await agent.receive(message) } }
            group.addTask {
                for await message in self.fromAgent { await handler.receive(message, from: self.connection) }
            }
        }
    }

    public func send(_ message: NodeMessage) -> Bool { MemoryLink.isQueued(fromAgentEnd.yield(message)) }

    public func send(_ message: NodeMessage, to connection: NodeConnection) -> Bool {
        connection == self.connection && MemoryLink.isQueued(fromServerEnd.yield(message))
    }

    /// Memory does not break: there is nothing to open anew.
    public func reconnect() {}

    private static func isQueued(_ result: AsyncStream<NodeMessage>.Continuation.YieldResult) -> Bool {
        if case .enqueued = result { true } else { false }
    }
}
