public import API
public import Core
internal import Documents
public import Platform
public import Storage

/// Runs runbooks: keeps every execution's machine, does what it says, and survives restarts.
///
/// A machine's decision is durable before it is acted upon. At a restart each execution goes on where it was; a script
/// or API call that was under way is reported as failed, because whether it finished cannot be known, while a command
/// on nodes is found again by its token and waited for.
public actor AutomationService {
    let database: Database
    private let documents: DocumentStore
    private let parameters: any ParameterSource
    private let runner: StepRunner
    private let account: Account
    private let clock: any Clock
    private let log: Log
    private var executions: [Identifier: AutomationExecution] = [:]
    /// The step, or the wait, that each execution is at.
    private var tasks: [Identifier: Task<Void, Never>] = [:]
    private var isStopped = false

    /// Executions at a time; more are refused with `AutomationExecutionLimitExceededException`.
    private static let executionsMax = 1000

    /// - Parameters:
    ///   - caller: For the operations that steps call.
    ///   - processes: Runs scripts.
    ///   - directory: Where scripts get their throw-away directories.
    public init(
        database: Database, documents: DocumentStore, parameters: any ParameterSource, commands: CommandStore,
        caller: any OperationCaller, processes: ProcessLoop, directory: String, account: Account, clock: any Clock,
        log: Log
    ) {
        self.database = database
        self.documents = documents
        self.parameters = parameters
        self.account = account
        self.clock = clock
        self.log = log
        runner = StepRunner(
            caller: caller, commands: commands, scripts: ScriptRunner(processes: processes, directory: directory),
            clock: clock)
    }

    /// Takes up the executions that had not ended.
    public func start() async throws {
        try runner.scripts.sweep()
        try await takeUp()
    }

    /// Takes up the executions that the database holds and that have not ended.
    func takeUp() async throws {
        for execution in try await database.read({ try AutomationStore.active($0) }) {
            executions[execution.id] = execution
            await resume(execution)
        }
    }

    /// Stops acting; executions stay as they are and go on at the next start.
    public func stop() async {
        isStopped = true
        runner.commandsGoOn.set()
        for task in tasks.values { task.cancel() }
        for task in tasks.values { await task.value }
    }

    /// Ends all that runs, and keeps nothing of it.
    func forgetAll() {
        executions = [:]
        for task in tasks.values { task.cancel() }
        tasks = [:]
    }

    private func resume(_ execution: AutomationExecution) async {
        let action = execution.machine.pendingAction
        switch action {
        case .start(let step) where !StepRunner.canResume(step.action):
            let failure = RunbookStepFailure(
                "The server stopped while the step ran; whether it finished cannot be known.", kind: .internal)
            await advance(execution.id) { $0.stepFailed(failure, now: $1) }
        case .cancel:
            let failure = RunbookStepFailure("The server stopped while the step was being cancelled.", kind: .internal)
            await advance(execution.id) { $0.stepFailed(failure, now: $1) }
        case .nothing: await advance(execution.id) { $0.start(now: $1) }
        default: perform(action, execution.id)
        }
    }

    // MARK: Starting and cancelling

    /// Begins an execution, or finds the one begun with the same token.
    func begin(_ input: JSON, _ context: OperationContext) async throws -> Identifier {
        let token = input["ClientToken"]?.string
        if let token, let earlier = try await database.read({ try AutomationStore.execution(clientToken: token, $0) }) {
            return try AutomationService.id(of: earlier, repeating: input)
        }
        guard executions.count < AutomationService.executionsMax else {
            throw ServiceError(
                .automationExecutionLimitExceeded,
                "\(AutomationService.executionsMax) executions are running. Try again when some have ended.")
        }
        let execution = try await prepare(input, context)
        let earlier = try await database.write(context) { transaction -> AutomationExecution? in
            // The same request may have come twice at a time.
            if let token, let earlier = try AutomationStore.execution(clientToken: token, transaction.reading) {
                return earlier
            }
            try AutomationStore.insert(execution, clientToken: token, transaction)
            try transaction.audit(
                "StartAutomationExecution", on: execution.subject, outcome: .started,
                detail: [
                    "DocumentName": .string(execution.documentName),
                    "DocumentVersion": .string(execution.documentVersion),
                    "Parameters": AutomationExecution.lists(execution.machine.parameters.texts),
                ])
            return nil
        }
        if let earlier { return try AutomationService.id(of: earlier, repeating: input) }
        executions[execution.id] = execution
        await advance(execution.id) { $0.start(now: $1) }
        return execution.id
    }

    private static func id(
        of earlier: AutomationExecution, repeating input: JSON
    ) throws(ServiceError) -> Identifier {
        if earlier.request == input { return earlier.id }
        throw ServiceError(.idempotentParameterMismatch, "The client token was used for a different request before.")
    }

    private func prepare(_ input: JSON, _ context: OperationContext) async throws -> AutomationExecution {
        let name = input["DocumentName"]?.string ?? ""
        let resolved: ResolvedDocument
        do {
            resolved = try await documents.resolve(name, version: input["DocumentVersion"]?.string)
        } catch let error as ServiceError where error.code == .invalidDocument {
            throw ServiceError(.automationDefinitionNotFound, error.message)
        } catch let error as ServiceError where error.code == .invalidDocumentVersion {
            throw ServiceError(.automationDefinitionVersionNotFound, error.message)
        }
        guard resolved.document.runbook != nil else {
            throw ServiceError(
                .automationDefinitionNotFound, "Document \(resolved.name) is a command document, not a runbook.")
        }
        let arguments: Parameters
        do {
            let bound = try Parameters(binding: input["Parameters"]?.object ?? JSONObject(), to: resolved.document)
            arguments = try await resolve(bound, of: resolved.document, context)
        } catch let error as DocumentError {
            throw ServiceError(.invalidAutomationExecutionParameters, "\(error)")
        }
        var random = SystemRandomNumberGenerator()
        let id = Identifier(using: &random)
        return AutomationExecution(
            id: id, documentName: resolved.name, documentVersion: resolved.version, content: resolved.content,
            machine: RunbookMachine(
                document: resolved.document, parameters: arguments,
                context: RunbookContext(executionID: id.description, account: account)),
            context: context, request: input, startedAt: clock.now)
    }

    /// The arguments with what they refer to in Parameter Store, as far as who starts the runbook may read it.
    private func resolve(
        _ arguments: Parameters, of document: Document, _ context: OperationContext
    ) async throws -> Parameters {
        let names = arguments.storedNames
        if names.isEmpty { return arguments }
        let found = try await parameters.values(names, decrypting: false, for: context.principal)
        let values = Dictionary(found.map { ($0.name, StoredParameters.Value(type: $0.type, text: $0.value)) }) { $1 }
        return try arguments.resolving(StoredParameters(values), in: document)
    }

    /// Asks an execution to end.
    /// - Throws: `ServiceError` where it is unknown or has ended.
    func cancel(_ id: Identifier, _ context: OperationContext) async throws {
        guard let execution = executions[id] else {
            guard try await database.read({ try AutomationStore.execution(id, $0) }) != nil else {
                throw AutomationService.unknown(id.description)
            }
            throw ServiceError(.invalidAutomationStatusUpdate, "Execution \(id) has ended already.")
        }
        try await database.write(context) { transaction in
            try transaction.audit("StopAutomationExecution", on: execution.subject, outcome: .started)
        }
        await advance(id) { $0.cancel(now: $1) }
    }

    static func unknown(_ id: String) -> ServiceError {
        ServiceError(.automationExecutionNotFound, "There is no automation execution \(id).")
    }

    // MARK: Going on

    /// Gives the machine an input, makes what it decided durable, and acts.
    private func advance(_ id: Identifier, _ input: (inout RunbookMachine, Timestamp) -> RunbookMachine.Action) async {
        guard let execution = executions[id] else { return }
        var next = execution
        let action = input(&next.machine, clock.now)
        guard next.machine != execution.machine else { return perform(action, id) }
        if next.machine.status.isTerminal { next.endedAt = clock.now }
        executions[id] = next
        let changes = AutomationChanges(before: execution.machine, after: next, account: account)
        await write(changes)
        perform(action, id)
    }

    /// Writes until it succeeds: an execution whose state cannot be kept must not go on, nor be forgotten.
    private func write(_ changes: AutomationChanges) async {
        while !isStopped {
            do {
                if changes.isAudited {
                    try await database.write(changes.after.context) { try changes.write($0) }
                } else {
                    try await database.maintain { try changes.write($0) }
                }
                return
            } catch {
                log.error("automation \(changes.after.id) waits, its state cannot be written: \(error)")
                try? await clock.sleep(for: .seconds(1))
            }
        }
    }

    private func perform(_ action: RunbookMachine.Action, _ id: Identifier) {
        guard !isStopped else { return }
        switch action {
        case .start(let step): run(step, id)
        case .cancel: tasks[id]?.cancel()
        case .wait(let time):
            tasks[id] = Task {
                try? await self.clock.sleep(until: time)
                if !self.isStopped { await self.advance(id) { $0.timerFired(now: $1) } }
            }
        case .finish:
            executions[id] = nil
            // A wait may be left over from before a cancel.
            tasks.removeValue(forKey: id)?.cancel()
        case .nothing: break
        }
    }

    private func run(_ step: RunbookStepStart, _ id: Identifier) {
        guard let execution = executions[id] else { return }
        let runner = runner
        tasks[id] = Task {
            let result = await runner.run(step, of: execution)
            // A stopping server leaves the step as running; the next start decides what becomes of it.
            guard !self.isStopped else { return }
            switch result {
            case .success(let response): await self.advance(id) { $0.stepSucceeded(response, now: $1) }
            case .failure(let failure): await self.advance(id) { $0.stepFailed(failure, now: $1) }
            }
        }
    }
}
