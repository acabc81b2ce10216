internal import CShims
internal import Glibc
internal import Platform

/// The directory that holds everything a server keeps, locked against a second server for as long as this lives.
///
/// | name | |
/// |---|---|
/// | `format` | `opsbus data 1` and a newline |
/// | `lock` | locked by the server; its process id |
/// | `journal/` | segments: see `SegmentJournal` |
/// | `state.db` | rules, deliveries, cursors, audit: SQLite |
/// | `archives.db` | events kept by archives: SQLite |
/// | `keys/` | secret keys, readable by the owner only |
/// | `reserve` | space given back when the disk is full, so that recovery and trimming can work |
public final class DataDirectory: Sendable {
    /// Written to `format`; a program refuses what it does not know.
    static let formatVersion = 1
    /// Size of the reserve.
    static let reserveBytes = 8 << 20

    /// Bytes of a file system.
    public struct Space: Sendable, Hashable {
        /// Available to this process.
        public let freeBytes: UInt64
        public let totalBytes: UInt64
    }

    public let path: String
    private let lock: FileDescriptor

    public var journalPath: String { path + "/journal" }
    public var databasePath: String { path + "/state.db" }
    public var archivesPath: String { path + "/archives.db" }
    public var keysPath: String { path + "/keys" }
    /// The key of the `Vault`.
    public var vaultKeyPath: String { keysPath + "/vault.key" }

    /// Opens a data directory, or begins one.
    /// - Parameter path: Created with its parents if it is missing.
    /// - Throws: `StorageError` with `.locked` naming the process that holds it, `.unsupportedVersion`, `.diskFull` or
    ///   `.inputOutput`.
    public init(_ path: String) throws(StorageError) {
        self.path = path
        do throws(FileError) {
            try Files.createDirectory(path, mode: 0o750)
            try Files.createDirectory(path + "/journal", mode: 0o750)
            try Files.createDirectory(path + "/keys", mode: 0o700)
        } catch {
            throw StorageError(error)
        }
        lock = try Self.takeLock(path + "/lock")
        try Self.checkFormat(path + "/format")
        try refreshReserve()
    }

    /// Lets other users on their way to a file of theirs pass through the directory, where they can read nothing else.
    /// - Throws: `StorageError` with `.inputOutput`.
    public func letPass() throws(StorageError) {
        do throws(FileError) {
            for name in [databasePath, archivesPath].flatMap({ [$0, $0 + "-wal", $0 + "-shm"] }) {
                if Files.exists(name) { try Files.setMode(0o600, of: name) }
            }
            try Files.setMode(0o711, of: path)
        } catch {
            throw StorageError(error)
        }
    }

    /// The process that holds a data directory; nil where none does.
    /// - Throws: `StorageError` with `.inputOutput`.
    public static func holder(of path: String) throws(StorageError) -> Int32? {
        guard Files.exists(path + "/lock") else { return nil }
        let file = try FileDescriptor(reading: path + "/lock")
        return ops_lock_exclusive(file.number) == 0 ? nil : try processIdentifier(in: file)
    }

    /// The space of the file system that holds a path.
    /// - Throws: `StorageError` with `.inputOutput`.
    public static func space(of path: String) throws(StorageError) -> Space {
        var free: UInt64 = 0
        var total: UInt64 = 0
        let status = ops_disk_space(path, &free, &total)
        guard status == 0 else { throw StorageError(FileError("examine", path, errno: status)) }
        return Space(freeBytes: free, totalBytes: total)
    }

    /// Gives the reserve back to a disk that is nearly full, or takes it again once there is room.
    /// - Throws: `StorageError` with `.inputOutput`.
    public func refreshReserve() throws(StorageError) {
        let reserve = path + "/reserve"
        let free = try Self.space(of: path).freeBytes
        if free < UInt64(Self.reserveBytes) {
            guard unlink(reserve) == 0 || errno == ENOENT else {
                throw StorageError(FileError("remove", reserve, errno: errno))
            }
        } else if free > UInt64(4 * Self.reserveBytes), !Files.exists(reserve) {
            let file = try LocalFiles().open(reserve, isNew: true)
            let status = ops_preallocate(file.number, Int64(Self.reserveBytes))
            // Without a reserve everything works as long as the disk is not full.
            guard status == 0 || status == ENOSPC || status == EOPNOTSUPP else {
                throw StorageError(FileError("reserve space in", reserve, errno: status))
            }
        }
    }

    private static func takeLock(_ path: String) throws(StorageError) -> FileDescriptor {
        let number = ops_open(path, O_RDWR | O_CREAT, 0o640)
        guard number >= 0 else { throw StorageError(FileError("open", path, errno: errno)) }
        let file = FileDescriptor(number: number, path: path)
        let status = ops_lock_exclusive(number)
        guard status != EWOULDBLOCK else {
            let holder = try processIdentifier(in: file).map { "process \($0)" } ?? "another process"
            throw StorageError(
                .locked, "\(holder) uses this data directory; stop it, or give another directory with --data",
                path: path)
        }
        guard status == 0 else { throw StorageError(FileError("lock", path, errno: status)) }
        // In the space of a full file, so that it fits on a full disk.
        let text = Array(String(getpid()).utf8)
        let padded = text + [UInt8](repeating: 0x20, count: 15 - text.count) + [0x0A]
        do throws(StorageError) {
            try LocalFiles().write(padded, at: 0, of: file)
        } catch where error.code == .diskFull {
            // The lock holds without the name of its owner.
        }
        return file
    }

    private static func processIdentifier(in file: borrowing FileDescriptor) throws(StorageError) -> Int32? {
        var window = FileWindow(capacity: 16)
        let digits = try window.bytes(at: 0, count: 16, of: file).prefix { $0 >= 0x30 && $0 <= 0x39 }
        return Int32(String(decoding: digits, as: UTF8.self))
    }

    private static func checkFormat(_ path: String) throws(StorageError) {
        let prefix = "opsbus data "
        let expected = "\(prefix)\(formatVersion)\n"
        let text: String
        do throws(FileError) {
            if !Files.exists(path) { try Files.write(Array(expected.utf8), to: path) }
            text = String(decoding: try Files.read(path, bytesMax: 1000), as: UTF8.self)
        } catch {
            throw StorageError(error)
        }
        if text == expected { return }
        guard text.hasPrefix(prefix) else {
            throw StorageError(.corrupt, "this does not name the format of a data directory", path: path)
        }
        throw StorageError(
            .unsupportedVersion,
            "format \(text.dropFirst(prefix.count).dropLast()), and this program reads \(formatVersion);"
                + " use a newer program", path: path)
    }
}
