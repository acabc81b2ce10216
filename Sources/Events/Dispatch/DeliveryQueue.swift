internal import Core

/// The deliveries that the dispatcher holds in memory, in the order in which they may be attempted.
///
/// A rule with a concurrency limit has a lane of its own: what is over the limit waits there without holding up
/// others. A lane is short; what does not fit into it is left in the database and asked for when the lane has drained.
struct DeliveryQueue {
    private struct Lane {
        /// Ready or being attempted.
        var running = 0
        var waiting: [Delivery] = []
        /// Whether the database holds more than was taken.
        var hasMore = false
    }

    static let laneMax = 256

    private let capacity: Int
    private var ready: [Delivery] = []
    private var head = 0
    private var lanes: [RuleCatalog.Key: Lane] = [:]
    private var waitingCount = 0

    /// - Parameter capacity: Deliveries held at most, those being attempted not counted.
    init(capacity: Int) { self.capacity = capacity }

    var count: Int { ready.count - head + waitingCount }

    var isFull: Bool { count >= capacity }

    /// Rules whose lanes are full: their deliveries cannot be taken now.
    var fullRules: [RuleCatalog.Key] {
        lanes.filter { $0.value.hasMore && $0.value.waiting.count >= DeliveryQueue.laneMax }.map(\.key)
    }

    /// - Parameter limit: The rule's; nil for none.
    /// - Returns: False where the rule's lane is full: the delivery is left to the database.
    mutating func add(_ delivery: Delivery, limit: Int?) -> Bool {
        let rule = delivery.ruleKey
        guard limit != nil || lanes[rule] != nil else {
            ready.append(delivery)
            return true
        }
        var lane = lanes[rule] ?? Lane()
        defer { lanes[rule] = lane }
        if lane.running < limit ?? Int.max {
            lane.running += 1
            ready.append(delivery)
            return true
        }
        guard lane.waiting.count < DeliveryQueue.laneMax else {
            lane.hasMore = true
            return false
        }
        lane.waiting.append(delivery)
        waitingCount += 1
        return true
    }

    /// The next to attempt.
    mutating func next() -> Delivery? {
        guard head < ready.count else { return nil }
        let delivery = ready[head]
        head += 1
        if head == ready.count || head > 1024 {
            ready.removeFirst(head)
            head = 0
        }
        return delivery
    }

    /// Lets the next of the same rule come, once an attempt has ended.
    /// - Returns: Whether the database holds more for the rule's lane, which has room again.
    mutating func finish(_ delivery: Delivery, limit: Int?) -> Bool {
        let rule = delivery.ruleKey
        guard var lane = lanes[rule] else { return false }
        // A lane made after the attempt began has not counted it.
        lane.running = max(0, lane.running - 1)
        let room = min(lane.waiting.count, max(0, (limit ?? Int.max) - lane.running))
        ready += lane.waiting.prefix(room)
        lane.waiting.removeFirst(room)
        lane.running += room
        waitingCount -= room
        let mustLoad = lane.hasMore && lane.waiting.isEmpty
        if mustLoad { lane.hasMore = false }
        lanes[rule] = lane.running == 0 && !lane.hasMore ? nil : lane
        return mustLoad
    }

    mutating func removeAll() { self = DeliveryQueue(capacity: capacity) }
}
