internal import API

/// The shapes of nodes and commands that several operations share.
/// - Source: botocore's model of `ssm`, 2014-11-06.
enum NodeShapes {
    static let id = Shape.string(pattern: #"(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)"#)
    static let managedID = Shape.string(
        length: 20...124, pattern: #"(^mi-[0-9a-f]{17}$)|(^eks_c:[0-9A-Za-z][A-Za-z0-9\-_]{0,99}_\w{17}$)"#)
    static let commandID = Shape.string(length: 36...36)
    static let activationID = Shape.string(
        pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
    static let nodeName = Shape.string(length: 0...256, pattern: #"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"#)
    /// Not of blanks alone.
    static func text(_ length: ClosedRange<Int>) -> Shape { .string(length: length, pattern: #"^(?!\s*$).+"#) }

    static let filterValues = Shape.list(.string(length: 1...Int.max), count: 1...100)
    static let propertyValues = Shape.list(.string(length: 1...100_000, pattern: "^.{1,100000}$"), count: 1...40)
    /// What the older filters of both lists can be about.
    static let filterKeys = [
        "InstanceIds", "AgentVersion", "PingStatus", "PlatformTypes", "ActivationIds", "IamRole", "ResourceType",
        "AssociationStatus",
    ]
}
