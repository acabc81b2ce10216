import API
import Core
import TestSupport
import Testing

@testable import Bus

@Suite struct SubscriptionMachineTests {
    @Test(
        "Whatever is lost, repeated or read, every message is delivered once", arguments: 1...30 as ClosedRange<UInt64>)
    func randomLoss(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var journal: [(topic: String, sequence: UInt64, previousSequence: UInt64)] = []
        var lastOfTopic: [String: UInt64] = [:]
        var machine = SubscriptionMachine(start: .after(0))
        var delivered: [UInt64] = []
        var waiting: [(topic: String, sequence: UInt64, previousSequence: UInt64)] = []

        func readAll() throws {
            while case .read(let after) = machine.step {
                let page = journal.filter { $0.sequence > after ?? 0 }.prefix(Int.random(in: 1...5, using: &generator))
                for message in page where machine.receiveRead(topic: message.topic, sequence: message.sequence) {
                    delivered.append(message.sequence)
                }
                let next = page.last?.sequence ?? after ?? 0
                try machine.finishPage(epoch: "e", next: next, isLast: page.isEmpty)
            }
        }

        try machine.heartbeat(epoch: "e", sequence: 0)
        try readAll()
        for _ in 0..<500 {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0:
                try machine.heartbeat(epoch: "e", sequence: UInt64(journal.count))
                waiting = []
            case 1: machine.lose()
            default:
                let topic = "\(Int.random(in: 0..<4, using: &generator))/"
                let message = (topic, UInt64(journal.count + 1), lastOfTopic[topic] ?? 0)
                lastOfTopic[topic] = message.1
                journal.append(message)
                if Int.random(in: 0..<3, using: &generator) > 0 { waiting.append(message) }
            }
            try readAll()
            while let message = waiting.first {
                let isNew = machine.receive(
                    topic: message.topic, sequence: message.sequence, previousSequence: message.previousSequence)
                if isNew { delivered.append(message.sequence) }
                if machine.step == .listen { waiting.removeFirst() }
                try readAll()
            }
        }
        try machine.heartbeat(epoch: "e", sequence: UInt64(journal.count))
        try readAll()
        #expect(delivered.count == journal.count, "seed \(seed)")
        #expect(Set(delivered).count == journal.count, "seed \(seed)")
    }

    @Test("Nothing is delivered before the first heartbeat")
    func beforeStart() {
        var machine = SubscriptionMachine(start: .now)
        let isNew = machine.receive(topic: "a/", sequence: 5, previousSequence: 0)
        #expect(!isNew)
        #expect(machine.step == .listen)
    }

    @Test("A busy subscriber does not read at each heartbeat what it has already got")
    func busy() throws {
        var machine = SubscriptionMachine(start: .now)
        try machine.heartbeat(epoch: "e", sequence: 0)
        var last: UInt64 = 0
        for _ in 0...SubscriptionMachine.busyMessagesMax {
            let isNew = machine.receive(topic: "a/", sequence: last + 1, previousSequence: last)
            #expect(isNew)
            last += 1
        }
        try machine.heartbeat(epoch: "e", sequence: last)
        #expect(machine.step == .listen)
        // A second heartbeat with nothing in between: a quiet moment.
        try machine.heartbeat(epoch: "e", sequence: last)
        #expect(machine.step == .read(after: 0))
    }

    @Test("Another epoch is an error in a heartbeat and in a page")
    func epoch() throws {
        var machine = SubscriptionMachine(start: .after(1, epoch: "e"))
        #expect(throws: ServiceError.self) { try machine.heartbeat(epoch: "f", sequence: 1) }
        try machine.heartbeat(epoch: "e", sequence: 3)
        #expect(machine.step == .read(after: 1))
        #expect(throws: ServiceError.self) { try machine.finishPage(epoch: "f", next: 3, isLast: true) }
    }
}
