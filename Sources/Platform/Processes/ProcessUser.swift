internal import Glibc

/// A user of this machine, for programs that are to run as that user.
public struct ProcessUser: Sendable, Hashable {
    public let name: String
    public let home: String
    public let identifier: UInt32
    public let group: UInt32
    /// All groups the user is in.
    public let groups: [UInt32]

    /// Looks the user up; nil where there is none of that name.
    public init?(named name: String) {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        self.name = name
        home = String(cString: entry.pw_dir)
        identifier = entry.pw_uid
        group = entry.pw_gid
        var count: Int32 = 256
        var list = [gid_t](repeating: 0, count: Int(count))
        guard getgrouplist(name, entry.pw_gid, &list, &count) >= 0 else { return nil }
        groups = Array(list.prefix(Int(count)))
    }

    /// Whether this process may run programs as that user.
    public var isAllowed: Bool { geteuid() == 0 || geteuid() == identifier }
}

/// What a program, and what it starts, may use; nil for what this process may. Each process counts for itself, but
/// `processes`, which counts all of the user.
/// - Source: setrlimit(2).
public struct ProcessLimits: Sendable, Hashable {
    /// Address space.
    public var memoryBytes: Int?
    public var processes: Int?
    public var openFiles: Int?
    /// Length of a file written.
    public var fileBytes: Int?
    public var cpuSeconds: Int?

    public init() {}
}
