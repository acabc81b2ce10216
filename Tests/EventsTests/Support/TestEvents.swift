import API
import Core
import Messaging
import Platform
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Events

/// Faults made on purpose need no lines between those of the tests; what stops a server does.
let quiet = Log(component: "test", minimum: .error)

/// The whole engine, with a journal in memory, a clock that the test moves, and targets that the test plays.
///
/// Topics, queues and logs are real, but for `sns:Publish` and `sqs:SendMessage` where targets are called: these and
/// the operations of other engines go to `targets`.
final class TestEvents: Sendable {
    let clock: ManualClock
    let journal: any Journal
    let database: Database
    let blocks: ArchiveBlocks
    let service: EventsService
    let table: OperationTable
    /// The operations of other engines.
    let targets: CallerDouble
    /// The servers that API destinations lead to.
    let web: WebDouble
    private let directory: TemporaryDirectory

    init(
        clock: ManualClock = ManualClock(), journal: (any Journal)? = nil, database: Database? = nil,
        blocks: ArchiveBlocks? = nil, targets: CallerDouble = CallerDouble(), web: WebDouble = WebDouble(),
        authorizer: any Authorizer = OpenAuthorizer(),
        settings: EventsService.Settings = EventsService.Settings()
    ) throws {
        let journal = journal ?? MemoryJournal(clock: clock)
        let database = try database ?? TestEvents.database(clock: clock)
        let blocks = try blocks ?? TestEvents.blocks(clock: clock)
        let link = Once<OperationTable>()
        let directory = try TemporaryDirectory()
        self.directory = directory
        self.web = web
        service = EventsService(
            EventsService.Stores(
                journal: journal, database: database, archives: blocks,
                vault: try Vault(file: directory.path + "/vault.key")),
            EventsService.Ports(
                authorizer: authorizer, operations: Caller(own: link, others: targets), http: web),
            settings: settings, clock: clock, log: quiet)
        let messaging = MessagingService(
            database: database, account: Account(), operations: Caller(own: link, others: targets), http: web,
            shortPoll: .zero, clock: clock, log: quiet)
        table = OperationTable(
            service.operations + messaging.operations, authorizer: authorizer, recorder: CallList(),
            translate: { ($0 as? StorageError).map(ServiceError.init(storage:)) })
        link.set(table)
        self.clock = clock
        self.journal = journal
        self.database = database
        self.blocks = blocks
        self.targets = targets
    }

    static func database(_ path: String = Database.inMemory, clock: ManualClock) throws -> Database {
        try Database(path: path, migrations: eventsMigrations + MessagingService.migrations, clock: clock, log: quiet)
    }

    static func blocks(_ path: String = Database.inMemory, clock: ManualClock) throws -> ArchiveBlocks {
        ArchiveBlocks(
            try Database(path: path, migrations: ArchiveBlocks.migrations, canShrink: true, clock: clock, log: quiet))
    }

    private struct Caller: OperationCaller {
        let own: Once<OperationTable>
        let others: CallerDouble

        func call(_ name: String, _ input: JSON, _ context: OperationContext) async throws(ServiceError) -> JSON {
            if let own = own.value, own.all.contains(where: { $0.name == name }), !TestEvents.played.contains(name) {
                return try await own.call(name, input, context)
            }
            return try await others.call(name, input, context)
        }

        func find(_ name: String) -> API.Operation? { own.value?.find(name) }
    }

    /// What a test plays, though it is there.
    private static let played: Set = ["sns:Publish", "sqs:SendMessage"]

    /// Starts the engine, lets the test act, and stops it.
    static func run(_ engine: TestEvents? = nil, _ body: (TestEvents) async throws -> Void) async throws {
        let engine = try engine ?? TestEvents()
        try await engine.service.start()
        do {
            try await body(engine)
        } catch {
            await engine.service.stop()
            throw error
        }
        await engine.service.stop()
    }

    // MARK: Calls

