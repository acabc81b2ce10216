import API
import Core
import Synchronization

@testable import Agent

/// Documents that a test's server hands out, in pieces of a few bytes.
final class TestServerContents: Sendable {
    struct Document: Sendable {
        var type = "Command"
        var format = "JSON"
        var text: String
        var attachments: [String: [UInt8]] = [:]
    }

    private let documents: [String: Document]
    private let pieceBytes: Int
    /// Questions that are not answered, before those that are.
    private let losses: Mutex<Int>

    init(_ documents: [String: Document], pieceBytes: Int = 1000, losses: Int = 0) {
        self.documents = documents
        self.pieceBytes = pieceBytes
        self.losses = Mutex(losses)
    }

    /// Answers what the agent asks from here on.
    func serve(_ test: TestAgent) {
        let agent = test.agent
        test.link.onMessage { [self] message in
            guard message.kind == .fetch, let request = ContentRequest(message.body) else { return }
            let isLost = losses.withLock { count in
                count -= 1
                return count >= 0
            }
            if isLost { return }
            let answer = self.answer(request)
            Task { await agent.receive(answer) }
        }
    }

    private func answer(_ request: ContentRequest) -> NodeMessage {
        var body: JSON = ["CommandId": .string(request.command.description)]
        var payload: [UInt8] = []
        if let document = documents[request.document],
            let content = request.attachment.map({ document.attachments[$0] }) ?? Array(document.text.utf8)
        {
            payload = Array(content.dropFirst(request.offset).prefix(pieceBytes))
            body =
                ContentPiece(
                    name: request.document, version: "1", type: document.type, format: document.format,
                    attachments: document.attachments.keys.sorted(), size: content.count, sha256: sha256(content)
                ).json
        } else {
            body["Code"] = "InvalidDocument"
            body["Message"] = "The specified document does not exist."
        }
        body["Number"] = .integer(request.number)
        return NodeMessage(.fetched, body, payload: payload)
    }
}
