import Core
import Testing

@testable import Events

@Suite("Deliveries in memory") struct DeliveryQueueTests {
    private func delivery(_ sequence: Int, _ rule: String) -> Delivery {
        Delivery(
            sequence: UInt64(sequence), bus: "default", rule: rule, target: "1",
            eventID: Identifier(high: 0, low: UInt64(sequence)), attempts: 0, created: Timestamp(seconds: 0),
            due: Timestamp(seconds: 0))
    }

    /// Adds deliveries, each of which must find room.
    private func add(_ numbers: some Sequence<Int>, _ rule: String, limit: Int?, to queue: inout DeliveryQueue) {
        for number in numbers {
            let isTaken = queue.add(delivery(number, rule), limit: limit)
            #expect(isTaken, "delivery \(number)")
        }
    }

    private func sequences(_ queue: inout DeliveryQueue) -> [UInt64] {
        var found: [UInt64] = []
        while let next = queue.next() { found.append(next.sequence) }
        return found
    }

    @Test("Without limits they come in the order in which they were added")
    func order() {
        var queue = DeliveryQueue(capacity: 10_000)
        add(0..<5000, "r", limit: nil, to: &queue)
        #expect(queue.count == 5000 && !queue.isFull)
        #expect(sequences(&queue) == (0..<5000).map { UInt64($0) })
        #expect(queue.count == 0)
    }

    @Test("A rule's limit holds back its own, and the end of one lets the next come")
    func limit() {
        var queue = DeliveryQueue(capacity: 100)
        add(0..<5, "slow", limit: 2, to: &queue)
        add([5], "other", limit: nil, to: &queue)
        #expect(sequences(&queue) == [0, 1, 5])
        #expect(queue.count == 3, "they wait in memory")
        var mustLoad = queue.finish(delivery(5, "other"), limit: nil)
        #expect(!mustLoad)
        #expect(sequences(&queue) == [])
        mustLoad = queue.finish(delivery(0, "slow"), limit: 2)
        #expect(!mustLoad)
        #expect(sequences(&queue) == [2])
        _ = queue.finish(delivery(1, "slow"), limit: 2)
        _ = queue.finish(delivery(2, "slow"), limit: 2)
        #expect(sequences(&queue) == [3, 4])
    }

    @Test("A limit that is lifted or raised lets those go that wait for it")
    func lifted() {
        var queue = DeliveryQueue(capacity: 100)
        add(0..<6, "r", limit: 1, to: &queue)
        #expect(sequences(&queue) == [0])
        _ = queue.finish(delivery(0, "r"), limit: 3)
        #expect(sequences(&queue) == [1, 2, 3])
        _ = queue.finish(delivery(1, "r"), limit: nil)
        #expect(sequences(&queue) == [4, 5])
    }

    @Test("A full lane leaves the rest to the database, and asks for it when it has drained")
    func full() {
        var queue = DeliveryQueue(capacity: 100_000)
        let rule = RuleCatalog.Key(bus: "default", name: "r")
        add(0...DeliveryQueue.laneMax, "r", limit: 1, to: &queue)
        #expect(queue.fullRules.isEmpty)
        let isTaken = queue.add(delivery(1000, "r"), limit: 1)
        #expect(!isTaken)
        #expect(queue.fullRules == [rule])
        var asked = 0
        for number in 0...DeliveryQueue.laneMax {
            let next = queue.next()
            #expect(next?.sequence == UInt64(number))
            if queue.finish(delivery(number, "r"), limit: 1) { asked += 1 }
        }
        #expect(asked == 1 && queue.fullRules.isEmpty && queue.count == 0)
    }
}
