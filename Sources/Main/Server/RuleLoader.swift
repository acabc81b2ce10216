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
    /// What templates held when they were loaded last; only what has changed since is made again.
    private var made: Set<TemplateResource> = []

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
                try await reload()
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

    /// Loads all files as if for the first time.
    func load() async throws {
        made = []
        try await reload()
    }

    private func reload() async throws {
        let directory = try RuleDirectory.checked(path, account: account)
        let context = OperationContext(principal: .system)
        for problem in directory.problems {
            if problem.severity == .error { log.error(problem.description) } else { log.warning(problem.description) }
        }
        // Documents, buses and topics first: a rule in force finds what it needs.
        for document in directory.documents { await put(document, context) }
        made.formIntersection(directory.resources)
        for resource in directory.resources.sorted(by: { $0.kind < $1.kind }) where !made.contains(resource) {
            if await put(resource, context) { made.insert(resource) }
        }
        for topic in directory.topics(of: account).sorted() { await createTopic(topic, context) }
        do {
            let change = try await events.replaceFileRules(
                placed(directory), brokenFiles: directory.brokenFiles, context)
            let broken = directory.brokenFiles.isEmpty ? "" : "; broken files: \(directory.brokenFiles.count)"
            log.info(
                "\(path): \(counted(directory.rules.count, "rule")), \(change.written) written, "
                    + "\(change.deleted) deleted\(broken)")
        } catch let error as ServiceError {
            log.error("\(path): \(error.message) The rules loaded before stay in force.")
        }
    }

    /// The rules without those of templates that are for buses which do not exist: the others of a template are used.
    private func placed(_ directory: RuleDirectory) -> [Rule] {
        directory.rules.filter { rule in
            guard directory.templates.contains(rule.file ?? ""), !events.hasBus(rule.bus) else { return true }
            log.warning("\(rule.file ?? ""): rule \(rule.name) is left out: event bus \(rule.bus) does not exist")
            return false
        }
    }

    /// Makes a resource of a template, or changes the one of that name.
    /// - Returns: Whether it is as the template has it.
    private func put(_ resource: TemplateResource, _ context: OperationContext) async -> Bool {
        let (create, update) = resource.operations
        do {
            do throws(ServiceError) {
                _ = try await operations.call(create, resource.input, context)
            } catch where error.code == .resourceAlreadyExists {
                guard let update else { return true }
                var input = resource.input
                if resource.kind == .archive { input["EventSourceArn"] = nil }
                _ = try await operations.call(update, input, context)
            }
            return true
        } catch {
            log.error(
                RuleProblem(
                    "\(resource.name) is not loaded: \(error)", file: resource.file, at: resource.position
                ).description)
            return false
        }
    }

    private func createTopic(_ name: String, _ context: OperationContext) async {
        do {
            _ = try await operations.call("sns:CreateTopic", ["Name": .string(name)], context)
        } catch {
            log.error("topic \(name): \(error)")
        }
    }

    /// Creates a document, or a new default version of it where its content has changed.
    private func put(_ document: RuleDirectory.DocumentFile, _ context: OperationContext) async {
        let content: JSON = .string(String(decoding: document.content, as: UTF8.self))
        let format: JSON = document.file.hasSuffix(".json") ? "JSON" : "YAML"
        let name: JSON = .string(document.name)
        let isRunbook = DocumentCheck.runbook(document) != nil
        do {
            try await create(
                ["Name": name, "Content": content, "DocumentFormat": format,
                    "DocumentType": isRunbook ? "Automation" : "Command"], context)
        } catch {
            log.error("\(document.file): \(error)")
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

extension TemplateResource {
    /// The operation that makes it, and the one that changes it; nil for what is only there or not.
    fileprivate var operations: (create: String, update: String?) {
        switch kind {
        case .bus: ("events:CreateEventBus", nil)
        case .archive: ("events:CreateArchive", "events:UpdateArchive")
        case .scheduleGroup: ("scheduler:CreateScheduleGroup", nil)
        case .schedule: ("scheduler:CreateSchedule", "scheduler:UpdateSchedule")
        }
    }
}
