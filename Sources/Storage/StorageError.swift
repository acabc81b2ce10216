/// What went wrong with the data directory, where, and what to do about it.
public struct StorageError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The file system refused: `errno` says why.
        case inputOutput
        /// No space left; nothing was acknowledged, and publishing works again when there is space.
        case diskFull
        /// A record does not match its checksum or its place in the hash chain.
        case corrupt
        /// Another process holds the data directory.
        case locked
        /// The queue of this store is full; try again.
        case throttled
        /// The data was written by a newer version.
        case unsupportedVersion
        /// SQLite refused a statement: `extendedCode` says why.
        case database
        /// A uniqueness or foreign-key rule of the schema was violated.
        case constraint
        /// The sequence asked for is before the oldest one retained.
        case expired
        /// The store has been closed.
        case closed
    }

    public let code: Code
    public let message: String
    /// The file or directory concerned.
    public let path: String?
    /// The operating system's error number, 0 where there is none.
    public let errno: Int32
    /// SQLite's extended result code, 0 where there is none.
    public let extendedCode: Int32

    public init(_ code: Code, _ message: String, path: String? = nil, errno: Int32 = 0, extendedCode: Int32 = 0) {
        self.code = code
        self.message = message
        self.path = path
        self.errno = errno
        self.extendedCode = extendedCode
    }

    public var description: String { path.map { "\($0): \(message)" } ?? message }
}
