import API
import Core
import Platform
import Testing

@testable import Agent

extension Agent {
    /// Bytes of the command's first output on the disk.
    fileprivate func spooled(_ id: Identifier) -> Int { uploads[id]?.spools.first?.end ?? 0 }

    /// Whether the step waits for the server.
    fileprivate func isHeld(_ id: Identifier) -> Bool { uploads[id]?.waiter != nil }
}

/// What a step writes, on its way to the server.
@Suite struct UploadTests {
    let scratch = Scratch()

    /// The server takes a piece in.
    private func take(_ piece: NodeMessage, _ test: TestAgent) async throws {
        var place = try #require(NodeOutput(piece.body))
        place.offset += piece.payload.count
        var body = place.json
        body["Bytes"] = .integer(piece.payload.count)
        await test.agent.receive(NodeMessage(.outputCredit, body))
    }

    /// What has come of one output, by its offsets.
    private func received(_ test: TestAgent, _ stream: String = "stdout") -> [UInt8] {
        var bytes: [UInt8] = []
        for piece in test.link.all(.output) {
            guard let output = NodeOutput(piece.body), output.stream == stream, output.offset <= bytes.count else {
                continue
            }
            bytes = bytes.prefix(output.offset) + piece.payload
        }
        return bytes
    }

    @Test func outputIsSentInOrderWithinTheWindowAndTheEndAfterIt() async throws {
        let test = try await TestAgent(scratch, window: 1000)
        await test.run(command("seq 1 2000; echo end >&2"))
        var taken = 0
        while test.link.all(.finished).isEmpty {
            let pieces = test.link.all(.output)
            let waiting = pieces.dropFirst(taken)
            #expect(waiting.reduce(0) { $0 + $1.payload.count } <= 1000)
            for piece in waiting {
                taken += 1
                try await take(piece, test)
            }
            await Task.yield()
        }
        #expect(received(test) == Array((1...2000).map { "\($0)\n" }.joined().utf8))
        #expect(received(test, "stderr") == Array("end\n".utf8))
        let last = try #require(test.link.messages.last { $0.kind == .output || $0.kind == .finished })
        #expect(last.kind == .finished)
    }

    @Test func whatTheConnectionLostIsSentAgainFromWhereTheServerHasIt() async throws {
        let test = try await TestAgent(scratch, window: 100)
        let command = command("seq 1 100")
        await test.run(command)
        let first = try #require(await test.link.wait(.output))
        try await take(first, test)
        _ = await test.link.wait(.output, count: 2)
        await test.agent.linkConnected()
        test.link.forget()
        await test.register(window: 1000)
        let again = try #require(await test.link.wait(.output))
        #expect(NodeOutput(again.body)?.offset == first.payload.count)
        _ = try await test.report(command.id)
    }

    @Test func outputWrittenWhileThereIsNoServerIsSentLater() async throws {
        let test = try await TestAgent(scratch)
        test.link.cut(true)
        let command = command("seq 1 1000")
        await test.run(command)
        while await test.agent.commands[command.id]?.state.report == nil { await Task.yield() }
        #expect(test.link.all(.finished).isEmpty)
        test.link.cut(false)
        await test.register()
        #expect(try await test.report(command.id).outcome == .success)
        #expect(received(test) == Array((1...1000).map { "\($0)\n" }.joined().utf8))
    }

    @Test func outputOfAnAgentThatStoppedIsSentByTheNext() async throws {
        let first = try await TestAgent(scratch, window: 10)
        let command = command("seq 1 50; touch \(scratch.directory)/written; sleep 1000")
        await first.run(command)
        while !Files.exists(scratch.directory + "/written") { await Task.yield() }
        while await first.agent.spooled(command.id) != 141 { await Task.yield() }
        await first.agent.stop()
        let second = try await TestAgent(scratch)
        #expect(try await second.report(command.id).outcome == .failed)
        #expect(received(second) == Array((1...50).map { "\($0)\n" }.joined().utf8))
        await second.agent.receive(NodeMessage(.finishedReceived, command: command.id))
        #expect(!Files.exists("\(scratch.directory)/commands/\(command.id)/output"))
        #expect(Files.exists("\(scratch.directory)/commands/\(command.id)/state.json"))
    }

    @Test func noMoreIsSentThanTheServerKeeps() async throws {
        let test = try await TestAgent(scratch)
        var command = command("for i in 1 2 3 4 5; do echo 'grün grün'; done")
        command.outputBytesMax = 15
        await test.run(command)
        _ = try await test.report(command.id)
        #expect(
            String(decoding: received(test), as: UTF8.self)
                == "grün grün\ngr\n---Output truncated: no more than 15 bytes are kept---\n")
    }

    @Test func aStepWhoseOutputIsAllWantedWaitsForTheServerAndWithoutALinkGoesOn() async throws {
        let test = try await TestAgent(scratch, window: 100)
        let command = command("head -c 40000000 /dev/zero; touch \(scratch.directory)/written", streams: true)
        await test.run(command)
        _ = await test.link.wait(.output)
        while await !test.agent.isHeld(command.id) { await Task.yield() }
        #expect(!Files.exists(scratch.directory + "/written"))
        // The server forgets the node: nothing is sent any more, and the script is not held.
        await test.agent.receive(NodeMessage(.refused, ["Code": "NotRegistered"]))
        while await test.agent.commands[command.id]?.state.report == nil { await Task.yield() }
        #expect(Files.exists(scratch.directory + "/written"))
        #expect(test.link.all(.output).reduce(0) { $0 + $1.payload.count } == 100)
    }

    @Test func aSpoolThatTheServerHasAllOfGivesItsRoomBack() throws {
        let id = try #require(Identifier("7f3a4c9d-2b11-4e01-9d5c-3b1f0c53ad1d"))
        let output = NodeOutput(command: id, step: "s", stream: "stdout", offset: 0)
        var spool = OutputSpool(output, directory: scratch.directory)
        let block = [UInt8](repeating: 65, count: OutputSpool.cutBytes)
        try spool.append(StreamedOutput.Piece(output: output, bytes: block), limit: nil)
        spool.sent(block.count)
        spool.taken(upTo: block.count)
        #expect(spool.base == block.count)
        var next = output
        next.offset = block.count
        try spool.append(StreamedOutput.Piece(output: next, bytes: Array("more".utf8)), limit: nil)
        spool.close()
        #expect(spool.next(bytesMax: 100)?.bytes == Array("more".utf8))
        let found = try #require(OutputSpool(leftBy: output, directory: scratch.directory))
        #expect(found.base == block.count && found.end == block.count + 4)
        #expect(found.next(bytesMax: 100)?.output.offset == block.count)
    }

    @Test func aGapIsPassedOverOnceAllBeforeItIsWithTheServer() throws {
        let id = try #require(Identifier("7f3a4c9d-2b11-4e01-9d5c-3b1f0c53ad1d"))
        let output = NodeOutput(command: id, step: "s", stream: "stdout", offset: 0)
        var spool = OutputSpool(output, directory: scratch.directory)
        try spool.append(StreamedOutput.Piece(output: output, bytes: [1, 2]), limit: nil)
        var later = output
        later.offset = 10
        try spool.append(StreamedOutput.Piece(output: later, bytes: [3]), limit: nil)
        #expect(spool.end == 2, "what comes behind a gap waits for what is before it")
        spool.sent(2)
        spool.taken(upTo: 2)
        try spool.append(StreamedOutput.Piece(output: later, bytes: [3]), limit: nil)
        #expect(spool.next(bytesMax: 10)?.output.offset == 10)
    }
}
