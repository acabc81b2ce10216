internal import API
internal import Core

/// The outputs of one command on their way to the server.
struct Upload {
    /// In the order in which they were begun.
    var spools: [OutputSpool] = []
    /// Bytes that the server is ready for.
    var credit: Int
    /// Since when the server has had the chance to give credit, and has not.
    var stalledSince: Duration?
    /// Cleared where the server takes no output in: its end is then reported without.
    var isTakenIn = true
    /// The runner, where it waits for room.
    var waiter: CheckedContinuation<Void, Never>?

    /// Whether the end of the command may be reported.
    var isComplete: Bool { !isTakenIn || spools.allSatisfy(\.isSent) }

    func index(of output: NodeOutput) -> Int? {
        spools.firstIndex { $0.output.step == output.step && $0.output.stream == output.stream }
    }

    /// The connection is another: what the old one still held is sent again.
    mutating func restart(credit: Int) {
        self.credit = credit
        stalledSince = nil
        isTakenIn = true
        for index in spools.indices { spools[index].rewind() }
    }
}
