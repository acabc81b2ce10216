internal import CShims
internal import Glibc

/// Reads a file or a pipe piece by piece.
public final class FileReader {
    /// Bytes of a piece at most.
    public static let pieceBytesMax = 64 << 10

    private let path: String
    private let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: pieceBytesMax)

    /// - Throws: `FileError`.
    public init(_ path: String) throws(FileError) {
        self.path = path
        descriptor = ops_open(path, O_RDONLY, 0)
        guard descriptor >= 0 else { throw FileError("open", path, errno: errno) }
    }

    deinit { close(descriptor) }

    /// The next bytes: of a pipe what there is, after waiting for some.
    /// - Returns: Empty at the end.
    /// - Throws: `FileError`.
    public func next() throws(FileError) -> [UInt8] {
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count >= 0 { return Array(buffer[..<count]) }
            if errno != EINTR { throw FileError("read", path, errno: errno) }
        }
    }
}
