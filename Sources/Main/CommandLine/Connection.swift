internal import Core

/// What commands need of a server: operations and the stream.
protocol Connection: Sendable {
    /// Calls an operation.
    /// - Throws: `ServiceError` where the server answers one, `CommandError` where it cannot be reached.
    func call(_ operation: String, _ input: JSON) async throws -> JSON

    /// Hands over the messages of some topics, without gaps and without repetition, until the task is cancelled.
    ///
    /// The next message is taken once the last has been dealt with: who is slow makes nothing pile up.
    /// - Parameters:
    ///   - prefixes: Of topic names; empty for all topics.
    ///   - receive: Answers whether to go on.
    func follow(
        _ prefixes: [String], from start: StreamStart, _ receive: (Message) async throws -> Bool
    ) async throws
}

/// Where in the stream a subscription begins.
enum StreamStart: Sendable, Hashable {
    /// With what is published from now on.
    case now
    /// After the message with this sequence; 0 for all that is retained.
    case after(Int)
    /// After the last message that the named subscriber acknowledged; those printed are acknowledged.
    case named(String)
}

/// One message of the stream.
struct Message: Sendable, Hashable {
    let topic: String
    let sequence: Int
    let previousSequence: Int
    let body: JSON
    /// Everything up to this sequence came before: the safest place to resume after.
    let checkpoint: Int

    /// As `bus:ReadStream` spells it.
    var json: JSON {
        [
            "Topic": .string(topic), "Sequence": .integer(sequence), "PreviousSequence": .integer(previousSequence),
            "Body": body,
        ]
    }
}

extension Connection {
    /// Calls an operation that answers in pages until the last, and joins their lists.
    /// - Parameters:
    ///   - list: The output's member that holds the page.
    ///   - max: How many to read at most; what is over is cut off.
    func callAll(_ operation: String, _ input: JSON, list: String, max: Int = 100_000) async throws -> JSON {
        var input = input
        var output = try await call(operation, input)
        var elements = output[list]?.array ?? []
        while elements.count < max, let token = output["NextToken"]?.string, !token.isEmpty {
            input["NextToken"] = .string(token)
            output = try await call(operation, input)
            elements += output[list]?.array ?? []
        }
        output[list] = .array(Array(elements.prefix(max)))
        output["NextToken"] = nil
        return output
    }
}
