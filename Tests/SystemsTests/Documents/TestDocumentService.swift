import API
import Core
import Foundation
import Platform
import Storage

@testable import Systems

/// The operations on documents over a database in memory.
final class TestDocumentService: Sendable {
    let clock = TestClock()
    let database: Database
    let store: DocumentStore
    let links: AttachmentLinks
    let directory = FileManager.default.temporaryDirectory.path + "/opsbus-documents-\(UUID().uuidString)"
    private let operations: [API.Operation]
    private static let processes = ProcessLoop()

    init() throws {
        try Files.createDirectory(directory)
        database = try Database(
            path: Database.inMemory,
            migrations: NodeStore.migrations + AutomationStore.migrations + DocumentStore.migrations, clock: clock,
            log: quiet)
        store = DocumentStore(database: database, account: Account(), clock: clock)
        links = AttachmentLinks(store: store)
        let loader = AttachmentLoader(
            store: store, processes: TestDocumentService.processes, directory: directory,
            environment: ["PATH": "/usr/bin:/bin"])
        operations =
            DocumentOperations(store: store, loader: loader, links: links).all
            + TagOperations(database: database, tables: [.nodes, .documents]).all
    }

    deinit { try? Files.remove(directory) }

    @discardableResult
    func call(
        _ name: String, _ input: JSON, as principal: Principal = .local, endpoint: String? = nil
    ) async throws -> JSON {
        try await operations.call("ssm:" + name, input, OperationContext(principal: principal, endpoint: endpoint))
    }

    /// The error that a call ends in; nil for none.
    func refusal(_ name: String, _ input: JSON, as principal: Principal = .local) async throws -> ServiceError? {
        do {
            try await call(name, input, as: principal)
            return nil
        } catch let error as ServiceError {
            return error
        }
    }

    /// A document that prints the text.
    static func content(_ text: String) -> JSON {
        .string(
            #"{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"s","#
                + #""inputs":{"runCommand":["echo \#(text)"]}}]}"#
        )
    }

    func create(_ name: String, _ text: String = "1", _ more: JSON = [:]) async throws {
        var input: JSON = ["Name": .string(name), "Content": Self.content(text)]
        for member in more.object?.members ?? [] { input[member.key] = member.value }
        try await call("CreateDocument", input)
    }

    func update(_ name: String, _ text: String, _ more: JSON = [:]) async throws -> String? {
        var input: JSON = ["Name": .string(name), "Content": Self.content(text)]
        for member in more.object?.members ?? [] { input[member.key] = member.value }
        return try await call("UpdateDocument", input)["DocumentDescription"]?["DocumentVersion"]?.string
    }

    func names(_ filters: JSON = []) async throws -> [String] {
        let output = try await call("ListDocuments", ["Filters": filters])
        return (output["DocumentIdentifiers"]?.array ?? []).compactMap { $0["Name"]?.string }
    }
}
