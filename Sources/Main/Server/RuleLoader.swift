internal import API
internal import Core
internal import Events
internal import Platform

/// Keeps the server's rules and documents in line with a directory of files.
///
/// The directory is looked at twice a second by name, size and time of change, which works on every file system. A file
/// that cannot be used leaves the version loaded last in force and is reported with its place.
actor RuleLoader {
    private let path: String
    private let account: Account
    private let events: EventsService
    private let operations: any OperationCaller
    private let clock: any Clock
    private let log: Log
    private var stamp: [Files.Stamp] = []
    private var follower: Task<Void, Never>?
    /// A reset loads, too.
    private let turn = Turn()
    private var files: ReadFiles?

    /// The files as they were read last, with all that is to be known of them.
    private struct ReadFiles {
        let stamp: [Files.Stamp]
        let directory: RuleDirectory
        /// What makes each document.
        let documents: [(file: String, input: JSON)]
        let topics: [String]
    }

    private static let interval = Duration.milliseconds(500)

    init(
        _ path: String, account: Account, events: EventsService, operations: any OperationCaller, clock: any Clock,
        log: Log
    ) {
        self.path = path
        self.account = account
        self.events = events
        self.operations = operations
        self.clock = clock
        self.log = log
    }

    /// Loads the directory and goes on watching it.
    /// - Throws: `FileError` where it cannot be read.
    func start() async throws {
        stamp = try currentStamp()
        try await load()
        follower = Task { await self.follow() }
    }

    func stop() async {
        follower?.cancel()
        await follower?.value
    }

    private func follow() async {
        while true {
            do {
                try await clock.sleep(for: RuleLoader.interval)
                let current = try currentStamp()
                guard current != stamp else { continue }
                stamp = current
                try await load()
            } catch is CancellationError {
                return
            } catch {
                log.error("\(path): \(error); the rules loaded before stay in force")
            }
        }
    }

    private func currentStamp() throws -> [Files.Stamp] {
        try RuleDirectory.files(beneath: path).compactMap(Files.stamp)
    }

    /// Brings everything in line with the files; those that have not changed since are not read again.
    func load() async throws {
        await turn.take()
        defer { turn.leave() }
        let files = try readFiles()
        let directory = files.directory
        let context = OperationContext(principal: .system)
        // Documents and topics first: a rule in force finds what it needs. All of them together share one wait for the
        // disk.
        await withTaskGroup { group in
            for document in files.documents { group.addTask { await self.put(document.input, document.file, context) } }
            for topic in files.topics { group.addTask { await self.createTopic(topic, context) } }
        }
        do {
            let change = try await events.load(directory, context)
            let broken = directory.brokenFiles.isEmpty ? "" : "; broken files: \(directory.brokenFiles.count)"
            log.info(
                "\(path): \(counted(directory.rules.count, "rule")), \(change.written) written, "
                    + "\(change.deleted) deleted\(broken)")
        } catch let error as ServiceError {
            log.error("\(path): \(error.message) The rules loaded before stay in force.")
        }
    }

    private func readFiles() throws -> ReadFiles {
        let stamp = try currentStamp()
        if let files, files.stamp == stamp { return files }
        let directory = try RuleDirectory.checked(path, account: account)
        for problem in directory.problems {
            if problem.severity == .error { log.error(problem.description) } else { log.warning(problem.description) }
        }
        let files = ReadFiles(
            stamp: stamp, directory: directory, documents: directory.documents.map { ($0.file, RuleLoader.input($0)) },
            topics: directory.topics(of: account).sorted())
        self.files = files
        return files
    }

    private func createTopic(_ name: String, _ context: OperationContext) async {
        do {
            _ = try await operations.call("sns:CreateTopic", ["Name": .string(name)], context)
        } catch {
            log.error("topic \(name): \(error)")
        }
    }

    private static func input(_ document: RuleDirectory.DocumentFile) -> JSON {
        [
            "Name": .string(document.name), "Content": .string(String(decoding: document.content, as: UTF8.self)),
            "DocumentFormat": document.file.hasSuffix(".json") ? "JSON" : "YAML",
            "DocumentType": DocumentCheck.runbook(document) != nil ? "Automation" : "Command",
        ]
    }

    /// Creates a document, or a new default version of it where its content has changed.
    private func put(_ input: JSON, _ file: String, _ context: OperationContext) async {
        do {
            try await create(input, context)
        } catch {
            log.error("\(file): \(error)")
        }
    }

    private func create(_ input: JSON, _ context: OperationContext) async throws(ServiceError) {
        do throws(ServiceError) {
            _ = try await operations.call("ssm:CreateDocument", input, context)
            return
        } catch where error.code == .documentAlreadyExists {
            // Below: a new version.
        }
        var update = input
        update["DocumentType"] = nil
        update["DocumentVersion"] = "$LATEST"
        do throws(ServiceError) {
            let output = try await operations.call("ssm:UpdateDocument", update, context)
            let version = output["DocumentDescription"]?["DocumentVersion"] ?? .null
            _ = try await operations.call(
                "ssm:UpdateDocumentDefaultVersion", ["Name": input["Name"] ?? .null, "DocumentVersion": version],
                context)
        } catch where error.code == .duplicateDocumentContent {
            return
        }
    }
}
