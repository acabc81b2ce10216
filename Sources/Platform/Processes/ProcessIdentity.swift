internal import CShims
internal import Glibc

/// Names a process over the life of the machine: its number, when it started, and the boot that this counts from.
/// Numbers alone are reused.
/// - Source: proc(5), `/proc/PID/stat` fields 5 and 22.
public struct ProcessIdentity: Sendable, Hashable {
    public let identifier: Int32
    /// Clock ticks since boot.
    public let startTicks: UInt64
    public let boot: String

    /// The identity of a process that runs now; nil where there is none of that number.
    public init?(of identifier: Int32) {
        guard let entry = ProcessEntry(identifier) else { return nil }
        self.identifier = identifier
        startTicks = entry.startTicks
        boot = ProcessIdentity.currentBoot
    }

    /// `PID TICKS BOOT`, for a file.
    public var text: String { "\(identifier) \(startTicks) \(boot)" }

    /// Reads `text`; nil for another form.
    public init?(text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, let identifier = Int32(parts[0]), let ticks = UInt64(parts[1]) else { return nil }
        self.identifier = identifier
        startTicks = ticks
        boot = String(parts[2])
    }

    /// Kills the process group that this process led, if any of it is left: the leader itself, or, where only its
    /// descendants remain, members whose environment holds `marker`.
    /// - Parameter marker: `NAME=value`, set in the environment of the leader when it was started.
    /// - Returns: Whether there was something to kill.
    public func killGroup(marker: String) -> Bool {
        guard boot == ProcessIdentity.currentBoot else { return false }
        let isLeaderLeft = ProcessIdentity(of: identifier) == self
        guard isLeaderLeft || ProcessIdentity.members(of: identifier).contains(where: { $0.has(marker) }) else {
            return false
        }
        return ops_kill_group(identifier, SIGKILL) == 0
    }

    /// Kills every process group that has a member whose environment holds `marker`: for a process that was started but
    /// whose identity was never noted.
    /// - Returns: Whether there was something to kill.
    public static func killGroups(marker: String) -> Bool {
        let marked = processes().filter { $0.has(marker) }
        for group in Set(marked.map(\.group)) { _ = ops_kill_group(group, SIGKILL) }
        return !marked.isEmpty
    }

    private static var currentBoot: String {
        let content = try? Files.read("/proc/sys/kernel/random/boot_id")
        return String(decoding: (content ?? []).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    private static func members(of group: Int32) -> [ProcessEntry] { processes().filter { $0.group == group } }

    private static func processes() -> [ProcessEntry] {
        let names = (try? Files.names(in: "/proc")) ?? []
        return names.compactMap { Int32($0) }.compactMap { ProcessEntry($0) }
    }
}

/// What `/proc` says of one process.
private struct ProcessEntry {
    let identifier: Int32
    let group: Int32
    let startTicks: UInt64

    /// Nil where there is no such process, or only its zombie.
    init?(_ identifier: Int32) {
        guard let content = try? Files.read("/proc/\(identifier)/stat"),
            // The second field is the program's name in parentheses and may hold anything.
            let nameEnd = content.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = content[(nameEnd + 1)...].split(separator: UInt8(ascii: " "))
            .map { String(decoding: $0, as: UTF8.self) }
        guard fields.count > 19, fields[0] != "Z", let group = Int32(fields[2]), let ticks = UInt64(fields[19]) else {
            return nil
        }
        self.identifier = identifier
        self.group = group
        startTicks = ticks
    }

    func has(_ marker: String) -> Bool {
        // Unreadable where the process belongs to someone else: then it is none that this agent started.
        let content = (try? Files.read("/proc/\(identifier)/environ")) ?? []
        return content.split(separator: 0).contains { $0.elementsEqual(marker.utf8) }
    }
}
