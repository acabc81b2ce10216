internal import API
internal import CShims
internal import Core
internal import Glibc
internal import Synchronization

/// An authorizer's decision, waited for by a thread that may wait.
final class Verdict: Sendable {
    /// Where no decision comes in this time, the answer is no.
    private static let waitMilliseconds: Int32 = 2000

    private enum Decision {
        case pending, allowed
        case refused(ServiceError)
    }

    private let decision = Mutex(Decision.pending)
    private let arrival = ops_eventfd()

    init(of authorizer: any Authorizer, on principal: Principal, action: String, resource: String) {
        Task { @concurrent in
            do throws(ServiceError) {
                try await authorizer.authorize(principal, action, on: resource)
                self.decide(.allowed)
            } catch {
                self.decide(.refused(error))
            }
        }
    }

    deinit { close(arrival) }

    private func decide(_ outcome: Decision) {
        decision.withLock { $0 = outcome }
        var one: UInt64 = 1
        _ = write(arrival, &one, 8)
    }

    /// Nil where it is allowed, else why it is not.
    func wait() -> ServiceError? {
        var item = pollfd(fd: arrival, events: Int16(POLLIN), revents: 0)
        while poll(&item, 1, Verdict.waitMilliseconds) < 0 && errno == EINTR {}
        return decision.withLock { decision in
            switch decision {
            case .allowed: nil
            case .refused(let error): error
            case .pending: ServiceError(.accessDenied, "no decision came in time")
            }
        }
    }
}
