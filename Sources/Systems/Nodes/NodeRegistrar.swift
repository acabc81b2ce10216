internal import API
internal import Core
internal import Storage

/// Decides whether a node that knocks is let in, and as whom. Runs within one write transaction.
struct NodeRegistrar: Sendable {
    /// Why a node is not let in.
    struct Refusal: Error, Hashable, Sendable {
        let code: String
        let message: String
    }

    let registration: NodeRegistration
    let connection: NodeConnection
    /// Whether the connection's own key vouches for it.
    let isVouchedFor: Bool
    /// For a node not seen before.
    let newID: String

    /// - Throws: `Refusal`, `StorageError`.
    func register(in transaction: borrowing Transaction) throws -> ManagedNode {
        if let id = registration.node, let known = try NodeStore.node(id, in: transaction), !known.isRemoved {
            return try comeBack(known, in: transaction)
        }
        let activation = try self.activation(in: transaction)
        guard activation != nil || connection.isEmbedded || isVouchedFor else {
            throw Refusal(
                code: "InvalidActivation",
                message: "A new node needs an activation (ssm:CreateActivation) or a key that may register.")
        }
        let earlier = try earlier(mayTakeOver: activation != nil, in: transaction)
        if var known = earlier.first(where: { !$0.isRemoved }) {
            known.principal = connection.principal
            return try comeBack(known, in: transaction)
        }
        // An activation that it has used, which may still stand in its environment, does not bring it back.
        if let removed = earlier.last,
            activation == nil || earlier.contains(where: { $0.activationID == activation?.id })
        {
            throw Refusal(
                code: "InvalidInstanceId", message: "\(removed.id) was deregistered; a new activation is needed.")
        }
        return try add(activation, in: transaction)
    }

    /// The registrations this machine already has, by its fingerprint.
    ///
    /// Fingerprints are no secret: only a connection of the same principal gets the old identity, or one with an
    /// activation where the old one was registered before keys were in use.
    private func earlier(mayTakeOver: Bool, in transaction: borrowing Transaction) throws -> [ManagedNode] {
        func find(_ principal: Principal) throws -> [ManagedNode] {
            try NodeStore.nodes(fingerprint: registration.fingerprint, principal: principal, in: transaction)
        }
        let own = try find(connection.principal)
        return try own.isEmpty && mayTakeOver ? find(.local) : own
    }

    private func comeBack(_ known: ManagedNode, in transaction: borrowing Transaction) throws -> ManagedNode {
        guard known.fingerprint == registration.fingerprint else {
            throw Refusal(
                code: "MachineFingerprintDoesNotMatch",
                message: "\(known.id) is registered for another machine; remove the agent's state to register anew.")
        }
        guard known.principal == connection.principal else {
            throw Refusal(code: "AccessDeniedException", message: "\(known.id) was registered with another key.")
        }
        var node = known
        node.update(from: registration)
        node.lastPingAt = transaction.now
        node.pingStatus = .online
        try NodeStore.save(node, in: transaction)
        try transaction.audit("ConnectNode", on: Subject(.node, node.id), outcome: .success)
        return node
    }

    private func activation(in transaction: borrowing Transaction) throws -> Activation? {
        guard let id = registration.activationID, let code = registration.activationCode else { return nil }
        guard let activation = try NodeStore.activation(id, code: code, in: transaction) else {
            throw Refusal(code: "InvalidActivation", message: "The activation's id or code is wrong.")
        }
        guard activation.expiresAt > transaction.now else {
            throw Refusal(code: "InvalidActivation", message: "The activation expired at \(activation.expiresAt).")
        }
        guard activation.registrations < activation.limit else {
            throw Refusal(
                code: "InvalidActivation", message: "All \(activation.limit) registrations of the activation are used.")
        }
        return activation
    }

    private func add(_ activation: Activation?, in transaction: borrowing Transaction) throws -> ManagedNode {
        var node = ManagedNode(
            id: newID, fingerprint: registration.fingerprint, principal: connection.principal,
            activationID: activation?.id, iamRole: activation?.iamRole ?? "", name: activation?.defaultName ?? "",
            computerName: "", platformType: "", platformName: "", platformVersion: "", agentVersion: "",
            ipAddress: "", registeredAt: transaction.now, lastPingAt: transaction.now, pingStatus: .online,
            isRemoved: false, tags: activation?.tags ?? [])
        node.update(from: registration)
        try NodeStore.save(node, in: transaction)
        try NodeStore.setTags(node.tags, on: node.id, in: transaction)
        if let activation {
            try transaction.execute(
                "UPDATE activations SET registrations = registrations + 1 WHERE id = ?", activation.id)
        }
        try transaction.audit(
            "RegisterManagedInstance", on: Subject(.node, node.id), outcome: .success,
            detail: [
                "ComputerName": .string(node.computerName), "PlatformName": .string(node.platformName),
                "ActivationId": activation.map { .string($0.id) } ?? .null,
            ])
        return node
    }
}
