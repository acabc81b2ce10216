/// Who is calling.
public struct Principal: Sendable, Hashable, CustomStringConvertible {
    /// The name that policies and the audit log show: `local`, the name of a registered key, or `rule/NAME`.
    public var name: String

    public init(_ name: String) { self.name = name }

    /// The caller on loopback or an `ipc://` endpoint without CURVE.
    public static let local = Principal("local")

    /// OpsBus itself: schedules, recovery, retention.
    public static let system = Principal("system")

    public var description: String { name }
}
