public import API
internal import CCurl
internal import Platform
internal import Synchronization

/// Sends HTTP requests: libcurl with one thread for all of them, both there from the first request on.
///
/// Only so many requests are under way at a time; what is over that is refused as `.overloaded`. An answer's body is
/// kept up to `bodyBytesMax` and read to its end. Redirects are not followed, and certificates are checked against
/// those that the machine trusts.
public final class HTTPClient: HTTPSender {
    /// `@unchecked`: but for `ops_curl_multi_wakeup`, which may come from anywhere, only the client's thread uses it.
    private struct Multi: @unchecked Sendable { let pointer: UnsafeMutableRawPointer }

    private struct Stop {
        /// When requests that are still under way are cut short.
        let deadline: Duration
        let ended: CheckedContinuation<Void, Never>
    }

    private struct State {
        var waiting: [Transfer] = []
        var count = 0
        /// Serves from the first request until the client stops.
        var thread: WorkerThread?
        /// The thread's, once it has loaded the library.
        var multi: Multi?
        var isStopping = false
        var stop: Stop?

        /// Has the thread look at what is new. Under the lock: the thread lets go of the handle.
        func wake() {
            if let multi { ops_curl_multi_wakeup(multi.pointer) }
        }
    }

    static let bodyBytesMax = 1 << 20
    private static let pollMilliseconds = 1000

    private let underWayMax: Int
    private let clock: any Clock
    private let state = Mutex(State())

    public convenience init() { self.init(underWayMax: 1024) }

    init(underWayMax: Int, clock: any Clock = SystemClock()) {
        self.underWayMax = underWayMax
        self.clock = clock
    }

    /// Refuses new requests, lets those under way go on for a time, and ends what is left then; what is refused or
    /// ended fails as `.cancelled`. Lets go of everything. Once only.
    public func stop(after grace: Duration = .zero) async {
        await withCheckedContinuation { continuation in
            let isServing = state.withLock { state in
                state.isStopping = true
                guard state.thread != nil else { return false }
                state.stop = Stop(deadline: clock.monotonic + grace, ended: continuation)
                state.wake()
                return true
            }
            if !isServing { continuation.resume() }
        }
    }

    public func send(_ request: HTTPCall) async throws(HTTPFailure) -> HTTPAnswer {
        let result: Result<HTTPAnswer, HTTPFailure> = await withCheckedContinuation { continuation in
            let transfer = Transfer(request) { continuation.resume(returning: $0) }
            let refusal = state.withLock { submit(transfer, &$0) }
            if let refusal { transfer.end(.failure(refusal)) }
        }
        return try result.get()
    }

    private func submit(_ transfer: Transfer, _ state: inout State) -> HTTPFailure? {
        if state.isStopping { return .stopping }
        guard state.count < underWayMax else {
            return HTTPFailure(.overloaded, "too many requests are under way")
        }
        state.count += 1
        state.waiting.append(transfer)
        if state.thread == nil {
            let thread = WorkerThread(name: "http-client")
            state.thread = thread
            // The loop keeps the client alive until `stop`.
            Task(executorPreference: thread) { self.run() }
        }
        state.wake()
        return nil
    }

    // MARK: On the client's thread

    private func run() {
        do throws(HTTPFailure) {
            serve(try open())
        } catch {
            // The next request tries again.
            let (waiting, stop) = close()
            for transfer in waiting { end(transfer, .failure(error)) }
            stop?.ended.resume()
        }
    }

    private func open() throws(HTTPFailure) -> UnsafeMutableRawPointer {
        if let problem = ops_curl_load() { throw HTTPFailure(.connection, String(cString: problem)) }
        guard let pointer = ops_curl_multi_init() else { throw HTTPFailure(.overloaded, "libcurl has no memory") }
        let multi = Multi(pointer: pointer)
        state.withLock { $0.multi = multi }
        return pointer
    }

    private func serve(_ multi: UnsafeMutableRawPointer) {
        var underWay: [UnsafeMutableRawPointer: Transfer] = [:]
        while true {
            let (started, deadline) = state.withLock { state in
                defer { state.waiting = [] }
                return (state.waiting, state.stop?.deadline)
            }
            for transfer in started { start(transfer, multi, &underWay) }
            var running: Int32 = 0
            ops_curl_multi_perform(multi, &running)
            collect(multi, &underWay)
            var milliseconds = HTTPClient.pollMilliseconds
            if let deadline {
                let left = deadline - clock.monotonic
                if underWay.isEmpty || left <= .zero { break }
                milliseconds = min(milliseconds, Int(left / .milliseconds(1)) + 1)
            }
            ops_curl_multi_poll(multi, Int32(milliseconds))
        }
        for (handle, transfer) in underWay {
            ops_curl_multi_remove_handle(multi, handle)
            ops_curl_easy_cleanup(handle)
            end(transfer, .failure(.stopping))
        }
        let stop = close().stop
        ops_curl_multi_cleanup(multi)
        stop?.ended.resume()
    }

    private func start(
        _ transfer: Transfer, _ multi: UnsafeMutableRawPointer, _ underWay: inout [UnsafeMutableRawPointer: Transfer]
    ) {
        do throws(HTTPFailure) {
            let handle = try transfer.makeHandle()
            ops_curl_multi_add_handle(multi, handle)
            underWay[handle] = transfer
        } catch {
            end(transfer, .failure(error))
        }
    }

    private func collect(
        _ multi: UnsafeMutableRawPointer, _ underWay: inout [UnsafeMutableRawPointer: Transfer]
    ) {
        var result = CURLE_OK
        while let handle = ops_curl_next_done(multi, &result) {
            ops_curl_multi_remove_handle(multi, handle)
            guard let transfer = underWay.removeValue(forKey: handle) else { continue }
            end(transfer, transfer.outcome(result, handle))
            ops_curl_easy_cleanup(handle)
        }
    }

    private func end(_ transfer: Transfer, _ result: Result<HTTPAnswer, HTTPFailure>) {
        state.withLock { $0.count -= 1 }
        transfer.end(result)
    }

    /// Lets go of handle and thread.
    private func close() -> (waiting: [Transfer], stop: Stop?) {
        state.withLock { state in
            state.thread?.stop()
            state.thread = nil
            state.multi = nil
            defer { state.waiting = [] }
            return (state.waiting, state.stop)
        }
    }
}

extension HTTPFailure {
    fileprivate static let stopping = HTTPFailure(.cancelled, "the server is stopping")
}
