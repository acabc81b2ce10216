/// Keeps objects in S3-compatible storage. Implemented beside the HTTP client.
public protocol ObjectStore: Sendable {
    /// Where an object is to be found.
    /// - Parameter region: Empty for the storage's own.
    func url(bucket: String, key: String, region: String) -> String

    /// Stores an object, replacing an earlier one.
    /// - Throws: `ObjectStoreError`
    func put(_ content: [UInt8], bucket: String, key: String, region: String) async throws
}

/// Why an object could not be stored.
public struct ObjectStoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Whether the same attempt may succeed later.
    public let isRetryable: Bool
    public let description: String

    public init(_ description: String, isRetryable: Bool) {
        self.description = description
        self.isRetryable = isRetryable
    }
}
