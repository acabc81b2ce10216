internal import Core

/// The token of one connection: whether there is one to use, and when another must be fetched.
struct OAuthToken: Sendable, Hashable {
    enum Need: Sendable, Hashable {
        case use(String)
        case fetch
        /// Somebody is fetching one.
        case wait
    }

    private enum State: Sendable, Hashable {
        case none
        case fetching
        case valid(String, until: Timestamp?)
    }

    private var state = State.none

    /// Not used in its last moments: it would expire on its way.
    static let margin = Duration.seconds(10)

    /// What somebody who needs the token does. Who is told to fetch must report what came of it.
    mutating func need(now: Timestamp) -> Need {
        switch state {
        case .fetching: return .wait
        case .valid(let token, let until) where until.map { now < $0 } ?? true: return .use(token)
        case .none, .valid:
            state = .fetching
            return .fetch
        }
    }

    /// - Parameter lifetime: `expires_in`; nil where the server does not say.
    mutating func received(_ token: String, lifetime: Duration?, now: Timestamp) {
        state = .valid(token, until: lifetime.map { now + max(.zero, $0 - OAuthToken.margin) })
    }

    mutating func failed() { state = .none }

    /// A server did not accept the token. One that came meanwhile stays.
    mutating func refused(_ token: String) {
        if case .valid(token, _) = state { state = .none }
    }
}
