extension Database {
    /// Reads a database file as it is, without changing it. Works beside a running server.
    /// - Throws: `StorageError` where the file cannot be read as a database; what `body` throws.
    public static func inspect<Value>(
        path: String, _ body: (borrowing ReadTransaction) throws -> Value
    ) throws -> Value {
        try ReadSession(Connection(path: path, access: .readOnly)).read(body)
    }
}
