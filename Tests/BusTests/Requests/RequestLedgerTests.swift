import Testing

@testable import Bus

@Suite struct RequestLedgerTests {
    private func envelope(_ client: UInt8, _ identifier: UInt8 = 0) -> Envelope {
        Envelope(routing: [client], hasDelimiter: false, identifier: [identifier])
    }

    @Test("Each bound refuses with its own reason, and takes requests again when one is closed")
    func bounds() {
        var ledger = RequestLedger(.init(requests: 3, requestsPerClient: 2, bytes: 100))
        let first = ledger.open(envelope(1), bytes: 40)
        _ = ledger.open(envelope(1), bytes: 40)
        #expect(ledger.refusal(of: envelope(1), bytes: 1) == .tooManyOfClient)
        #expect(ledger.refusal(of: envelope(2), bytes: 21) == .tooManyBytes)
        #expect(ledger.refusal(of: envelope(2), bytes: 20) == nil)
        _ = ledger.open(envelope(2), bytes: 20)
        #expect(ledger.refusal(of: envelope(3), bytes: 0) == .tooManyRequests)
        ledger.close(first)
        #expect(ledger.refusal(of: envelope(1), bytes: 40) == nil)
        #expect(ledger.bytesInFlight == 60)
    }

    @Test("Requests that read the stream have a bound of their own")
    func reads() {
        var ledger = RequestLedger(.init(readsPerClient: 1))
        let read = ledger.open(envelope(1), bytes: 1, isRead: true)
        #expect(ledger.refusal(of: envelope(1), bytes: 1, isRead: true) == .tooManyReads)
        #expect(ledger.refusal(of: envelope(1), bytes: 1) == nil)
        #expect(ledger.refusal(of: envelope(2), bytes: 1, isRead: true) == nil)
        ledger.close(ledger.open(envelope(1), bytes: 1))
        #expect(ledger.refusal(of: envelope(1), bytes: 1, isRead: true) == .tooManyReads)
        ledger.close(read)
        #expect(ledger.refusal(of: envelope(1), bytes: 1, isRead: true) == nil)
    }

    @Test("A token that was closed finds nothing, although its slot is taken again")
    func tokens() {
        var ledger = RequestLedger()
        let old = ledger.open(envelope(1, 7), bytes: 0)
        ledger.close(old)
        let new = ledger.open(envelope(2, 8), bytes: 0)
        #expect(old.index == new.index)
        #expect(ledger.withEnvelope(old) { $0.identifier } == nil)
        #expect(ledger.withEnvelope(new) { $0.identifier } == [8])
        #expect(ledger.withEnvelope(new) { $0.routing } == [2])
    }

    @Test("Connections that come and go are not remembered for ever")
    func clients() {
        var ledger = RequestLedger(.init(requests: 10, requestsPerClient: 2, bytes: 100))
        let kept = ledger.open(envelope(255), bytes: 0)
        for client in 0..<250 { ledger.close(ledger.open(envelope(UInt8(client)), bytes: 0)) }
        #expect(ledger.clientCount <= 21)
        #expect(ledger.withEnvelope(kept) { $0.routing } == [255])
        _ = ledger.open(envelope(255), bytes: 0)
        #expect(ledger.refusal(of: envelope(255), bytes: 0) == .tooManyOfClient)
    }
}
