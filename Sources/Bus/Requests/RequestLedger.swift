internal import Core

/// Where an answer goes and how it is framed.
struct Envelope {
    /// The router's name for the connection.
    var routing: [UInt8] = []
    /// Whether the request had the empty frame that REQ sockets put first.
    var hasDelimiter = false
    /// The client's own name for the request.
    var identifier: [UInt8] = []
}

/// The requests being worked on, and how many of each connection's. A plain value; arrays are used again, so that a
/// request costs no allocation here once the ledger has warmed up.
struct RequestLedger {
    struct Bounds {
        var requests = Limits.requestsInFlightMax
        var requestsPerClient = Limits.requestsInFlightPerClientMax
        var bytes = Limits.requestBytesInFlightMax
        var readsPerClient = Limits.streamReadsInFlightPerClientMax
        var answerBytesPerClient = Limits.answerBytesQueuedPerClientMax
        var answerBytes = Limits.answerBytesQueuedMax
    }

    enum Refusal: Equatable {
        case tooManyRequests, tooManyOfClient, tooManyBytes, tooManyReads, unreadAnswers
    }

    private struct Slot {
        var envelope = Envelope()
        var generation: UInt32 = 0
        var isTaken = false
        var bytes = 0
        var client = 0
        var isRead = false
    }

    private let bounds: Bounds
    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    private var clients: [[UInt8]: Int] = [:]
    private var requestsOfClient: [Int] = []
    private var readsOfClient: [Int] = []
    /// The bytes of each connection's answers that it has not yet taken.
    private var answersOfClient: [ByteAccount] = []
    private let answers: ByteAccount
    private var freeClients: [Int] = []
    private(set) var bytesInFlight = 0

    init(_ bounds: Bounds = Bounds()) {
        self.bounds = bounds
        answers = ByteAccount(bytesMax: bounds.answerBytes)
    }

    var requestsInFlight: Int { slots.count - freeSlots.count }

    /// The number of connections remembered.
    var clientCount: Int { clients.count }

    /// Why one more request cannot be taken; nil if it can.
    /// - Parameter isRead: Whether it reads the stream, whose answers are large however small the request is.
    func refusal(of envelope: borrowing Envelope, bytes: Int, isRead: Bool = false) -> Refusal? {
        if requestsInFlight >= bounds.requests { return .tooManyRequests }
        if bytesInFlight + bytes > bounds.bytes { return .tooManyBytes }
        guard let client = clients[envelope.routing] else { return nil }
        if requestsOfClient[client] >= bounds.requestsPerClient { return .tooManyOfClient }
        if isRead, readsOfClient[client] >= bounds.readsPerClient { return .tooManyReads }
        return answersOfClient[client].isFull ? .unreadAnswers : nil
    }

    mutating func open(_ envelope: Envelope, bytes: Int, isRead: Bool = false) -> RequestToken {
        let client = client(envelope.routing)
        requestsOfClient[client] += 1
        if isRead { readsOfClient[client] += 1 }
        bytesInFlight += bytes
        let index: UInt32
        if let free = freeSlots.popLast() {
            index = free
        } else {
            index = UInt32(slots.count)
            slots.append(Slot())
        }
        slots[Int(index)].envelope.routing.replace(with: envelope.routing)
        slots[Int(index)].envelope.identifier.replace(with: envelope.identifier)
        slots[Int(index)].envelope.hasDelimiter = envelope.hasDelimiter
        slots[Int(index)].isTaken = true
        slots[Int(index)].bytes = bytes
        slots[Int(index)].client = client
        slots[Int(index)].isRead = isRead
        return RequestToken(index: index, generation: slots[Int(index)].generation)
    }

    /// Where the answer of a request just opened is counted.
    func account(_ token: RequestToken) -> ByteAccount { answersOfClient[slots[Int(token.index)].client] }

    /// Lends the envelope of a request in flight; nil where it was answered before.
    func withEnvelope<Result>(_ token: RequestToken, _ body: (borrowing Envelope) -> Result) -> Result? {
        guard slots[Int(token.index)].isTaken, slots[Int(token.index)].generation == token.generation else {
            return nil
        }
        return body(slots[Int(token.index)].envelope)
    }

    /// Forgets a request in flight.
    mutating func close(_ token: RequestToken) {
        let index = Int(token.index)
        precondition(slots[index].isTaken && slots[index].generation == token.generation, "closed twice")
        slots[index].isTaken = false
        slots[index].generation &+= 1
        bytesInFlight -= slots[index].bytes
        requestsOfClient[slots[index].client] -= 1
        if slots[index].isRead { readsOfClient[slots[index].client] -= 1 }
        freeSlots.append(token.index)
    }

    private mutating func client(_ routing: [UInt8]) -> Int {
        if let client = clients[routing] { return client }
        // A connection that has nothing in flight and all its answers need not be remembered; they are swept when there
        // are many.
        if clients.count >= 2 * bounds.requests { sweepClients() }
        let client: Int
        if let free = freeClients.popLast() {
            client = free
        } else {
            client = requestsOfClient.count
            requestsOfClient.append(0)
            readsOfClient.append(0)
            answersOfClient.append(ByteAccount(bytesMax: bounds.answerBytesPerClient, within: answers))
        }
        clients[routing] = client
        return client
    }

    private mutating func sweepClients() {
        for (routing, client) in clients where requestsOfClient[client] == 0 && answersOfClient[client].isEmpty {
            clients[routing] = nil
            freeClients.append(client)
        }
    }
}

extension [UInt8] {
    /// Takes on other content and keeps the storage.
    mutating func replace(with bytes: some Collection<UInt8>) {
        removeAll(keepingCapacity: true)
        append(contentsOf: bytes)
    }
}
