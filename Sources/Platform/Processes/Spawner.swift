internal import CShims
internal import Glibc

/// Starts programs through a process that does so for this one, which is made anew where somebody has killed it.
///
/// `@unchecked`: belongs to the thread of one process loop, which alone calls it once it is made.
final class Spawner: @unchecked Sendable {
    private var process: ops_spawner?

    /// Best early: what this process keeps in memory then, the spawner keeps as well.
    init() { _ = open() }

    deinit { close() }

    /// Starts a program with these standard descriptors.
    /// - Throws: `ProcessError`
    func start(
        _ request: ProcessRequest, _ descriptors: [Int32]
    ) throws(ProcessError) -> ops_child {
        var child = ops_child()
        var status = spawn(&child, request, descriptors)
        if status == EPIPE {
            close()
            status = spawn(&child, request, descriptors)
        }
        guard status == 0 else {
            if let directory = request.directory, !Files.isDirectory(directory) {
                throw ProcessError("change to \(directory) for", request.executable, errno: status)
            }
            throw ProcessError("start", request.executable, errno: status)
        }
        return child
    }

    private func open() -> Int32 {
        if process != nil { return 0 }
        var opened = ops_spawner()
        let status = ops_spawner_open(&opened)
        if status == 0 { process = opened }
        return status
    }

    private func close() {
        if var process { ops_spawner_close(&process) }
        process = nil
    }

    private func spawn(_ child: inout ops_child, _ request: ProcessRequest, _ descriptors: [Int32]) -> Int32 {
        let status = open()
        guard status == 0, var process else { return status }
        let words = [request.executable] + request.arguments
        let variables = request.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let arguments = words.map { strdup($0) } + [nil]
        let environment = variables.map { strdup($0) } + [nil]
        let directory = request.directory.flatMap { strdup($0) }
        let groups = request.user?.groups ?? []
        defer { for text in arguments + environment + [directory] { free(text) } }
        var program = Spawner.bounds(of: request)
        program.path = UnsafePointer(arguments[0])
        program.directory = UnsafePointer(directory)
        return arguments.withUnsafeBufferPointer { arguments in
            environment.withUnsafeBufferPointer { environment in
                groups.withUnsafeBufferPointer { groups in
                    program.arguments = arguments.baseAddress
                    program.environment = environment.baseAddress
                    program.groups = groups.baseAddress
                    program.group_count = groups.count
                    return ops_spawn(&process, &child, &program, descriptors)
                }
            }
        }
    }

    private static func bounds(of request: ProcessRequest) -> ops_program {
        var program = ops_program()
        if let user = request.user {
            program.has_user = 1
            program.user = user.identifier
            program.group = user.group
        }
        let limits = request.limits
        program.memory_bytes = Int64(limits.memoryBytes ?? -1)
        program.processes = Int64(limits.processes ?? -1)
        program.open_files = Int64(limits.openFiles ?? -1)
        program.file_bytes = Int64(limits.fileBytes ?? -1)
        program.cpu_seconds = Int64(limits.cpuSeconds ?? -1)
        return program
    }
}
