public import API
internal import CCurl
internal import Glibc
internal import Platform
internal import Synchronization

/// Sends HTTP requests: libcurl with one thread for all of them.
///
/// At most `underWayMax` requests are under way; what is over that is refused as `.overloaded`. An answer's body is
/// kept up to `bodyBytesMax` and read to its end. Redirects are not followed, and certificates are checked against
/// those that the machine trusts.
public final class HTTPClient: HTTPSender {
    /// `@unchecked`: but for `curl_multi_wakeup`, which may come from anywhere, only the client's thread uses it.
    private struct Multi: @unchecked Sendable { let pointer: UnsafeMutableRawPointer }

    private struct State {
        var waiting: [Transfer] = []
        var count = 0
        var isStopping = false
        var stopped: CheckedContinuation<Void, Never>?
    }

    static let underWayMax = 1024
    static let bodyBytesMax = 1 << 20
    private static let pollMilliseconds: Int32 = 1000

    private let multi: Multi
    private let thread = WorkerThread(name: "http-client")
    private let state = Mutex(State())

    public init() {
        curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        guard let pointer = curl_multi_init() else { preconditionFailure("libcurl has no memory") }
        multi = Multi(pointer: pointer)
        // The loop lives until `stop`, and keeps the client alive.
        Task(executorPreference: thread) { self.run() }
    }

    /// Refuses new requests, ends those under way, and lets go of everything.
    public func stop() async {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                state.isStopping = true
                state.stopped = continuation
            }
            curl_multi_wakeup(multi.pointer)
        }
        thread.stop()
    }

    public func send(_ request: HTTPCall) async throws(HTTPFailure) -> HTTPAnswer {
        let result: Result<HTTPAnswer, HTTPFailure> = await withCheckedContinuation { continuation in
            let transfer = Transfer(request) { continuation.resume(returning: $0) }
            let refusal: String? = state.withLock { state in
                if state.isStopping { return "the server is stopping" }
                guard state.count < HTTPClient.underWayMax else { return "too many requests are under way" }
                state.count += 1
                state.waiting.append(transfer)
                return nil
            }
            if let refusal { return transfer.end(.failure(HTTPFailure(.overloaded, refusal))) }
            curl_multi_wakeup(multi.pointer)
        }
        return try result.get()
    }

    // MARK: On the client's thread

    private func run() {
        var underWay: [UnsafeMutableRawPointer: Transfer] = [:]
        while true {
            let (started, stopped) = state.withLock { state in
                defer { state.waiting = [] }
                return (state.waiting, state.isStopping ? state.stopped : nil)
            }
            for transfer in started { start(transfer, &underWay) }
            if let stopped {
                finish(underWay)
                stopped.resume()
                return
            }
            var running: Int32 = 0
            curl_multi_perform(multi.pointer, &running)
            collect(&underWay)
            curl_multi_poll(multi.pointer, nil, 0, HTTPClient.pollMilliseconds, nil)
        }
    }

    private func start(_ transfer: Transfer, _ underWay: inout [UnsafeMutableRawPointer: Transfer]) {
        do throws(HTTPFailure) {
            let handle = try transfer.makeHandle()
            curl_multi_add_handle(multi.pointer, handle)
            underWay[handle] = transfer
        } catch {
            end(transfer, .failure(error))
        }
    }

    private func collect(_ underWay: inout [UnsafeMutableRawPointer: Transfer]) {
        var result = CURLE_OK
        while let handle = ops_curl_next_done(multi.pointer, &result) {
            curl_multi_remove_handle(multi.pointer, handle)
            guard let transfer = underWay.removeValue(forKey: handle) else { continue }
            end(transfer, transfer.outcome(result, handle))
            curl_easy_cleanup(handle)
        }
    }

    private func finish(_ underWay: [UnsafeMutableRawPointer: Transfer]) {
        for (handle, transfer) in underWay {
            curl_multi_remove_handle(multi.pointer, handle)
            curl_easy_cleanup(handle)
            end(transfer, .failure(HTTPFailure(.overloaded, "the server is stopping")))
        }
        curl_multi_cleanup(multi.pointer)
    }

    private func end(_ transfer: Transfer, _ result: Result<HTTPAnswer, HTTPFailure>) {
        state.withLock { $0.count -= 1 }
        transfer.end(result)
    }
}
