internal import Core
internal import Storage

/// An executable registered under a name, and the bounds within which it runs.
struct Function: Sendable, Hashable {
    let name: String
    /// Path of a program, or of a script whose first line names its interpreter.
    var executable: String
    var arguments: [String] = []
    var description = ""
    var timeoutSeconds = Function.timeoutSecondsStandard
    /// What the program and what it starts may each allocate, in MiB; nil for as much as there is.
    var memoryMiB: Int?
    /// Invocations that run at a time.
    var concurrency = Function.concurrencyStandard
    var environment: JSON = [:]
    /// The ARN of the queue or topic for events that the function did not get done.
    var deadLetterTarget: String?
    var modified: Timestamp

    static let timeoutSecondsStandard = 3
    static let timeoutSecondsMax = 900
    static let concurrencyStandard = 10
    static let concurrencyMax = 1000

    var subject: Subject { Subject(.function, name) }
    var logGroup: String { "/aws/lambda/\(name)" }

    static let columns = """
        name, executable, arguments, description, timeout_seconds, memory_mib, concurrency, environment, dead_letters,
        modified
        """

    init(name: String, executable: String, modified: Timestamp) {
        self.name = name
        self.executable = executable
        self.modified = modified
    }

    /// - Parameter row: With `columns`.
    init(_ row: borrowing Row) throws(StorageError) {
        self.init(name: try row[0], executable: try row[1], modified: try row[9])
        let words: JSON = try row[2]
        arguments = (words.array ?? []).compactMap(\.string)
        description = try row[3]
        timeoutSeconds = try row[4]
        memoryMiB = try row[5]
        concurrency = try row[6]
        environment = try row[7]
        deadLetterTarget = try row[8]
    }

    var values: [(any SQLConvertible)?] {
        [
            name, executable, JSON.array(arguments.map { .string($0) }), description, timeoutSeconds, memoryMiB,
            concurrency, environment, deadLetterTarget, modified,
        ]
    }
}

/// An event that a function is to work off some time: durable until it has, or until it is given up.
struct QueuedInvocation: Sendable {
    let id: Int
    let requestID: String
    let function: String
    let payload: String
    /// Attempts that failed.
    var failures: Int
    let created: Timestamp
    let principal: Principal
    let cause: Subject?

    static let columns = "id, request_id, function, payload, failures, created, principal, cause"

    /// - Parameter row: With `columns`.
    init(_ row: borrowing Row) throws(StorageError) {
        id = try row[0]
        requestID = try row[1]
        function = try row[2]
        payload = try row[3]
        failures = try row[4]
        created = try row[5]
        principal = try row[6]
        cause = try row[7]
    }
}
