internal import API
internal import Core
internal import Glibc
internal import Platform

/// What the agent keeps on disk, so that a command runs at most once whatever happens to the agent.
///
///     DIRECTORY/node.json                         NodeId, Fingerprint
///     DIRECTORY/commands/COMMAND-ID/command.json  the command, written before it is acknowledged
///     DIRECTORY/commands/COMMAND-ID/state.json    how far it is
///     DIRECTORY/commands/COMMAND-ID/steps/STEP/   the step's script
///     DIRECTORY/commands/COMMAND-ID/output/STEP/  output that the server does not have yet
///     DIRECTORY/packages/                         what aws:configurePackage installed
///     DIRECTORY/inventory/TYPE.json               what aws:softwareInventory found last
struct AgentStore: Sendable {
    private let directory: String
    /// As whom scripts run, where not as the agent: they must be able to reach their files, and no others.
    private let scriptUser: ProcessUser?

    /// Opens the directory, creating it where there is none.
    /// - Throws: `FileError`.
    init(directory: String, scriptUser: ProcessUser? = nil) throws(FileError) {
        self.directory = directory
        self.scriptUser = scriptUser
        try Files.createDirectory(directory + "/commands", mode: 0o700)
        for path in [directory, directory + "/commands"] where scriptUser != nil {
            try Files.setMode(passingMode, of: path)
        }
    }

    /// Lets through who knows the names within, and shows them to nobody.
    private var passingMode: UInt32 { 0o711 }
    private var directoryMode: UInt32 { scriptUser == nil ? 0o700 : passingMode }

    // MARK: The node

    /// The identity of the machine's agent, made at the first call.
    /// - Throws: `FileError`; one that is there and cannot be read is never replaced by a new one.
    func node(using generator: inout some RandomNumberGenerator) throws(FileError) -> NodeIdentity {
        if Files.exists(directory + "/node.json") { return try readNode() }
        let node = NodeIdentity(id: nil, fingerprint: Identifier(using: &generator).description)
        try save(node)
        return node
    }

    private func readNode() throws(FileError) -> NodeIdentity {
        let path = directory + "/node.json"
        let bytes = try Files.read(path)
        guard let body = try? JSON(parsing: bytes), let fingerprint = body["Fingerprint"]?.string else {
            throw FileError("understand", path, errno: EINVAL)
        }
        return NodeIdentity(id: body["NodeId"]?.string, fingerprint: fingerprint)
    }

    func save(_ node: NodeIdentity) throws(FileError) {
        var body: JSON = ["Fingerprint": .string(node.fingerprint)]
        body["NodeId"] = node.id.map { .string($0) }
        try Files.write(body.bytes, to: directory + "/node.json", mode: 0o600)
    }

    // MARK: Commands

    /// Everything on the disk, in no particular order.
    ///
    /// A command without a state was never acknowledged and is removed. One whose state cannot be read may have run:
    /// it is taken as failed, never as new.
    func commands() throws(FileError) -> [StoredCommand] {
        var found: [StoredCommand] = []
        for name in try Files.names(in: directory + "/commands") {
            guard let id = Identifier(name), Files.exists(path(id) + "/state.json") else {
                try Files.remove(directory + "/commands/" + name)
                continue
            }
            let state = json(path(id) + "/state.json").flatMap(CommandState.init) ?? .unreadable(id)
            found.append(
                StoredCommand(
                    id: id, command: json(path(id) + "/command.json").flatMap { NodeCommand($0) }, state: state))
        }
        return found
    }

    /// Keeps a command, or the mark that one of this id must not run; durable when it returns.
    func add(_ stored: StoredCommand) throws(FileError) {
        try Files.createDirectory(path(stored.id), mode: directoryMode)
        if let command = stored.command {
            try Files.write(command.json.bytes, to: path(stored.id) + "/command.json", mode: 0o600)
        }
        try save(stored.state, of: stored.id)
        try Files.syncDirectory(of: path(stored.id))
    }

    func save(_ state: CommandState, of id: Identifier, isDurable: Bool = true) throws(FileError) {
        try Files.write(state.json.bytes, to: path(id) + "/state.json", mode: 0o600, isDurable: isDurable)
    }

    func remove(_ id: Identifier) throws(FileError) { try Files.remove(path(id)) }

    /// Removes all of a command but its state.
    func removeWork(of id: Identifier) throws(FileError) {
        for name in ["command.json", "steps", "output", "downloads"] {
            let path = "\(path(id))/\(name)"
            if Files.exists(path) { try Files.remove(path) }
        }
    }

    /// Output that an earlier agent left, of a command that has ended.
    func spools(of report: CommandReport) -> [OutputSpool] { spools(of: report.steps.map(\.name), in: report.command) }

    /// Likewise of these steps of a command.
    func spools(of steps: [String], in id: Identifier) -> [OutputSpool] {
        steps.flatMap { step in
            OutputStream.allCases.compactMap { stream in
                let output = NodeOutput(command: id, step: step, stream: stream.rawValue, offset: 0)
                return OutputSpool(leftBy: output, directory: path("output", step, id))
            }
        }
    }