    @discardableResult
    func call(_ operation: String, _ input: JSON = [:], as principal: Principal = .local) async throws -> JSON {
        try await table.call(operation, input, OperationContext(principal: principal))
    }

    /// One PutEvents request as a transport hands it over.
    func publish(_ body: [UInt8], as principal: Principal = .local) async -> (status: Int, answer: JSON) {
        let (status, body) = await withCheckedContinuation { continuation in
            service.ingest.publish([
                PublishRequest(body: body, principal: principal) { continuation.resume(returning: ($0, $1)) }
            ])
        }
        return (status, (try? JSON(parsing: body)) ?? .null)
    }

    /// Puts events, all of which must be taken in.
    /// - Returns: Their ids.
    @discardableResult
    func put(_ entries: [JSON]) async throws -> [String] {
        let (status, answer) = await publish(JSON.object(["Entries": .array(entries)]).bytes)
        guard status == 200, answer["FailedEntryCount"] == 0 else { throw WaitedFor(answer.text) }
        return (answer["Entries"]?.array ?? []).compactMap { $0["EventId"]?.string }
    }

    @discardableResult
    func put(_ entry: JSON = TestEvents.entry()) async throws -> String { try #require(try await put([entry]).first) }

    static func entry(_ detail: JSON = [:], source: String = "app", type: String = "t", bus: String? = nil) -> JSON {
        var entry: JSON = [
            "Source": .string(source), "DetailType": .string(type), "Detail": .string(detail.text),
        ]
        entry["EventBusName"] = bus.map { .string($0) }
        return entry
    }

    static let topic = "arn:aws:sns:us-east-1:123456789012:alerts"

    static func target(_ id: String = "1", arn: String = topic, _ more: JSON = [:]) -> JSON {
        var target: JSON = ["Id": .string(id), "Arn": .string(arn)]
        for member in more.object ?? JSONObject() { target[member.key] = member.value }
        return target
    }

    /// Makes a rule that matches what comes from `app`, and its targets.
    func rule(
        _ name: String = "r", pattern: JSON = ["source": ["app"]], bus: String = "default",
        targets: [JSON] = [TestEvents.target()]
    ) async throws {
        try await call(
            "events:PutRule",
            ["Name": .string(name), "EventBusName": .string(bus), "EventPattern": .string(pattern.text)])
        if targets.isEmpty { return }
        try await call(
            "events:PutTargets",
            ["Rule": .string(name), "EventBusName": .string(bus), "Targets": .array(targets)])
    }

    // MARK: What has become of it

    /// Everything in the journal.
    func entries() throws -> [StreamEntry] {
        var entries: [StreamEntry] = []
        var sequence = journal.oldestSequence - 1
        while sequence < journal.lastSequence {
            let slice = try journal.read(after: sequence, bytesMax: 1 << 20)
            slice.forEach { record in if let entry = StreamEntry(record.body) { entries.append(entry) } }
            sequence = slice.lastSequence
        }
        return entries
    }

    /// The events in the journal, as subscribers see them.
    func events() throws -> [JSON] {
        try entries().filter { $0.kind == .event }.map { try JSON(parsing: $0.payload) }
    }

    func deadLetters() async throws -> [JSON] {
        try await call("events:ListDeadLetters")["DeadLetters"]?.array ?? []
    }

    /// Rows of the table of deliveries.
    func pendingCount() async throws -> Int {
        try await database.read { try $0.queryOne("SELECT count(*) FROM deliveries") { try $0[0] } ?? 0 }
    }

    func audit(_ action: String) async throws -> [AuditRecord] {
        var filter = AuditFilter()
        filter.action = action
        return try await AuditLog(database).list(filter)
    }
}

struct WaitedFor: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension JSON {
    /// An object of the members given; a literal of its own would need a type.
    static func object(_ members: KeyValuePairs<String, JSON>) -> JSON {
        .object(JSONObject(members.map { JSONObject.Member(key: $0.key, value: $0.value) }))
    }
}
