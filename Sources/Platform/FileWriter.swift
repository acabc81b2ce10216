internal import CShims
internal import Glibc

/// Writes a file piece by piece.
public final class FileWriter {
    private let path: String
    private let descriptor: Int32

    /// Creates the file, or empties the one that is there.
    /// - Throws: `FileError`.
    public init(creating path: String, mode: UInt32 = 0o644) throws(FileError) {
        self.path = path
        descriptor = ops_open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
        guard descriptor >= 0 else { throw FileError("create", path, errno: errno) }
    }

    deinit { close(descriptor) }

    /// Writes all bytes at the end.
    /// - Throws: `FileError`.
    public func append(_ bytes: [UInt8]) throws(FileError) {
        try Files.writeAll(bytes, to: descriptor, path: path)
    }
}
