public import Core

/// The durable order of everything published. An event is accepted once it is here; all else is derived from it.
///
/// The small seam behind which a distributed journal can take the place of the local one. Every backend passes the
/// same suite, `JournalTests`.
///
/// Sequences start at 1 and rise by 1 over the whole journal. All records of a batch become durable together or not
/// at all, and lie next to each other.
public protocol Journal: Sendable {
    /// Names this history: drawn when the journal is created. Sequences of another epoch mean nothing here.
    var epoch: Identifier { get }

    /// The last durable sequence; 0 before the first record.
    var lastSequence: UInt64 { get }

    /// The first sequence retained; `lastSequence + 1` when there is none.
    var oldestSequence: UInt64 { get }

    /// Queues a batch; returns at once.
    /// - Parameter completion: Called once, on the journal's thread, when the batch is durable or has failed: with
    ///   `.diskFull` or `.inputOutput` nothing of the batch is visible, and a later append may succeed. It must be
    ///   short, and must not wait for the journal.
    /// - Throws: `StorageError` with `.throttled` when `Limits.journalQueueBytesMax` bytes are queued already, or
    ///   `.closed` after `close`. The completion is then not called.
    func append(
        _ batch: consuming JournalBatch,
        completion: @escaping @Sendable (Result<JournalReceipt, StorageError>) -> Void
    ) throws(StorageError)

    /// Records in order, from the one after `sequence`. Callable from any thread, at any time.
    /// - Parameter bytesMax: Room for framed records; a single larger record is returned alone.
    /// - Returns: At least one record, or an empty slice when nothing newer is durable.
    /// - Throws: `StorageError` with `.expired` when the record after `sequence` is no longer retained, `.corrupt`
    ///   naming the segment, offset and sequence, or `.inputOutput`.
    func read(after sequence: UInt64, bytesMax: Int) throws(StorageError) -> JournalSlice

    /// Calls `observer` on the journal's thread after each commit with the records just made durable: each record
    /// once, in order, after the completions of their batches.
    ///
    /// To miss nothing, observe first and then read what came before; a record may then be met twice.
    func observe(_ observer: @escaping @Sendable (JournalSlice) -> Void)

    /// Forgets the oldest records, in the units in which the backend keeps them, as long as all of these hold.
    /// - Parameters:
    ///   - time: Only records older than this go.
    ///   - bytesMin: At least this much stays.
    ///   - sequence: Nothing after this goes: the slowest cursor.
    /// - Throws: `StorageError` with `.inputOutput`; what was removed until then stays removed.
    @discardableResult
    func trim(olderThan time: Timestamp, keepingBytes bytesMin: Int, keepingAfter sequence: UInt64)
        throws(StorageError) -> JournalTrim

    /// Refuses further appends, makes durable what is queued and returns when that is done.
    func close()
}

/// Where a batch ended up.
public struct JournalReceipt: Sendable, Hashable {
    /// For an empty batch `lastSequence + 1`.
    public let firstSequence: UInt64
    public let lastSequence: UInt64
    /// The time of all its records.
    public let time: Timestamp

    public init(firstSequence: UInt64, lastSequence: UInt64, time: Timestamp) {
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
        self.time = time
    }
}

/// What `trim` removed.
public struct JournalTrim: Sendable, Hashable {
    public var records: UInt64 = 0
    public var bytes = 0

    public init() {}
}

extension Journal {
    /// Appends a batch and waits until it is durable.
    /// - Throws: `StorageError` as `append(_:completion:)` throws or completes with.
    public func append(_ batch: consuming JournalBatch) async throws(StorageError) -> JournalReceipt {
        let buffer = batch.buffer
        let result: Result<JournalReceipt, StorageError> = await withUnsafeContinuation { continuation in
            do throws(StorageError) {
                try append(JournalBatch(buffer)) { continuation.resume(returning: $0) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    /// Calls `body` with every record after `sequence` whose topic or body contains `needle`, until it returns false
    /// or the journal ends. Slices without the needle are passed over in one search.
    /// - Throws: `StorageError` as `read(after:bytesMax:)`.
    public func scan(
        after sequence: UInt64, matching needle: [UInt8], _ body: (borrowing JournalRecord) -> Bool
    ) throws(StorageError) {
        let search = ByteSearch(needle)
        var sequence = sequence
        while true {
            let slice = try read(after: sequence, bytesMax: 1 << 20)
            if slice.isEmpty { return }
            sequence = slice.lastSequence
            guard search.isFound(in: slice.bytes) else { continue }
            var goesOn = true
            slice.forEach { record in
                guard goesOn, search.isFound(in: record.content) else { return }
                goesOn = body(record)
            }
            if !goesOn { return }
        }
    }
}
