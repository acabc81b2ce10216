public import Core

/// Calls operations by name: what engines see of each other.
public protocol OperationCaller: Sendable {
    /// - Parameters:
    ///   - name: As policies spell it: `ssm:SendCommand`.
    ///   - input: The operation's input object.
    /// - Returns: The operation's output object.
    /// - Throws: `ServiceError`, `.unknownOperation` for a name that is not in the table.
    func call(_ name: String, _ input: JSON, _ context: OperationContext) async throws(ServiceError) -> JSON

    /// The operation of that name, for who will call it later and checks its input now; nil where there is none.
    func find(_ name: String) -> Operation?
}

/// Decides whether a principal may call an operation.
public protocol Authorizer: Sendable {
    /// - Parameter resource: What is acted on: an ARN, a stream topic, or `*`.
    /// - Throws: `ServiceError` `.accessDenied`.
    func authorize(_ principal: Principal, _ action: String, on resource: String) throws(ServiceError)
}

/// What the policies of resources say about calls.
public protocol ResourcePolicies: Sendable {
    /// - Returns: Whether the policy of the resource that a call is about allows the principal to make it; nil where it
    ///   says nothing, or there is none.
    /// - Throws: `ServiceError` `.accessDenied` where the policy cannot be read; what the database throws.
    func isAllowed(_ principal: Principal, _ operation: Operation, _ input: JSON) async throws -> Bool?
}

/// Records calls that changed nothing: reads and refusals.
public protocol CallRecorder: Sendable {
    func record(
        _ operation: String, _ input: JSON, _ context: OperationContext, failure: ServiceError?
    ) async
}

/// Every operation of the system: authorise, validate, handle, record.
public struct OperationTable: OperationCaller {
    private let operations: [String: Operation]
    private let authorizer: any Authorizer
    private let policies: (any ResourcePolicies)?
    private let recorder: any CallRecorder
    private let translate: @Sendable (any Error) -> ServiceError?

    /// - Parameters:
    ///   - operations: Names must be unique.
    ///   - policies: Asked besides the authorizer, in the way of AWS within one account.
    ///   - translate: Turns the errors of lower modules into a `ServiceError`; nil for errors it does not know,
    ///     which are answered as `InternalFailure`.
    public init(
        _ operations: [Operation], authorizer: any Authorizer, policies: (any ResourcePolicies)? = nil,
        recorder: any CallRecorder, translate: @escaping @Sendable (any Error) -> ServiceError?
    ) {
        let operations = operations + [OperationTable.list(operations)]
        self.operations = Dictionary(uniqueKeysWithValues: operations.map { ($0.name, $0) })
        self.authorizer = authorizer
        self.policies = policies
        self.recorder = recorder
        self.translate = translate
    }

    /// The operation that lists all of them and itself.
    private static func list(_ operations: [Operation]) -> Operation {
        let own: (name: String, summary: String, effect: Operation.Effect) = (
            "opsbus:ListOperations", "Lists the operations that there are, by name.", .reads
        )
        let all = (operations.map { ($0.name, $0.summary, $0.effect) } + [own]).sorted { $0.0 < $1.0 }
        return Operation(
            own.name, own.summary, own.effect, input: [.optional("NamePrefix", .string(length: 1...256))],
            output: [
                .required(
                    "Operations",
                    .list(
                        .structure([
                            .required("Name", .string()), .required("Summary", .string()),
                            .required("Effect", .string(values: ["reads", "writes"])),
                        ])))
            ]
        ) { input, _ in
            let prefix = input["NamePrefix"]?.string ?? ""
            return [
                "Operations": .array(
                    all.filter { $0.0.hasPrefix(prefix) }.map { name, summary, effect in
                        [
                            "Name": .string(name), "Summary": .string(summary),
                            "Effect": effect == .reads ? "reads" : "writes",
                        ]
                    })
            ]
        }
    }

    /// All operations by name, sorted.
    public var all: [Operation] { operations.values.sorted { $0.name < $1.name } }

    public func find(_ name: String) -> Operation? { operations[name] }

    /// The operation of that name.
    /// - Throws: `ServiceError` `.unknownOperation`.
    public func operation(_ name: String) throws(ServiceError) -> Operation {
        guard let operation = operations[name] else { throw unknown(name) }
        return operation
    }

    public func call(
        _ name: String, _ input: JSON, _ context: OperationContext
    ) async throws(ServiceError) -> JSON {
        let operation = try operation(name)
        do {
            try await authorize(operation, input, context.principal)
            try Shape.structure(operation.input).validate(input)
            let output = try await handle(operation, input, context)
            if operation.effect == .reads {
                await recorder.record(name, operation.redact(input), context, failure: nil)
            }
            return output
        } catch {
            // Anybody at all could fill the audit log.
            if context.principal != .anonymous {
                await recorder.record(name, operation.redact(input), context, failure: error)
            }
            throw error
        }
    }

    /// A resource's policy allows what the caller's own permissions do not, and what it denies no permission allows.
    private func authorize(_ operation: Operation, _ input: JSON, _ principal: Principal) async throws(ServiceError) {
        if principal == .anonymous && operation.allowsUnsigned { return }
        if let policies, !principal.hasFullAuthority {
            let isAllowed: Bool?
            do {
                isAllowed = try await policies.isAllowed(principal, operation, input)
            } catch {
                throw known(error, in: operation)
            }
            if isAllowed == true { return }
            if isAllowed == false {
                throw ServiceError(
                    .accessDenied,
                    "\(principal) is not allowed to perform \(operation.permission): the resource's policy denies it.")
            }
        }
        let named = operation.resource.flatMap { input[$0] }
        let resources = named?.array?.compactMap(\.string) ?? named?.string.map { [$0] } ?? []
        for resource in resources.isEmpty ? ["*"] : resources {
            try authorizer.authorize(principal, operation.permission, on: resource)
        }
    }

    private func handle(
        _ operation: Operation, _ input: JSON, _ context: OperationContext
    ) async throws(ServiceError) -> JSON {
        do {
            return try await operation.handler(input, context)
        } catch {
            throw known(error, in: operation)
        }
    }

    private func known(_ error: any Error, in operation: Operation) -> ServiceError {
        error as? ServiceError ?? translate(error)
            ?? ServiceError(.internalFailure, "\(operation.name) failed: \(error)")
    }

    private func unknown(_ name: String) -> ServiceError {
        let near = nearest(to: name, among: operations.keys.sorted()).map { " Did you mean \($0)?" } ?? ""
        return ServiceError(.unknownOperation, "There is no operation \(name).\(near)")
    }
}

extension Operation {
    /// The input without its secrets, for the audit log, which forgets nothing: sensitive members are masked, and
    /// those not declared, which may be secrets under a mistyped name.
    fileprivate func redact(_ input: JSON) -> JSON { Shape.structure(self.input).masked(input) }
}

extension Shape {
    fileprivate func masked(_ value: JSON) -> JSON {
        switch (self, value) {
        case (.structure(let fields), .object(let object)):
            JSON.object(
                JSONObject(
                    object.map { member in
                        let shown = fields.first { $0.name == member.key && !$0.isSensitive }
                        return JSONObject.Member(key: member.key, value: shown?.shape.masked(member.value) ?? "****")
                    }))
        case (.map(let element, _, _), .object(let object)):
            JSON.object(
                JSONObject(object.map { JSONObject.Member(key: $0.key, value: element.masked($0.value)) }))
        case (.list(let element, _), .array(let elements)): JSON.array(elements.map(element.masked))
        default: value
        }
    }
}
