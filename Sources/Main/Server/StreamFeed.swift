internal import Bus
internal import Storage

/// Hands what the journal has made durable to the subscribers on the bus.
enum StreamFeed {
    static func connect(_ journal: any Journal, to stream: StreamServer) {
        journal.observe { slice in
            guard stream.hasSubscribers else {
                stream.advance(to: slice.lastSequence)
                return
            }
            var batch: [StreamRecord] = []
            batch.reserveCapacity(slice.count)
            slice.forEach { record in
                guard let view = StreamEntryView(record.body) else { return }
                batch.append(
                    StreamRecord(
                        topic: record.topic, payload: view.payload, sequence: record.sequence,
                        previousSequence: record.previousSequence))
            }
            // The records are lent for the time of this call, in which the stream copies those that are wanted.
            stream.publish(batch)
        }
    }
}
