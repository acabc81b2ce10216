internal import CShims
internal import Core
internal import Glibc

/// The journal's thread and the bounded queue before it: whatever has queued while one commit was being made durable
/// becomes the next commit. The wait for the disk is what makes batches grow under load; there is no timer.
///
/// `@unchecked`: everything mutable is guarded by `mutex`; `commit` is called only on the thread.
final class CommitThread: @unchecked Sendable {
    typealias Completion = @Sendable (Result<JournalReceipt, StorageError>) -> Void
    /// What a commit made durable, and when.
    typealias Commit = @Sendable (RecordBuffer) -> Result<(slice: JournalSlice, time: Timestamp), StorageError>

    /// Enough for the cost of a sync to vanish; little enough that the first of a commit does not wait long.
    static let commitBytesMax = 4 << 20

    private struct Entry {
        let buffer: RecordBuffer
        let completion: Completion
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var queue: [Entry] = []
    private var observers: [@Sendable (JournalSlice) -> Void] = []
    /// Bytes handed over and not yet durable.
    private var pendingBytes = 0
    private var isWaiting = false
    private var isClosed = false
    private var hasEnded = false
    private var identity: UInt64 = 0
    private let bytesMax: Int
    private let commit: Commit

    /// Starts the thread.
    init(bytesMax: Int, commit: @escaping Commit) {
        self.bytesMax = bytesMax
        self.commit = commit
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
        let this = Unmanaged.passRetained(self)
        let status = ops_thread_start(
            { Unmanaged<CommitThread>.fromOpaque($0!).takeRetainedValue().run() }, this.toOpaque())
        precondition(status == 0, "cannot start the journal's thread: errno \(status)")
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    func submit(_ buffer: RecordBuffer, completion: @escaping Completion) throws(StorageError) {
        let mustWake = try enqueue(buffer, completion)
        // Out of the lock: the thread would wake only to wait for it.
        if mustWake { pthread_cond_broadcast(changed) }
    }

    /// - Returns: Whether the thread is waiting for it.
    private func enqueue(_ buffer: RecordBuffer, _ completion: @escaping Completion) throws(StorageError) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if isClosed { throw StorageError(.closed, "the journal is closed") }
        guard pendingBytes + buffer.count <= bytesMax else {
            throw StorageError(
                .throttled, "\(pendingBytes) bytes wait to be written and the limit is \(bytesMax); try again shortly")
        }
        pendingBytes += buffer.count
        queue.append(Entry(buffer: buffer, completion: completion))
        return isWaiting
    }

    func observe(_ observer: @escaping @Sendable (JournalSlice) -> Void) {
        pthread_mutex_lock(mutex)
        observers.append(observer)
        pthread_mutex_unlock(mutex)
    }

    /// Ends the thread once the queue is empty, and waits for that unless called on it.
    func stop() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_broadcast(changed)
        while !hasEnded && identity != ops_thread_id() { pthread_cond_wait(changed, mutex) }
        pthread_mutex_unlock(mutex)
    }

    private func run() {
        ops_thread_set_name("journal")
        pthread_mutex_lock(mutex)
        identity = ops_thread_id()
        pthread_mutex_unlock(mutex)
        while let entries = take() { process(entries) }
        pthread_mutex_lock(mutex)
        hasEnded = true
        // Observers often hold what holds the journal.
        observers = []
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    /// The next commit's batches; nil when the queue is empty and closed.
    private func take() -> [Entry]? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        isWaiting = true
        while queue.isEmpty && !isClosed { pthread_cond_wait(changed, mutex) }
        isWaiting = false
        if queue.isEmpty { return nil }
        var bytes = 0
        let end = queue.firstIndex { entry in
            bytes += entry.buffer.count
            return bytes > Self.commitBytesMax
        }
        let count = max(end ?? queue.count, 1)
        defer { queue.removeFirst(count) }
        return Array(queue[..<count])
    }

    private func process(_ entries: [Entry]) {
        let buffer = entries.count == 1 ? entries[0].buffer : Self.join(entries)
        let result = commit(buffer)
        pthread_mutex_lock(mutex)
        pendingBytes -= entries.reduce(0) { $0 + $1.buffer.count }
        let observers = observers
        pthread_mutex_unlock(mutex)
        switch result {
        case .success(let (slice, time)):
            var next = slice.firstSequence
            for entry in entries {
                let end = next + UInt64(entry.buffer.records)
                entry.completion(.success(JournalReceipt(firstSequence: next, lastSequence: end - 1, time: time)))
                next = end
            }
            if !slice.isEmpty { for observer in observers { observer(slice) } }
        case .failure(let error):
            for entry in entries { entry.completion(.failure(error)) }
        }
    }

    private static func join(_ entries: [Entry]) -> RecordBuffer {
        let whole = RecordBuffer(capacity: entries.reduce(0) { $0 + $1.buffer.count })
        for entry in entries { whole.append(entry.buffer) }
        return whole
    }
}
