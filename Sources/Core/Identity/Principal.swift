/// Who is calling.
public struct Principal: Sendable, Hashable, CustomStringConvertible {
    /// The name that policies and the audit log show: `local`, the name of a registered key, or `rule/NAME`.
    public var name: String

    public init(_ name: String) { self.name = name }

    /// The caller on loopback or an `ipc://` endpoint without CURVE.
    public static let local = Principal("local")

    /// OpsBus itself: schedules, recovery, retention.
    public static let system = Principal("system")

    /// Who follows a link without signing. It may call the operations that allow that, and nothing else.
    public static let anonymous = Principal("anonymous/")

    /// Whether it needs no permission: whoever is on this machine, OpsBus itself, and rules, schedules, pipes and
    /// topics, which act for whoever could write or subscribe them. No key can have a name with a slash.
    public var hasFullAuthority: Bool {
        self == .local || self == .system || ["rule/", "schedule/", "pipe/", "topic/"].contains { name.hasPrefix($0) }
    }

    public var description: String { name }
}
