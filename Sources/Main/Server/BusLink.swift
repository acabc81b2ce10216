internal import API
internal import Agent
internal import Bus
internal import Platform
internal import Synchronization

/// The agent's way to a server on the bus.
final class BusLink: AgentLink {
    private struct State {
        var client: NodeClient
        var isClosed = false
    }

    private let endpoint: String
    private let keys: ClientKeys?
    private let log: Log
    private let state: Mutex<State>

    /// - Throws: `BusError` `.invalidEndpoint`, `.socket`.
    init(endpoint: String, keys: ClientKeys?, log: Log) throws(BusError) {
        self.endpoint = endpoint
        self.keys = keys
        self.log = log
        state = Mutex(State(client: try NodeClient(endpoint: endpoint, keys: keys)))
    }

    func send(_ message: NodeMessage) -> Bool { state.withLock { $0.client }.send(message) }

    /// ZeroMQ mends broken connections by itself; this is for one that is silent though it looks whole.
    func reconnect() {
        let old: NodeClient
        do throws(BusError) {
            let fresh = try NodeClient(endpoint: endpoint, keys: keys)
            old = state.withLock { state in
                defer { state.client = fresh }
                return state.client
            }
        } catch {
            log.error("cannot connect anew: \(error)")
            return
        }
        // The loop below sees the end of the old connection and goes on with the new one.
        Task { await old.close() }
    }

    /// Hands what comes to the agent until the link is closed or the task is cancelled.
    func run(_ agent: Agent) async {
        while !Task.isCancelled, !state.withLock({ $0.isClosed }) {
            let client = state.withLock { $0.client }
            do {
                while let events = try await client.next() { await take(events, agent) }
            } catch {
                return
            }
        }
    }

    private func take(_ events: [NodeEvent], _ agent: Agent) async {
        for event in events {
            switch event {
            case .connected:
                log.info("connected to \(endpoint)")
                await agent.linkConnected()
            case .disconnected: log.warning("the connection to \(endpoint) is gone; it is made anew")
            case .refused:
                log.error("\(endpoint) refuses this agent: is its key registered, and is it the right server?")
            case .message(let message): await agent.receive(message)
            }
        }
    }

    func close() async {
        let client = state.withLock { state in
            state.isClosed = true
            return state.client
        }
        await client.close()
    }
}
