internal import API
internal import Core
internal import Documents
internal import Platform

/// The node's questions to the server: documents and their attachments, asked for piece by piece, and parameters.
///
/// A question is repeated until it is answered, so that a lost message costs time and nothing else.
actor ServerContents {
    private var waiting: [Int: CheckedContinuation<NodeMessage?, Never>] = [:]
    private var last = 0

    /// How long one wait for an answer is; then it is looked whether the command goes on.
    private static let slice = Duration.seconds(1)
    /// A question is sent again after so many waits, and given up after so many.
    private static let slicesPerRepetition = 5
    private static let slicesMax = 60

    /// Takes the server's answer in.
    func answered(_ message: NodeMessage) {
        guard let number = message.body["Number"]?.int else { return }
        waiting.removeValue(forKey: number)?.resume(returning: message)
    }

    private func expire(_ number: Int) { waiting.removeValue(forKey: number)?.resume(returning: nil) }

    private func nextNumber() -> Int {
        last += 1
        return last
    }

    /// Asks for one piece.
    /// - Throws: `StepEnd` with the server's refusal, or where no answer comes.
    func piece(
        _ request: ContentRequest, for agent: Agent, clock: any Clock
    ) async throws(StepEnd) -> (piece: ContentPiece, bytes: [UInt8]) {
        var request = request
        request.number = nextNumber()
        let answer = try await answer(
            to: request.json, request.number, of: request.command, about: request.document, for: agent, clock: clock)
        guard let piece = ContentPiece(answer.body) else {
            throw .failure("the server's answer about \(request.document) makes no sense")
        }
        return (piece, answer.payload)
    }

    /// Asks for parameters.
    /// - Returns: Those that there are.
    /// - Throws: `StepEnd` with the server's refusal, or where no answer comes.
    func parameters(
        _ request: NodeParameterRequest, for agent: Agent, clock: any Clock
    ) async throws(StepEnd) -> [NodeParameter] {
        var request = request
        request.number = nextNumber()
        let names = request.names.joined(separator: ", ")
        let answer = try await answer(
            to: request.json, request.number, of: request.command, about: names, for: agent, clock: clock)
        guard let found = (try? JSON(parsing: answer.payload))?.array?.map({ NodeParameter($0) }) else {
            throw .failure("the server's answer about \(names) makes no sense")
        }
        return found.compactMap { $0 }
    }

    private func answer(
        to question: JSON, _ number: Int, of command: Identifier, about what: String, for agent: Agent,
        clock: any Clock
    ) async throws(StepEnd) -> NodeMessage {
        for slice in 0..<ServerContents.slicesMax {
            if await agent.isCancelled(command) { throw .stopped(.cancelled) }
            if Task.isCancelled { throw .failure("the agent stops") }
            if slice.isMultiple(of: ServerContents.slicesPerRepetition) {
                await agent.send(NodeMessage(.fetch, question))
            }
            guard let answer = await wait(for: number, clock) else { continue }
            if let code = answer.body["Code"]?.string {
                let message = "\(what): \(answer.body["Message"]?.string ?? code)"
                throw code == ErrorCode.invalidDocument.rawValue ? .unknownDocument(message) : .failure(message)
            }
            return answer
        }
        throw .failure("the server did not answer when asked for \(what)")
    }

    private func wait(for number: Int, _ clock: any Clock) async -> NodeMessage? {
        let timer = Task {
            do { try await clock.sleep(for: ServerContents.slice) } catch { return }
            expire(number)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { waiting[number] = $0 }
    }
}

/// The name of a document with its version, as plugins take it: `NAME`, `NAME:VERSION`, or the ARN of one.
struct DocumentReference: Hashable {
    let name: String
    /// Nil for the default.
    let version: String?

    init(_ text: String) {
        let isARN = text.hasPrefix("arn:")
        let start = isARN ? text.lastIndex(of: "/").map { text.index(after: $0) } ?? text.startIndex : text.startIndex
        guard let colon = text[start...].lastIndex(of: ":") else {
            name = text
            version = nil
            return
        }
        name = String(text[..<colon])
        version = String(text[text.index(after: colon)...])
    }
}

extension StepContext {
    /// The text of a document on the server.
    /// - Throws: `StepEnd` with the server's refusal.
    func document(_ reference: DocumentReference) async throws(StepEnd) -> (piece: ContentPiece, text: [UInt8]) {
        let request = ContentRequest(
            command: command.id, number: 0, document: reference.name, version: reference.version)
        var text: [UInt8] = []
        let piece = try await fetch(request) { bytes throws(StepEnd) in text += bytes }
        try check(sha256(text), piece.sha256, reference.name)
        return (piece, text)
    }

    /// Writes an attachment of a document to a file and checks its hash.
    /// - Throws: `StepEnd`
    func download(attachment: String, of piece: ContentPiece, to path: String) async throws(StepEnd) {
        let request = ContentRequest(
            command: command.id, number: 0, document: piece.name, version: piece.version, attachment: attachment)
        let file = try files { () throws(FileError) in try FileWriter(creating: path, mode: 0o600) }
        var sum = SHA256()
        let found = try await fetch(request) { bytes throws(StepEnd) in
            sum.update(bytes)
            try files { () throws(FileError) in try file.append(bytes) }
        }
        try check(sum.hexadecimal(), found.sha256, attachment)
    }

    /// Hands all of a document's text or of an attachment on, piece by piece.
    private func fetch(
        _ request: ContentRequest, take: ([UInt8]) throws(StepEnd) -> Void
    ) async throws(StepEnd) -> ContentPiece {
        var request = request
        while true {
            let (piece, bytes) = try await agent.contents.piece(request, for: agent, clock: clock)
            let end = request.offset + bytes.count
            try take(bytes)
            if end >= piece.size { return piece }
            guard !bytes.isEmpty else { throw .failure("the server sent less of \(request.document) than there is") }
            request.offset = end
            // The version that was begun with, should the default change meanwhile.
            request.version = piece.version
        }
    }

    private func check(_ found: String, _ wanted: String, _ name: String) throws(StepEnd) {
        guard found == wanted.lowercased() else {
            throw .failure("\(name) was damaged on its way: its SHA-256 is \(found), it should be \(wanted)")
        }
    }
}
