/// An agent's way to the server: the bus, or memory where both are one process.
///
/// What the server sends is handed to the agent's own `receive`, in order.
public protocol AgentLink: Sendable {
    /// Queues a message without waiting; false where the link is down or its queue is full.
    func send(_ message: NodeMessage) -> Bool

    /// Gives the present connection up, with all that waits in it, and opens a new one.
    func reconnect()
}
