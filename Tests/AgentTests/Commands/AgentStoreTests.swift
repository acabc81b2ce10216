import API
import Core
import Platform
import Testing

@testable import Agent

@Suite struct AgentStoreTests {
    let scratch = Scratch()
    let id = Identifier(high: 0x1234_5678_9ABC_4DEF, low: 0x8123_4567_89AB_CDEF)

    private func stored() -> StoredCommand {
        var state = CommandState(expiresAt: Timestamp(seconds: 2_000_000_000))
        state.steps = [
            StepReport(
                name: "one", action: "aws:runShellScript", status: .failed, code: 3, standardOutput: "o",
                standardError: "e", start: Timestamp(seconds: 1), end: Timestamp(seconds: 2))
        ]
        state.current = CommandState.Current(
            step: "two", action: "aws:runShellScript", start: Timestamp(seconds: 3))
        state.report = CommandReport(command: id, outcome: .failed, message: "m", steps: state.steps)
        let command = NodeCommand(
            id: id, documentName: "d", document: "{}", parameters: ["a": ["b"]],
            expiresAt: Timestamp(seconds: 2_000_000_000), streamsOutput: true)
        return StoredCommand(id: id, command: command, state: state)
    }

    @Test func whatIsKeptIsReadAgain() throws {
        let store = try AgentStore(directory: scratch.directory)
        var generator = SystemRandomNumberGenerator()
        var node = try store.node(using: &generator)
        #expect(node.id == nil)
        node.id = "mi-1"
        try store.save(node)
        try store.add(stored())
        let again = try AgentStore(directory: scratch.directory)
        #expect(try again.node(using: &generator) == node)
        #expect(try again.commands() == [stored()])
        try again.remove(id)
        #expect(try again.commands() == [])
    }

    @Test func aDamagedIdentityIsAnErrorAndNeverReplaced() throws {
        let store = try AgentStore(directory: scratch.directory)
        try Files.write(Array("{}".utf8), to: scratch.directory + "/node.json")
        var generator = SystemRandomNumberGenerator()
        let error = #expect(throws: FileError.self) { try store.node(using: &generator) }
        #expect(error?.path.hasSuffix("node.json") == true)
        #expect(try Files.read(scratch.directory + "/node.json") == Array("{}".utf8))
    }

    @Test func aCommandThatWasNeverAcknowledgedIsDropped() throws {
        let store = try AgentStore(directory: scratch.directory)
        try Files.createDirectory(scratch.directory + "/commands/\(id)")
        try Files.write(Array("{}".utf8), to: scratch.directory + "/commands/\(id)/command.json")
        #expect(try store.commands() == [])
        #expect(!Files.exists(scratch.directory + "/commands/\(id)"))
    }

    @Test func aDamagedStateIsAFailureAndNeverANewCommand() throws {
        let store = try AgentStore(directory: scratch.directory)
        try store.add(stored())
        try Files.write(Array("{".utf8), to: scratch.directory + "/commands/\(id)/state.json")
        let found = try store.commands()
        #expect(found.first?.state.report?.outcome == .failed)
        #expect(found.first?.state.isWaiting == false)
    }

    @Test(arguments: ["../../x", "..", ".", "a/b", "ä", "run-1.x_y"])
    func theNameOfAStepCannotLeadOutOfTheDirectory(_ name: String) throws {
        let store = try AgentStore(directory: scratch.directory)
        let path = try store.directory(of: name, in: id)
        #expect(path.hasPrefix(scratch.directory + "/commands/\(id)/steps/"))
        #expect(!path.dropFirst(scratch.directory.count + 1).split(separator: "/").contains(".."))
        #expect(Files.isDirectory(path))
        #expect(Files.exists(scratch.directory + "/commands/\(id)/steps"))
        #expect(try Files.names(in: scratch.directory + "/commands/\(id)/steps").count == 1)
    }

    @Test func twoAgentsCannotShareADirectory() throws {
        let lock = try DirectoryLock(scratch.directory)
        let error = #expect(throws: FileError.self) { try DirectoryLock(scratch.directory) }
        #expect(error?.operation == "lock")
        withExtendedLifetime(lock) {}
    }
}
