public import Core

/// Something besides rules that a template holds: made by an operation, and changed by one where it is there already.
/// What is no longer in the template stays.
public struct TemplateResource: Sendable, Hashable {
    /// In the order in which they are made.
    public enum Kind: Int, Sendable, Comparable {
        /// `events:CreateEventBus`.
        case bus
        /// `events:CreateArchive`.
        case archive
        /// `scheduler:CreateScheduleGroup`.
        case scheduleGroup
        /// `scheduler:CreateSchedule`.
        case schedule

        public static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
    }

    public var kind: Kind
    /// The operation's input.
    public var input: JSON
    public var file: String
    public var position: TextPosition

    public init(kind: Kind, input: JSON, file: String, position: TextPosition) {
        self.kind = kind
        self.input = input
        self.file = file
        self.position = position
    }

    /// The name in the input.
    public var name: String { (input["Name"] ?? input["ArchiveName"])?.string ?? "" }
}
