extension Transaction {
    /// Empties every table but those named.
    /// - Throws: `StorageError`.
    public func deleteAllRows(except kept: Set<String>) throws {
        let tables: [String] = try query(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'"
        ) { try $0[0] }
        // Which table refers to which does not matter once all are empty.
        try execute("PRAGMA defer_foreign_keys = ON")
        for table in tables where !kept.contains(table) { try execute("DELETE FROM \"\(table)\"") }
        try execute("PRAGMA defer_foreign_keys = OFF")
    }
}
