/// Names of stream topics: components in which `%` and `/` are percent-encoded, each followed by `/`.
/// - Source: bus protocol OPS1, section 3.
public enum StreamTopic {
    /// `event/<bus>/<source>/<detail-type>/`
    public static func event(bus: String, source: String, detailType: String) -> String {
        join("event", bus, source, detailType)
    }

    /// `command/<command id>/`
    public static func command(_ identifier: String) -> String { join("command", identifier) }

    /// `automation/<execution id>/`
    public static func automation(_ identifier: String) -> String { join("automation", identifier) }

    /// `topic/<topic name>/`
    public static func topic(_ name: String) -> String { join("topic", name) }

    public static let heartbeat = "system/heartbeat/"

    private static func join(_ components: String...) -> String {
        var bytes: [UInt8] = []
        for component in components {
            append(component.utf8, to: &bytes)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends one component, encoded, and its closing `/`.
    public static func append(_ component: some Sequence<UInt8>, to topic: inout [UInt8]) {
        for byte in component {
            switch byte {
            case UInt8(ascii: "%"): topic.append(contentsOf: "%25".utf8)
            case UInt8(ascii: "/"): topic.append(contentsOf: "%2F".utf8)
            default: topic.append(byte)
            }
        }
        topic.append(UInt8(ascii: "/"))
    }
}
