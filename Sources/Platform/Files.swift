internal import CShims
internal import Glibc

/// A failed call to the file system.
public struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    public let path: String
    /// What was tried, as a verb: `open`, `write`.
    public let operation: String
    public let errno: Int32

    public init(_ operation: String, _ path: String, errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    public var description: String { "cannot \(operation) \(path): \(String(cString: strerror(errno)))" }
}

/// Whole-file operations on the local file system.
public enum Files {
    /// The content of a file.
    /// - Parameter bytesMax: A larger file is refused with `EFBIG`.
    /// - Throws: `FileError`.
    public static func read(_ path: String, bytesMax: Int = 1 << 30) throws(FileError) -> [UInt8] {
        let reader = try FileReader(path)
        var content: [UInt8] = []
        while true {
            let piece = try reader.next()
            if piece.isEmpty { return content }
            content += piece
            if content.count > bytesMax { throw FileError("read", path, errno: EFBIG) }
        }
    }

    /// Replaces a file's content as one step: after a crash it holds the old or the new content, durably.
    /// - Parameter isDurable: False for what may be lost with the power: the file is then not waited for.
    /// - Throws: `FileError`.
    public static func write(
        _ content: [UInt8], to path: String, mode: UInt32 = 0o644, isDurable: Bool = true
    ) throws(FileError) {
        let temporary = path + ".new"
        let descriptor = ops_open(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode)
        guard descriptor >= 0 else { throw FileError("create", temporary, errno: errno) }
        do {
            defer { close(descriptor) }
            try writeAll(content, to: descriptor, path: temporary)
            guard !isDurable || fsync(descriptor) == 0 else { throw FileError("sync", temporary, errno: errno) }
        }
        guard rename(temporary, path) == 0 else { throw FileError("rename", temporary, errno: errno) }
        if isDurable { try syncDirectory(of: path) }
    }

    /// Opens a file; the descriptor is the caller's to close.
    /// - Parameter flags: Of `open`; `O_CLOEXEC` is added.
    /// - Throws: `FileError`.
    public static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0o600) throws(FileError) -> Int32 {
        let descriptor = ops_open(path, flags, mode)
        guard descriptor >= 0 else { throw FileError("open", path, errno: errno) }
        return descriptor
    }

    /// Writes all bytes to a descriptor at its current offset.
    public static func writeAll(_ content: [UInt8], to descriptor: Int32, path: String) throws(FileError) {
        var written = 0
        while written < content.count {
            let count = content.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError("write", path, errno: errno)
            }
            written += count
        }
    }

    /// Makes the creation, renaming or removal of a file in its directory durable.
    public static func syncDirectory(of path: String) throws(FileError) {
        let directory = parent(of: path)
        let descriptor = ops_open(directory, O_RDONLY | O_DIRECTORY, 0)
        guard descriptor >= 0 else { throw FileError("open", directory, errno: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError("sync", directory, errno: errno) }
    }

    /// This process's working directory; empty where it is gone.
    public static var currentDirectory: String {
        guard let path = getcwd(nil, 0) else { return "" }
        defer { free(path) }
        return String(cString: path)
    }

    /// What a symbolic link points to; nil where there is none.
    public static func linkTarget(of path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        return count < 0 ? nil : String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The directory part of a path; `.` where there is none.
    public static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Creates a directory and its parents; existing ones are fine.
    public static func createDirectory(_ path: String, mode: UInt32 = 0o755) throws(FileError) {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, parent(of: path) != path else { throw FileError("create", path, errno: errno) }
        try createDirectory(parent(of: path), mode: mode)
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw FileError("create", path, errno: errno) }
    }

    /// Changes the access rights of a file or directory.
    /// - Throws: `FileError`.
    public static func setMode(_ mode: UInt32, of path: String) throws(FileError) {
        guard chmod(path, mode) == 0 else { throw FileError("change the mode of", path, errno: errno) }
    }

    /// Gives a file or directory to a user; a symbolic link is given itself.
    /// - Throws: `FileError`.
    public static func setOwner(_ user: ProcessUser, of path: String) throws(FileError) {
        guard lchown(path, user.identifier, user.group) == 0 else {
            throw FileError("change the owner of", path, errno: errno)
        }
    }

    /// The names in a directory, without `.` and `..`, sorted.
    public static func names(in directory: String) throws(FileError) -> [String] {
        guard let stream = opendir(directory) else { throw FileError("open", directory, errno: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// What tells one version of a file from another.
    public struct Stamp: Sendable, Hashable {
        public let path: String
        let size: Int64
        /// Nanoseconds since 1970.
        let modified: Int64
        let inode: UInt64
    }

    /// Nil where there is no such file, or it cannot be looked at.
    public static func stamp(of path: String) -> Stamp? {
        var size: Int64 = 0
        var modified: Int64 = 0
        var inode: UInt64 = 0
        guard ops_file_stamp(path, &size, &modified, &inode) == 0 else { return nil }
        return Stamp(path: path, size: size, modified: modified, inode: inode)
    }

    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether this process may execute the file.
    public static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 && !isDirectory(path) }

    public static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// What a file is; of a symbolic link the link itself.
    public struct Attributes: Sendable, Hashable {
        public let isDirectory: Bool
        public let isRegular: Bool
        /// In bytes.
        public let size: Int
        /// Seconds since 1970.
        public let modifiedSeconds: Int64
    }

    /// Nil where there is no such file, or it cannot be looked at.
    public static func attributes(of path: String) -> Attributes? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        let kind = status.st_mode & S_IFMT
        return Attributes(
            isDirectory: kind == S_IFDIR, isRegular: kind == S_IFREG, size: Int(status.st_size),
            modifiedSeconds: Int64(status.st_mtim.tv_sec))
    }

    /// Removes a file, or a directory with all it holds. Symbolic links are removed, not followed.
    public static func remove(_ path: String) throws(FileError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw FileError("remove", path, errno: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            guard unlink(path) == 0 else { throw FileError("remove", path, errno: errno) }
            return
        }
        for name in try names(in: path) { try remove(path + "/" + name) }
        guard rmdir(path) == 0 else { throw FileError("remove", path, errno: errno) }
    }
}
