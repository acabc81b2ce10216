internal import CShims
internal import Glibc
internal import Platform

/// What the journal does to files; the tests put one that fails in its place.
protocol JournalFiles: Sendable {
    /// Opens a file for reading and writing; `isNew` creates it or empties it.
    func open(_ path: String, isNew: Bool) throws(StorageError) -> FileDescriptor
    func write(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, of file: borrowing FileDescriptor) throws(StorageError)
    /// Returns when what was written would survive a power failure.
    func synchronize(_ file: borrowing FileDescriptor) throws(StorageError)
    func truncate(_ file: borrowing FileDescriptor, to size: Int) throws(StorageError)
    func rename(_ path: String, to target: String) throws(StorageError)
    func remove(_ path: String) throws(StorageError)
    func synchronizeDirectory(_ path: String) throws(StorageError)
}

extension JournalFiles {
    func write(_ bytes: [UInt8], at offset: Int, of file: borrowing FileDescriptor) throws(StorageError) {
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(StorageError) in
            try write(bytes, at: offset, of: file)
        }
    }
}

/// An open file, closed at the end of its life.
struct FileDescriptor: ~Copyable, Sendable {
    let number: Int32
    let path: String

    init(number: Int32, path: String) {
        self.number = number
        self.path = path
    }

    init(reading path: String) throws(StorageError) {
        let number = ops_open(path, O_RDONLY, 0)
        guard number >= 0 else { throw StorageError(FileError("open", path, errno: errno)) }
        self.init(number: number, path: path)
    }

    deinit { close(number) }

    func size() throws(StorageError) -> Int {
        var status = stat()
        guard fstat(number, &status) == 0 else { throw StorageError(FileError("examine", path, errno: errno)) }
        return Int(status.st_size)
    }

    /// Fills `room` from `offset` on.
    /// - Returns: Bytes read; fewer than there is room only at the end of the file.
    func read(into room: UnsafeMutableRawBufferPointer, at offset: Int) throws(StorageError) -> Int {
        guard let base = room.baseAddress else { return 0 }
        var total = 0
        while total < room.count {
            let count = pread(number, base + total, room.count - total, offset + total)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw StorageError(FileError("read", path, errno: errno))
            }
            total += count
        }
        return total
    }
}

/// The local file system.
struct LocalFiles: JournalFiles {
    func open(_ path: String, isNew: Bool) throws(StorageError) -> FileDescriptor {
        let number = ops_open(path, isNew ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR, 0o640)
        guard number >= 0 else { throw StorageError(FileError("open", path, errno: errno)) }
        return FileDescriptor(number: number, path: path)
    }

    func write(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, of file: borrowing FileDescriptor
    ) throws(StorageError) {
        guard let base = bytes.baseAddress else { return }
        var written = 0
        while written < bytes.count {
            let count = pwrite(file.number, base + written, bytes.count - written, offset + written)
            if count < 0 {
                if errno == EINTR { continue }
                throw StorageError(FileError("write", file.path, errno: errno))
            }
            written += count
        }
    }

    func synchronize(_ file: borrowing FileDescriptor) throws(StorageError) {
        guard fdatasync(file.number) == 0 else { throw StorageError(FileError("sync", file.path, errno: errno)) }
    }

    func truncate(_ file: borrowing FileDescriptor, to size: Int) throws(StorageError) {
        guard ftruncate(file.number, size) == 0 else {
            throw StorageError(FileError("truncate", file.path, errno: errno))
        }
    }

    func rename(_ path: String, to target: String) throws(StorageError) {
        guard Glibc.rename(path, target) == 0 else { throw StorageError(FileError("rename", path, errno: errno)) }
    }

    func remove(_ path: String) throws(StorageError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw StorageError(FileError("remove", path, errno: errno)) }
    }

    func synchronizeDirectory(_ path: String) throws(StorageError) {
        do { try Files.syncDirectory(of: path + "/.") } catch { throw StorageError(error) }
    }
}

extension StorageError {
    /// A refusal of the file system, as this module reports it.
    init(_ error: FileError) {
        let isFull = error.errno == ENOSPC || error.errno == EDQUOT
        self.init(
            isFull ? .diskFull : .inputOutput,
            isFull ? "\(error); free some space or extend the volume" : error.description,
            path: error.path, errno: error.errno)
    }

    static func expired(after sequence: UInt64, oldest: UInt64) -> StorageError {
        StorageError(
            .expired, "sequence \(sequence + 1) is no longer retained; the oldest one is \(oldest)")
    }
}
