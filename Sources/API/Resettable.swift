/// An engine whose state can be wiped beneath it while it runs.
///
/// Every engine is suspended; one transaction empties the tables, all but a list of those that stay; every engine is
/// resumed. An engine that keeps in memory what its tables hold lets go of it in the one and loads it in the other.
public protocol Resettable: Sendable {
    /// Begins nothing more, ends what is under way as far as that takes no time, and forgets what is in memory. What
    /// could not be ended writes nothing about it any more.
    func suspend() async

    /// Loads what the database holds now and goes on.
    /// - Throws: `StorageError` where the data cannot be read.
    func resume() async throws
}
