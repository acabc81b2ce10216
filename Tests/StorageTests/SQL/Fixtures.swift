import CSQLite
import Core
import Foundation
import Platform
import Synchronization
import TestSupport

@testable import Storage

/// A directory that goes away with the test.
final class Scratch: Sendable {
    let directory: String

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/opsbus-\(UUID().uuidString)"
        try Files.createDirectory(directory)
    }

    deinit { try? Files.remove(directory) }

    func path(_ name: String) -> String { directory + "/" + name }

    var database: String { path("state.db") }
}

let quiet = Log(component: "test", minimum: .error)

/// One table, as a module would bring it.
let notesMigration = Migration(
    module: "notes", number: 1, name: "notes",
    sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, body BLOB) STRICT;")

func openNotes(_ path: String, vfs: String? = nil) throws -> Database {
    try Database(path: path, migrations: [notesMigration], clock: SystemClock(), log: quiet, vfs: vfs)
}

/// A failure of a test's own closure.
struct Refusal: Error, Equatable {}

/// What closures on other threads report, in order.
final class Collected<Value: Sendable>: Sendable {
    private let mutex = Mutex<[Value]>([])

    var values: [Value] { mutex.withLock { $0 } }

    func append(_ value: Value) { mutex.withLock { $0.append(value) } }
}

extension Transaction {
    /// Inserts a note and says so.
    func note(_ text: String, body: [UInt8]? = nil) throws {
        try execute("INSERT INTO notes (text, body) VALUES (?, ?)", text, body)
        try audit("PutNote", on: Subject(.document, text), outcome: .success, detail: ["Length": .integer(text.count)])
    }
}

extension Queryable where Self: ~Copyable {
    func notes() throws -> [String] {
        try query("SELECT text FROM notes ORDER BY text") { row in try row[0] }
    }
}

/// Changes a closed database behind its back.
func tamper(_ path: String, _ sql: String) throws {
    try Connection(path: path, access: .readWrite).run(script: sql)
}

/// Holds a thread of the database until a test lets it go.
final class Gate: Sendable {
    private struct State {
        var isReached = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let opened = DispatchSemaphore(value: 0)

    /// Called in a read or write: says that it runs, and blocks its thread.
    func wait() {
        let waiter = state.withLock { state in
            state.isReached = true
            return state.waiter
        }
        waiter?.resume()
        opened.wait()
    }

    /// Returns once a read or write waits.
    func reached() async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if !state.isReached { state.waiter = continuation }
                return state.isReached
            }
            if isReached { continuation.resume() }
        }
    }

    func open() { opened.signal() }
}

extension Database {
    /// Runs tasks while a first write, of a note `held`, keeps the writer busy, and lets it go once `count` writes wait
    /// behind it: they then form as few groups as possible.
    func holdingWriter(
        until count: Int, _ addTasks: (inout ThrowingTaskGroup<Void, any Error>) -> Void,
        whileHeld: () async throws -> Void = {}
    ) async throws {
        let gate = Gate()
        try await withThrowingTaskGroup { group in
            group.addTask {
                try await self.write(.system) { transaction in
                    gate.wait()
                    try transaction.note("held")
                }
            }
            await gate.reached()
            addTasks(&group)
            try await eventually("the writes wait") { queuedWrites >= count }
            try await whileHeld()
            gate.open()
            try await group.waitForAll()
        }
    }
}
