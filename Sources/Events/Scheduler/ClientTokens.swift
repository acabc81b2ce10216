internal import API
internal import Core
internal import Storage

/// Lets a client send a change again whose answer it has not seen: with the same token it is made once.
enum ClientTokens {
    /// How long a token is known.
    private static let lifetime = Duration.seconds(8 * 3600)

    /// Makes a change, or answers again what the same request was answered.
    /// - Parameter body: Changes and audits; answers the operation's output.
    /// - Throws: `ServiceError` `.resourceAlreadyExists` where the token came with another request; what `body` throws.
    static func once(
        _ action: String, _ input: JSON, on subject: Subject, _ transaction: borrowing Transaction,
        _ body: (borrowing Transaction) throws -> JSON
    ) throws -> JSON {
        guard let given = input["ClientToken"]?.string else { return try body(transaction) }
        var request = input
        request["ClientToken"] = nil
        let token = "\(action)/\(given)"
        let digest = Digest(after: .zero, of: request.bytes)
        let earlier: (request: Digest, answer: JSON)? = try transaction.queryOne(
            "SELECT request, answer FROM scheduler_tokens WHERE token = ? AND created > ?", token,
            transaction.now - lifetime
        ) { row in (try row[0], try row[1]) }
        if let earlier {
            guard earlier.request == digest else {
                throw ServiceError(
                    .resourceAlreadyExists, "ClientToken \(given) was used for another \(action) request.")
            }
            try transaction.audit(action, on: subject, outcome: .success, detail: ["Repeated": true])
            return earlier.answer
        }
        let answer = try body(transaction)
        try transaction.execute("DELETE FROM scheduler_tokens WHERE created <= ?", transaction.now - lifetime)
        try transaction.execute(
            "INSERT OR REPLACE INTO scheduler_tokens (token, request, answer, created) VALUES (?, ?, ?, ?)", token,
            digest, answer, transaction.now)
        return answer
    }
}
