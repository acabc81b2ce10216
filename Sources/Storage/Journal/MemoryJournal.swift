public import Core
public import Platform
internal import Synchronization

/// A journal that is gone with the process, for tests and trials.
public final class MemoryJournal: Journal {
    private struct Commit {
        let slice: JournalSlice
        let time: Timestamp
    }

    private final class Store: Sendable {
        let commits = Mutex<[Commit]>([])
        let chain: Mutex<RecordChain>
        let last = Atomic<UInt64>(0)
        let oldest = Atomic<UInt64>(1)

        init(_ chain: RecordChain) { self.chain = Mutex(chain) }

        func commit(_ buffer: RecordBuffer, at time: Timestamp) -> JournalSlice {
            let slice = chain.withLock {
                $0.extend(over: buffer, time: time, oldest: oldest.load(ordering: .acquiring))
            }
            guard !slice.isEmpty else { return slice }
            commits.withLock { $0.append(Commit(slice: slice, time: time)) }
            last.store(slice.lastSequence, ordering: .releasing)
            return slice
        }
    }

    public let epoch: Identifier
    private let store: Store
    private let thread: CommitThread

    /// - Parameter queueBytesMax: Appends are throttled past this.
    public convenience init(
        clock: any Clock = SystemClock(), epoch: Identifier? = nil, queueBytesMax: Int = Limits.journalQueueBytesMax
    ) {
        self.init(clock: clock, epoch: epoch, queueBytesMax: queueBytesMax, topicsMax: TopicTable.topicsMax)
    }

    init(clock: any Clock, epoch: Identifier?, queueBytesMax: Int, topicsMax: Int) {
        var generator = SystemRandomNumberGenerator()
        self.epoch = epoch ?? Identifier(using: &generator)
        let topics = TopicTable(topicsMax: topicsMax, using: &generator)
        let store = Store(RecordChain(lastSequence: 0, link: .zero, topics: topics))
        self.store = store
        thread = CommitThread(bytesMax: queueBytesMax) { buffer in
            let time = clock.now
            return .success((store.commit(buffer, at: time), time))
        }
    }

    deinit { thread.stop() }

    public var lastSequence: UInt64 { store.last.load(ordering: .acquiring) }

    public var oldestSequence: UInt64 { store.oldest.load(ordering: .acquiring) }

    public func append(
        _ batch: consuming JournalBatch,
        completion: @escaping @Sendable (Result<JournalReceipt, StorageError>) -> Void
    ) throws(StorageError) {
        try thread.submit(batch.buffer, completion: completion)
    }

    public func observe(_ observer: @escaping @Sendable (JournalSlice) -> Void) { thread.observe(observer) }

    public func close() { thread.stop() }

    public func read(after sequence: UInt64, bytesMax: Int) throws(StorageError) -> JournalSlice {
        let commits = store.commits.withLock { $0 }
        guard sequence + 1 >= oldestSequence else { throw .expired(after: sequence, oldest: oldestSequence) }
        guard let commit = commits.first(where: { $0.slice.lastSequence > sequence }) else {
            return .empty(after: sequence)
        }
        return commit.slice.part(after: sequence, bytesMax: bytesMax)
    }

    @discardableResult
    public func trim(olderThan time: Timestamp, keepingBytes bytesMin: Int, keepingAfter sequence: UInt64)
        throws(StorageError) -> JournalTrim
    {
        store.commits.withLock { commits in
            var trim = JournalTrim()
            var bytes = commits.reduce(0) { $0 + $1.slice.byteCount }
            while let commit = commits.first, commit.time < time, commit.slice.lastSequence <= sequence,
                bytes - commit.slice.byteCount >= bytesMin
            {
                bytes -= commit.slice.byteCount
                trim.bytes += commit.slice.byteCount
                trim.records += UInt64(commit.slice.count)
                store.oldest.store(commit.slice.lastSequence + 1, ordering: .releasing)
                commits.removeFirst()
            }
            return trim
        }
    }
}
