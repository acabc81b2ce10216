public import Core

/// How far one step of a command document is on a node.
public struct CommandStepResult: Sendable, Hashable {
    /// The statuses that agents know.
    public enum Status: String, Sendable, Hashable, CaseIterable {
        case notStarted = "NotStarted"
        case inProgress = "InProgress"
        case success = "Success"
        case failed = "Failed"
        case timedOut = "TimedOut"
        case cancelled = "Cancelled"
        /// Its precondition does not hold, its plugin is not for this node, or an earlier step ended the document.
        case skipped = "Skipped"
    }

    /// `notStarted` until it is its turn.
    public internal(set) var status = Status.notStarted
    /// -1 where the step did not start; 0 where it was skipped.
    public internal(set) var code = -1
    /// Why the step has this status, where its output does not say it; else empty.
    public internal(set) var message = ""

    init() {}

    init(_ status: Status, _ code: Int, _ message: String = "") {
        self.status = status
        self.code = code
        self.message = message
    }

    /// Whether the step will not change any more.
    public var isOver: Bool { status != .notStarted && status != .inProgress }

    /// A step that is over without a failure.
    public var isGood: Bool { status == .success || status == .skipped }

    init?(_ json: JSON) {
        guard let status = json["Status"]?.string.flatMap(Status.init(rawValue:)), let code = json["Code"]?.int else {
            return nil
        }
        self.init(status, code, json["Message"]?.string ?? "")
    }

    var json: JSON { ["Status": .string(status.rawValue), "Code": .integer(code), "Message": .string(message)] }
}

/// How a step's process ended.
public enum CommandStepEnding: Sendable, Hashable {
    case exited(code: Int)
    /// It was ended because its time was up.
    case timedOut
    /// It was ended because of a cancel.
    case cancelled
    /// It could not be run, or what became of it is not known.
    case failed(message: String)
}

/// A step to run now, references resolved.
public struct CommandStepRun: Sendable, Hashable {
    /// Its place among the steps of the document.
    public let index: Int
    /// Unique in the document.
    public let name: String
    /// The plugin, such as `aws:runShellScript`.
    public let action: String
    /// An object, or in schema 1.2 perhaps a list of objects.
    public let inputs: JSON
    /// To be set for the step's processes: arguments that must not enter a script's text.
    public let environment: [String: String]

    /// The run with what it refers to in Parameter Store.
    /// - Throws: `DocumentError` `.invalidParameters`.
    public func resolving(_ stored: StoredParameters) throws(DocumentError) -> CommandStepRun {
        var environment = environment
        for (name, value) in environment { environment[name] = try stored.resolve(value) }
        return CommandStepRun(
            index: index, name: name, action: action, inputs: try stored.resolve(inputs), environment: environment)
    }
}
