internal import API
internal import Core
internal import Storage

/// What the operations of queues have in common.
struct QueueCalls: Sendable {
    let database: Database
    let account: Account
    /// Of the HTTP endpoint, for queue URLs in answers to who did not call there.
    let address: String
    let contents: QueueContents

    static let url = Field.required("QueueUrl", .string())
    static let tags = Shape.map(.string(), count: 0...1000)

    /// The URL of a queue, under the address that the client called.
    func url(_ name: String, _ context: OperationContext) -> JSON {
        .string("\(context.endpoint ?? address)/\(account.id)/\(name)")
    }

    /// The name of the queue that a client means by its URL on any host, its ARN, or its name alone.
    /// - Throws: `ServiceError` `.queueDoesNotExist` where it can be none of this account.
    func name(_ url: JSON?) throws(ServiceError) -> String {
        let text = url?.string ?? ""
        let missing = ServiceError(.queueDoesNotExist, "The specified queue does not exist.")
        if let arn = ARN(text) {
            guard account.resolve(arn) == account.arn("sqs", arn.resource) else { throw missing }
            return arn.resource
        }
        let path = text.split(separator: "://", maxSplits: 1).last ?? ""
        let parts = path.split(separator: "/").map(String.init)
        guard let name = parts.last else { throw missing }
        if parts.count == 1 && !text.contains("/") { return name }
        guard parts.count >= 2, parts[parts.count - 2] == account.id else { throw missing }
        return name
    }

    /// The queue's name in the ARN of one.
    /// - Throws: `ServiceError` `.resourceNotFound`.
    func name(ofARN text: JSON?) throws(ServiceError) -> String {
        guard let arn = text?.string.flatMap({ ARN($0) }), account.resolve(arn) == account.arn("sqs", arn.resource)
        else {
            throw ServiceError(
                .resourceNotFound, "The resource that you specified for the SourceArn parameter doesn't exist.")
        }
        return arn.resource
    }

    /// Reads about a queue that exists.
    func read<Value: Sendable>(
        _ url: JSON?, _ body: @escaping @Sendable (Queue, borrowing ReadTransaction) throws -> Value
    ) async throws -> Value {
        let name = try name(url)
        return try await database.read { try body(try QueueStore.queue(name, $0), $0) }
    }

    /// Changes something about a queue that exists.
    func write<Value: Sendable>(
        _ url: JSON?, _ context: OperationContext,
        _ body: @escaping @Sendable (Queue, borrowing Transaction) throws -> Value
    ) async throws -> Value {
        let name = try name(url)
        return try await database.write(context) { try body(try QueueStore.queue(name, $0), $0) }
    }

    /// An integer of the input.
    /// - Throws: `ServiceError` `.invalidParameterValue` where it is out of range.
    static func integer(
        _ input: JSON, _ name: String, _ range: ClosedRange<Int>, _ reason: String
    ) throws(ServiceError) -> Int? {
        guard let value = input[name]?.int else { return nil }
        guard range.contains(value) else {
            throw ServiceError(
                .invalidParameterValue, "Value \(value) for parameter \(name) is invalid. Reason: \(reason)")
        }
        return value
    }
}
