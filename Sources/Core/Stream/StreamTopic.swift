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
            Array(component.utf8).withUnsafeBytes { append($0, to: &bytes) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends one component, encoded, and its closing `/`. Bytes, not a generic sequence: it runs for every event.
    public static func append(_ component: UnsafeRawBufferPointer, to topic: inout [UInt8]) {
        var plainStart = 0
        for index in component.indices {
            let byte = component[index]
            guard byte == UInt8(ascii: "%") || byte == UInt8(ascii: "/") else { continue }
            topic.append(contentsOf: UnsafeRawBufferPointer(rebasing: component[plainStart..<index]))
            topic.append(contentsOf: (byte == UInt8(ascii: "%") ? "%25" : "%2F").utf8)
            plainStart = index + 1
        }
        topic.append(contentsOf: UnsafeRawBufferPointer(rebasing: component[plainStart...]))
        topic.append(UInt8(ascii: "/"))
    }
}
