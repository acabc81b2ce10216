internal import Core
public import Platform

/// The way to restart the machine, for steps that ask for it by exit code 194.
public protocol NodePower: Sendable {
    /// Tells one run of the machine from the next.
    var bootID: String { get }

    /// Has the machine restarted; the agent is ended by that some time after.
    /// - Throws: `NodePowerError` where that cannot be.
    func reboot() async throws(NodePowerError)
}

/// Why the machine is not restarted.
public struct NodePowerError: Error, Sendable, Hashable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}

/// The machine itself, by its program `shutdown` or `systemctl`.
public struct SystemPower: NodePower {
    private let processes: ProcessLoop
    private static let programs = [
        ("/sbin/shutdown", ["-r", "now"]), ("/usr/sbin/shutdown", ["-r", "now"]), ("/bin/systemctl", ["reboot"]),
        ("/sbin/reboot", []),
    ]

    public init(processes: ProcessLoop) { self.processes = processes }

    public var bootID: String {
        // Made anew by the kernel at each start.
        String(decoding: (try? Files.read("/proc/sys/kernel/random/boot_id")) ?? [], as: UTF8.self)
    }

    public func reboot() async throws(NodePowerError) {
        guard let (program, arguments) = Self.programs.first(where: { Files.isExecutable($0.0) }) else {
            throw NodePowerError("this machine has neither shutdown nor systemctl")
        }
        let output: CollectedOutput
        do {
            output = try await processes.start(ProcessRequest(program, arguments, timeout: .seconds(60))).collect()
        } catch {
            throw NodePowerError("\(error)")
        }
        guard output.outcome.status == .exited(code: 0) else {
            let errors = String(decoding: output.standardError.prefix(500), as: UTF8.self)
            throw NodePowerError("\(program) failed: \(errors)")
        }
    }
}

/// Stands for a machine that the agent may not restart, such as the server's own.
public struct NoPower: NodePower {
    private let reason: String

    public init(_ reason: String = "this agent may not restart its machine") { self.reason = reason }

    public var bootID: String { "" }

    public func reboot() async throws(NodePowerError) { throw NodePowerError(reason) }
}