    /// The directory of one step, made if need be.
    func directory(of step: String, in id: Identifier) throws(FileError) -> String {
        let path = path("steps", step, id)
        try Files.createDirectory(Files.parent(of: path), mode: directoryMode)
        try Files.createDirectory(path, mode: 0o700)
        try giveToScript(path)
        return path
    }

    /// Lets the step's script use a file or directory made for it.
    func giveToScript(_ path: String) throws(FileError) {
        if let scriptUser { try Files.setOwner(scriptUser, of: path) }
    }

    /// The directory of a step's output, made if need be; the script's own user has no business there.
    func outputDirectory(of step: String, in id: Identifier) throws(FileError) -> String {
        let path = path("output", step, id)
        try Files.createDirectory(path, mode: 0o700)
        return path
    }

    /// `/` and the like in the name cannot lead out of the directory.
    private func path(_ part: String, _ step: String, _ id: Identifier) -> String {
        var name: [UInt8] = []
        for byte in step.utf8.prefix(80) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                name.append(byte)
            case UInt8(ascii: ".") where !name.isEmpty: name.append(byte)
            default: name += Array("%".utf8) + Array([byte].hexadecimal.utf8)
            }
        }
        return "\(path(id))/\(part)/" + String(decoding: name, as: UTF8.self)
    }

    /// Where relative working directories are.
    func downloads(of id: Identifier) -> String { path(id) + "/downloads" }

    /// Where packages are.
    var packages: String { directory + "/packages" }

    /// Where the inventory is.
    var inventory: String { directory + "/inventory" }

    private func path(_ id: Identifier) -> String { "\(directory)/commands/\(id)" }

    private func json(_ path: String) -> JSON? {
        guard let bytes = try? Files.read(path) else { return nil }
        return try? JSON(parsing: bytes)
    }
}

/// Who the node is.
struct NodeIdentity: Sendable, Hashable {
    /// `mi-` and 17 digits; nil until the server has given it.
    var id: String?
    var fingerprint: String
}

/// A command on the agent's disk.
struct StoredCommand: Sendable, Hashable {
    let id: Identifier
    /// Nil where the command never came, only its cancellation, and once its end is acknowledged.
    var command: NodeCommand?
    var state: CommandState
}

/// How far a command is.
struct CommandState: Sendable, Hashable {
    /// A step that was started and whose end is not known.
    struct Current: Sendable, Hashable {
        var step: String
        var action: String
        var start: Timestamp
    }

    /// A run that waits for a restart of the machine.
    struct Reboot: Sendable, Hashable {
        /// The step that asked for it and runs once more.
        var step: String
        /// The document machine's state.
        var machine: JSON
        /// Of the machine when the step asked for it.
        var bootID: String
        /// Why it did not come about; only known to the agent that tried.
        var failure: String?
    }

    var steps: [StepReport] = []
    var current: Current?
    var reboot: Reboot?
    /// The end, until the server has acknowledged it.
    var report: CommandReport?
    /// The server knows the end: only kept so that a late copy of the command does not run.
    var isAcknowledged = false
    /// Until when such a copy might still be started.
    var expiresAt: Timestamp

    init(expiresAt: Timestamp) { self.expiresAt = expiresAt }

    /// Stands for a state that is on the disk and makes no sense.
    static func unreadable(_ id: Identifier) -> CommandState {
        var state = CommandState(expiresAt: Timestamp(microseconds: .max))
        state.report = CommandReport(
            command: id, outcome: .failed, message: "The agent's record of this command is damaged; it may have run.")
        return state
    }

    init?(_ body: JSON) {
        guard let expiresAt = body["ExpiresAt"]?.timestamp else { return nil }
        self.expiresAt = expiresAt
        steps = (body["Steps"]?.array ?? []).compactMap { StepReport($0) }
        if let current = body["Current"], let step = current["StepName"]?.string,
            let action = current["Action"]?.string, let start = current["StartTime"]?.timestamp
        {
            self.current = Current(step: step, action: action, start: start)
        }
        if let reboot = body["Reboot"], let step = reboot["StepName"]?.string, let machine = reboot["Machine"],
            let bootID = reboot["BootId"]?.string
        {
            self.reboot = Reboot(step: step, machine: machine, bootID: bootID)
        }
        report = body["Report"].flatMap { CommandReport($0) }
        isAcknowledged = body["Acknowledged"]?.bool ?? false
    }

    var json: JSON {
        var body: JSON = [
            "ExpiresAt": .string(expiresAt.millisecondDescription), "Steps": .array(steps.map(\.json)),
            "Acknowledged": .bool(isAcknowledged),
        ]
        if let current {
            body["Current"] = [
                "StepName": .string(current.step), "Action": .string(current.action),
                "StartTime": .string(current.start.millisecondDescription),
            ]
        }
        if let reboot {
            body["Reboot"] = [
                "StepName": .string(reboot.step), "Machine": reboot.machine, "BootId": .string(reboot.bootID),
            ]
        }
        body["Report"] = report?.json
        return body
    }
}
