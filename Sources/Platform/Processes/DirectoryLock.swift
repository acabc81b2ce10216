internal import CShims
internal import Glibc

/// A directory held by one process; released when the value goes, or the process dies.
public final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock, a file named `lock` in the directory.
    /// - Throws: `FileError`, with `EWOULDBLOCK` where another process holds it.
    public init(_ directory: String) throws(FileError) {
        let path = directory + "/lock"
        descriptor = ops_open(path, O_RDWR | O_CREAT, 0o600)
        guard descriptor >= 0 else { throw FileError("open", path, errno: errno) }
        let status = ops_lock_exclusive(descriptor)
        guard status == 0 else {
            close(descriptor)
            throw FileError("lock", path, errno: status)
        }
    }

    deinit {
        ops_unlock(descriptor)
        close(descriptor)
    }
}
