public import Core

/// Knows the registered CURVE keys.
public protocol KeyDirectory: Sendable {
    /// Who owns a key; nil where it is not registered, and then its owner cannot connect.
    ///
    /// Asked once a connection, from a thread of the bus: must be safe from any thread and must not wait. A key that is
    /// removed stops new connections, not those open: what is asked on them is for the authorizer to refuse, and a
    /// subscriber gets messages until its connection ends, since libzmq does not end one connection of many.
    /// - Parameter publicKey: 40 characters of Z85.
    func principal(forKey publicKey: String) -> Principal?
}
