internal import CMicroHTTPD
internal import Synchronization

/// A connection as libmicrohttpd names it.
///
/// `@unchecked`: the library allows its use from any thread while a request on it is not completed.
struct ConnectionHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    var identity: UInt { UInt(bitPattern: pointer) }
}

/// One request and its answer.
///
/// `@unchecked`: `incoming` belongs to the server's thread; the answer is guarded by its lock.
final class Exchange: @unchecked Sendable {
    /// The request as far as it has come.
    struct Incoming {
        var request: HTTPRequest
        var hasHead = false
        var isSubmitted = false
        var refusal: HTTPRefusal?
        /// Bytes counted as in flight.
        var bytesCounted = 0
        /// Bytes of a refused body that were read and let go.
        var bytesDiscarded = 0
    }

    private enum Answer {
        case none
        /// The connection is suspended until the answer is there.
        case awaited(ConnectionHandle)
        case ready(HTTPResponse)
        /// Taken by the server, or replaced by another: a later one goes nowhere.
        case given
    }

    var incoming: Incoming
    private let answer = Mutex(Answer.none)

    init(_ request: HTTPRequest) { incoming = Incoming(request: request) }

    /// Gives the answer, from any thread; only the first one counts.
    func reply(_ response: HTTPResponse) {
        answer.withLock { answer in
            switch answer {
            case .none: answer = .ready(response)
            case .awaited(let connection):
                answer = .ready(response)
                MHD_resume_connection(connection.pointer)
            case .ready, .given: break
            }
        }
    }

    /// The answer where it is there; otherwise suspends the connection until it is. On the server's thread.
    func takeAnswer(orSuspend connection: ConnectionHandle) -> HTTPResponse? {
        answer.withLock { answer in
            switch answer {
            case .ready(let response):
                answer = .given
                return response
            case .none:
                MHD_suspend_connection(connection.pointer)
                answer = .awaited(connection)
                return nil
            case .awaited, .given: return nil
            }
        }
    }
}
