internal import Storage

/// Removes what no queue needs any more, a thousand rows in a transaction.
struct QueueUpkeep: Sendable {
    let database: Database
    let contents: QueueContents

    private static let rowsMax = 1000

    /// - Throws: `StorageError`.
    func run() async throws {
        while try await database.maintain({ try QueueStore.clearAbandoned(limit: QueueUpkeep.rowsMax, $0) }) {}
        while try await database.maintain({ try QueueStore.forgetSent(limit: QueueUpkeep.rowsMax, $0) }) {}
        var after = ""
        while true {
            let names = try await database.read { [after] in
                try QueueStore.names(prefix: "", after: after, limit: QueueUpkeep.rowsMax, $0)
            }
            guard let last = names.last else { return }
            for name in names { try await expire(name) }
            after = last
        }
    }

    private func expire(_ name: String) async throws {
        let contents = contents
        while try await database.maintain({ transaction in
            guard let queue = try QueueStore.find(name, transaction) else { return false }
            return try contents.expire(queue, limit: QueueUpkeep.rowsMax, transaction) == QueueUpkeep.rowsMax
        }) {}
    }
}
