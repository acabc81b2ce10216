import API
import Core
import Platform
import Storage
import TestSupport

@testable import Governance

/// Keys and the audit log over a database in memory and a journal that the test fills.
struct TestGovernance {
    let clock = ManualClock()
    let journal: MemoryJournal
    let database: Database
    let service: GovernanceService
    /// Holds the key of the vault.
    private let directory: TemporaryDirectory
    let table: OperationTable

    init(path: String = Database.inMemory) throws {
        let log = Log(component: "test", minimum: .error)
        journal = MemoryJournal(clock: clock)
        database = try Database(path: path, migrations: governanceMigrations, clock: clock, log: log)
        directory = try TemporaryDirectory()
        service = GovernanceService(
            database: database, journal: journal, vault: try Vault(file: "\(directory.path)/vault.key"),
            account: Account(), clock: clock, log: log,
            verify: { ["Intact": true, "FirstFault": "record 7"] })
        table = OperationTable(
            service.operations, authorizer: service.authorizer, recorder: service.recorder,
            translate: { _ in nil })
    }

    @discardableResult
    func call(_ operation: String, _ input: JSON = [:], as principal: Principal = .local) async throws -> JSON {
        try await table.call(operation, input, OperationContext(principal: principal))
    }

    /// Whether a principal may do something, as the engines ask.
    func allows(_ principal: String, _ action: String, on resource: String = "*") -> Bool {
        do throws(ServiceError) {
            try service.authorizer.authorize(Principal(principal), action, on: resource)
            return true
        } catch {
            return false
        }
    }

    /// Writes an audit record, and answers its subject.
    @discardableResult
    func record(
        _ action: String, on subject: Subject, because cause: Subject? = nil, by principal: Principal = .system,
        outcome: AuditOutcome = .success, detail: JSON = [:]
    ) async throws -> Subject {
        try await database.write(OperationContext(principal: principal, cause: cause)) { transaction in
            try transaction.audit(action, on: subject, outcome: outcome, detail: detail)
        }
        return subject
    }
}

extension JSON {
    /// The texts of one member of the objects in a list.
    func texts(_ member: String) -> [String] { (array ?? []).compactMap { $0[member]?.string } }
}
