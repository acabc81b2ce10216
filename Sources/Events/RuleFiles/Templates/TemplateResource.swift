public import Core

/// Something besides rules that a template holds: made by an operation, and changed by one where it is there already.
public struct TemplateResource: Sendable, Hashable {
    /// In the order in which they are made.
    public enum Kind: String, Sendable, CaseIterable, Comparable {
        /// `events:CreateEventBus`.
        case bus
        /// `events:CreateArchive`.
        case archive
        /// `scheduler:CreateScheduleGroup`.
        case scheduleGroup = "schedule group"
        /// `scheduler:CreateSchedule`.
        case schedule

        private var rank: Int { Kind.allCases.firstIndex(of: self) ?? 0 }

        public static func < (left: Kind, right: Kind) -> Bool { left.rank < right.rank }
    }

    /// What is to become of it when it leaves the template.
    /// - Source: CloudFormation user guide, "DeletionPolicy attribute".
    public enum DeletionPolicy: String, Sendable {
        case delete = "Delete"
        case retain = "Retain"
    }

    /// What there is once.
    public struct Key: Sendable, Hashable, Comparable, CustomStringConvertible {
        public var kind: Kind
        /// Of a schedule, `GROUP/NAME`.
        public var name: String

        public var description: String { "\(kind.rawValue) \(name)" }

        public static func < (left: Key, right: Key) -> Bool { (left.kind, left.name) < (right.kind, right.name) }
    }

    public var kind: Kind
    /// The operation's input.
    public var input: JSON
    /// Nil where the template does not say.
    public var deletionPolicy: DeletionPolicy?
    public var file: String
    public var position: TextPosition

    public init(
        kind: Kind, input: JSON, deletionPolicy: DeletionPolicy? = nil, file: String, position: TextPosition
    ) {
        self.kind = kind
        self.input = input
        self.deletionPolicy = deletionPolicy
        self.file = file
        self.position = position
    }

    /// The name in the input.
    public var name: String { (input["Name"] ?? input["ArchiveName"])?.string ?? "" }

    public var key: Key {
        Key(kind: kind, name: kind == .schedule ? "\(input["GroupName"]?.string ?? "default")/\(name)" : name)
    }
}
