internal import CShims
internal import Glibc
internal import Synchronization

/// A thread that runs the jobs of the actors pinned to it, one at a time: for work that blocks, or for handles that
/// belong to one thread. Actors return it as their `unownedExecutor`.
///
/// `@unchecked`: the queue is guarded by `mutex`; `identity` is written once, before the thread takes a job.
public final class WorkerThread: SerialExecutor, TaskExecutor, @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrival = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [UnownedJob] = []
    private var stopping = false
    private let identity = Atomic<UInt64>(0)
    private let name: String

    /// Starts the thread.
    /// - Parameter name: At most 15 bytes, shown by `top -H`.
    public init(name: String) {
        self.name = name
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(arrival, nil)
        // The thread keeps the executor alive until `stop`.
        let this = Unmanaged.passRetained(self)
        let status = ops_thread_start(
            { Unmanaged<WorkerThread>.fromOpaque($0!).takeRetainedValue().run() }, this.toOpaque())
        precondition(status == 0, "cannot start thread \(name): errno \(status)")
    }

    deinit {
        pthread_cond_destroy(arrival)
        pthread_mutex_destroy(mutex)
        arrival.deallocate()
        mutex.deallocate()
    }

    /// Lets the thread end once the jobs already queued have run. Later jobs never run.
    public func stop() {
        pthread_mutex_lock(mutex)
        stopping = true
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(arrival)
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pthread_mutex_lock(mutex)
        jobs.append(job)
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(arrival)
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func checkIsolated() { precondition(isCurrent, "not on thread \(name)") }

    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    private var isCurrent: Bool { identity.load(ordering: .relaxed) == ops_thread_id() }

    private func run() {
        identity.store(ops_thread_id(), ordering: .relaxed)
        ops_thread_set_name(name)
        let executor = asUnownedSerialExecutor()
        var running: [UnownedJob] = []
        while true {
            pthread_mutex_lock(mutex)
            while jobs.isEmpty && !stopping { pthread_cond_wait(arrival, mutex) }
            swap(&jobs, &running)
            pthread_mutex_unlock(mutex)
            if running.isEmpty { return }
            for job in running { job.runSynchronously(on: executor) }
            running.removeAll(keepingCapacity: true)
        }
    }
}
