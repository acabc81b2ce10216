internal import API
internal import Synchronization

/// Messages of agents on their way to the handler: in order for each connection, connections side by side.
///
/// A connection has a queue, and a task that empties it, only while messages wait, so nothing remains of those that
/// went away.
final class NodeInbox: Sendable {
    /// For each connection; past it messages are refused. Output stays far below, because agents wait for credit.
    static let messagesMax = 1024

    private let queues = Mutex<[NodeConnection: [NodeMessage]]>([:])
    private let handler: any NodeMessageHandler

    init(handler: any NodeMessageHandler) { self.handler = handler }

    /// Returns false where the connection has too many messages waiting.
    func deliver(_ message: NodeMessage, from connection: NodeConnection) -> Bool {
        enum Place { case behindOthers, first, nowhere }
        let place = queues.withLock { queues -> Place in
            guard let count = queues[connection]?.count else {
                queues[connection] = [message]
                return .first
            }
            guard count < NodeInbox.messagesMax else { return .nowhere }
            queues[connection]?.append(message)
            return .behindOthers
        }
        switch place {
        case .behindOthers: return true
        case .nowhere: return false
        case .first:
            Task { @concurrent in await self.drain(connection) }
            return true
        }
    }

    private func drain(_ connection: NodeConnection) async {
        while let messages = next(connection) {
            for message in messages { await handler.receive(message, from: connection) }
        }
    }

    private func next(_ connection: NodeConnection) -> [NodeMessage]? {
        queues.withLock { queues in
            guard let messages = queues[connection], !messages.isEmpty else {
                queues[connection] = nil
                return nil
            }
            queues[connection] = []
            return messages
        }
    }
}
