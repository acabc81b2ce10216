internal import CShims
internal import CZeroMQ
internal import Core
internal import Glibc

/// Publishers that keep a bounded number of events in flight, all in one thread.
final class Load {
    struct Outcome {
        var events = 0
        /// From the first request to the last answer.
        var seconds = 0.0
        /// Of each request, from its sending to its answer, in microseconds, sorted.
        var microseconds: [Double] = []
        var eventsPerSecond: Double { Double(events) / seconds }
    }

    /// Events in flight of all publishers together; a request for each where they come one by one.
    static let eventsInFlight = 4000

    private let dealers: [Dealer]
    private let workload: Workload
    private let window: Int
    private var sentAt: [Int64]
    private var free: [UInt32]
    private var next = 0

    init(_ workload: Workload, publishers: Int, endpoint: String, context: ZeroMQContext) throws {
        dealers = try (0..<publishers).map { _ in try Dealer(context: context, endpoint: endpoint) }
        self.workload = workload
        // A connection may have so many requests in flight, see `Limits`.
        let bound = min(Load.eventsInFlight / workload.batch, Limits.requestsInFlightPerClientMax * publishers)
        window = max(1, bound / publishers)
        sentAt = [Int64](repeating: 0, count: window * publishers)
        free = []
    }

    /// Publishes for a while, then waits for the answers.
    func run(seconds: Double) throws -> Outcome {
        var outcome = Outcome()
        var inFlight = [Int](repeating: 0, count: dealers.count)
        free = (0..<UInt32(sentAt.count)).reversed()
        var items = dealers.map {
            zmq_pollitem_t(socket: $0.socket.handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)
        }
        let began = ops_monotonic_nanoseconds()
        let end = began + Int64(seconds * 1e9)
        var now = began
        var requests = 0
        while now < end || free.count < sentAt.count {
            var received = 0
            for (index, dealer) in dealers.enumerated() {
                while now < end, inFlight[index] < window, let identifier = free.popLast() {
                    now = ops_monotonic_nanoseconds()
                    sentAt[Int(identifier)] = now
                    dealer.publish(identifier, workload.requests[next])
                    next = (next + 1) % workload.requests.count
                    inFlight[index] += 1
                }
                while let identifier = try dealer.receive(Load.check) {
                    now = ops_monotonic_nanoseconds()
                    outcome.microseconds.append(Double(now - sentAt[Int(identifier)]) / 1000)
                    free.append(identifier)
                    inFlight[index] -= 1
                    received += 1
                }
            }
            requests += received
            if received == 0, zmq_poll(&items, Int32(items.count), 10_000) == 0 {
                throw BenchmarkError(description: "no answers for ten seconds")
            }
            now = ops_monotonic_nanoseconds()
        }
        outcome.events = requests * workload.batch
        outcome.seconds = Double(now - began) / 1e9
        outcome.microseconds.sort()
        return outcome
    }

    private static let allGood = Array("\"FailedEntryCount\":0}".utf8)

    /// Throws unless all entries of a request were taken.
    static func check(_ status: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer) throws {
        guard status.elementsEqual("200".utf8), body.suffix(allGood.count).elementsEqual(allGood) else {
            let text = String(decoding: body.prefix(300), as: UTF8.self)
            throw BenchmarkError(description: "refused with \(String(decoding: status, as: UTF8.self)): \(text)")
        }
    }
}

extension [Double] {
    /// Of sorted values.
    func percentile(_ share: Double) -> Double { isEmpty ? 0 : self[Swift.min(count - 1, Int(Double(count) * share))] }
}
