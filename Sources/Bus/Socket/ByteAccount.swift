internal import Core
internal import Synchronization

/// Counts bytes that wait for a connection against a limit, and against what all connections share.
///
/// libzmq bounds its queues by messages alone. What is sent with an account is counted until libzmq lets go of it, so
/// that the bytes of a queue are bounded too. Frames shorter than `countedBytesMin` are not: there the limit on
/// messages is one on bytes.
///
/// An account with nothing on it is always given the next message, however full the shared one is: connections that
/// read go on beside those that do not. So all bytes together are at most the shared limit and a message for each
/// connection.
final class ByteAccount: Sendable {
    /// Frames from this length on are counted while libzmq has them.
    static let countedBytesMin = 1024

    private let bytes = Atomic<Int>(0)
    private let bytesMax: Int
    private let shared: ByteAccount?

    init(bytesMax: Int, within shared: ByteAccount? = nil) {
        self.bytesMax = bytesMax
        self.shared = shared
    }

    var isEmpty: Bool { bytes.load(ordering: .relaxed) == 0 }

    /// Whether nothing more is taken now.
    var isFull: Bool {
        let own = bytes.load(ordering: .relaxed)
        if own >= bytesMax { return true }
        guard let shared else { return false }
        return own > 0 && shared.isFull
    }

    /// Puts bytes on the account, which must be released once; false where they are too many, and then they are not
    /// on it.
    func reserve(_ count: Int) -> Bool {
        let own = bytes.add(count, ordering: .relaxed).oldValue
        let all = shared?.bytes.add(count, ordering: .relaxed).oldValue ?? 0
        if own == 0 || (own + count <= bytesMax && all + count <= shared?.bytesMax ?? .max) { return true }
        release(count)
        return false
    }

    /// Takes reserved bytes off. Callable from any thread.
    func release(_ count: Int) {
        bytes.subtract(count, ordering: .relaxed)
        shared?.bytes.subtract(count, ordering: .relaxed)
    }
}
