internal import CShims
internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// What a `BusLoop` runs: the owner of one or more sockets, an actor whose executor is that loop.
protocol LoopMember: AnyObject, Sendable {
    /// Called on the loop's thread whenever anything may have happened: a frame came, something was queued, the time
    /// asked for has come. Takes a bounded share of what there is to do and never waits.
    /// - Parameter now: Monotonic nanoseconds.
    nonisolated func turn(now: Int64) -> LoopWait

    /// The sockets to wait for; asked once, on the loop's thread.
    nonisolated var handles: [SocketHandle] { get }
}

/// A socket as its loop waits for it.
///
/// `@unchecked`: given by the owner, which is pinned to the loop, to the loop, which uses it on the same thread.
struct SocketHandle: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer

    init(_ pointer: UnsafeMutableRawPointer) { self.pointer = pointer }
}

/// What a member waits for, beside frames arriving.
struct LoopWait {
    /// Monotonic nanoseconds at which to be called again.
    var deadline = Int64.max
    /// Whether to be called when a frame has come on its first socket; always is for the others.
    var readable = true
    /// Whether to be called when a frame can be sent on its first socket.
    var writable = false
}

/// A thread that waits for sockets and runs the actors pinned to it.
///
/// The sockets belong to those actors, so the compiler sees to it that no other thread touches them. Others leave work
/// in a queue of the member's and call `notify`, which costs a system call only when the thread sleeps.
///
/// `@unchecked`: `jobs` and `state` are synchronised; all else is touched by the loop's thread alone.
final class BusLoop: SerialExecutor, @unchecked Sendable {
    private enum State {
        static let running: UInt8 = 0
        static let notified: UInt8 = 1
        static let sleeping: UInt8 = 2
    }

    private struct Queue {
        var jobs: [UnownedJob] = []
        var added: [any LoopMember] = []
        var isStopping = false
    }

    private struct Entry {
        let member: any LoopMember
        /// Indexes into `items` of the member's sockets.
        let items: Range<Int>
    }

    private let queue = Mutex(Queue())
    private let state = Atomic<UInt8>(State.running)
    private let identity = Atomic<UInt64>(0)
    private let wakeup: Int32
    private let name: String
    /// The first item is `wakeup`.
    private var items: [zmq_pollitem_t]
    private var entries: [Entry] = []

    /// Starts the thread.
    /// - Parameter name: At most 15 bytes, shown by `top -H`.
    init(name: String) throws(BusError) {
        self.name = name
        wakeup = ops_eventfd()
        guard wakeup >= 0 else { throw BusError(.socket, "cannot create an event counter", errno: errno) }
        items = [zmq_pollitem_t(socket: nil, fd: wakeup, events: Int16(ZMQ_POLLIN), revents: 0)]
        // The thread keeps the loop alive until `stop`.
        let this = Unmanaged.passRetained(self)
        let status = ops_thread_start(
            { Unmanaged<BusLoop>.fromOpaque($0!).takeRetainedValue().run() }, this.toOpaque())
        guard status == 0 else {
            this.release()
            throw BusError(.socket, "cannot start thread \(name)", errno: status)
        }
    }

    deinit { close(wakeup) }

    /// Lets the thread end once the jobs already queued have run. Later jobs never run.
    func stop() {
        queue.withLock { $0.isStopping = true }
        notify()
    }

    /// Makes the loop give every member a turn, soon. Callable from any thread.
    func notify() {
        // Already notified: the turn to come begins after this, and so sees what the caller queued before.
        if state.load(ordering: .sequentiallyConsistent) == State.notified { return }
        guard state.exchange(State.notified, ordering: .sequentiallyConsistent) == State.sleeping else { return }
        var one: UInt64 = 1
        _ = write(wakeup, &one, 8)
    }

    /// Adds a member. Callable from any thread.
    func add(_ member: any LoopMember) {
        queue.withLock { $0.added.append(member) }
        notify()
    }

    /// Removes a member, whose sockets may then be closed; only on the loop's thread and not within a turn.
    func remove(_ member: any LoopMember) {
        precondition(isCurrent, "not on thread \(name)")
        guard let index = entries.firstIndex(where: { $0.member === member }) else { return }
        let removed = entries.remove(at: index)
        items.removeSubrange(removed.items)
        for index in entries.indices where entries[index].items.lowerBound >= removed.items.upperBound {
            let items = entries[index].items
            let shift = removed.items.count
            entries[index] = Entry(
                member: entries[index].member, items: items.lowerBound - shift..<items.upperBound - shift)
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.withLock { $0.jobs.append(job) }
        notify()
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    func checkIsolated() { precondition(isCurrent, "not on thread \(name)") }

    func isIsolatingCurrentContext() -> Bool? { isCurrent }

    private var isCurrent: Bool { identity.load(ordering: .relaxed) == ops_thread_id() }

    private func run() {
        identity.store(ops_thread_id(), ordering: .relaxed)
        ops_thread_set_name(name)
        let executor = asUnownedSerialExecutor()
        var running: [UnownedJob] = []
        while true {
            state.store(State.running, ordering: .sequentiallyConsistent)
            let (added, isStopping) = queue.withLock { queue in
                swap(&queue.jobs, &running)
                defer { queue.added = [] }
                return (queue.added, queue.isStopping)
            }
            if isStopping && running.isEmpty { return }
            for member in added { attend(to: member) }
            for job in running { job.runSynchronously(on: executor) }
            running.removeAll(keepingCapacity: true)
            wait(until: turnAll())
        }
    }

    private func attend(to member: any LoopMember) {
        let first = items.count
        for handle in member.handles {
            items.append(zmq_pollitem_t(socket: handle.pointer, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
        }
        entries.append(Entry(member: member, items: first..<items.count))
    }

    private func turnAll() -> (now: Int64, deadline: Int64) {
        let now = ops_monotonic_nanoseconds()
        var deadline = Int64.max
        for entry in entries {
            let wait = entry.member.turn(now: now)
            deadline = min(deadline, wait.deadline)
            if let first = entry.items.first {
                items[first].events = Int16((wait.readable ? ZMQ_POLLIN : 0) | (wait.writable ? ZMQ_POLLOUT : 0))
            }
        }
        return (now, deadline)
    }

    private func wait(until times: (now: Int64, deadline: Int64)) {
        var milliseconds = -1
        if times.deadline != .max { milliseconds = Int(max(0, times.deadline - times.now + 999_999) / 1_000_000) }
        // No notification is lost: one that came since the turn began is seen here, a later one writes to `wakeup`.
        let (sleeps, _) = state.compareExchange(
            expected: State.running, desired: State.sleeping, ordering: .sequentiallyConsistent)
        if !sleeps { milliseconds = 0 }
        _ = zmq_poll(&items, Int32(items.count), milliseconds)
        if items[0].revents != 0 {
            var count: UInt64 = 0
            _ = read(wakeup, &count, 8)
        }
    }
}
