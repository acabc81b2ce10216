public import Core

extension Transaction {
    /// Puts an event on a bus once this transaction is durable, and records it with the transaction's cause.
    /// - Parameter onlyRule: The only rule that may match it; nil for all.
    /// - Throws: `StorageError`.
    public func put(_ event: EventEnvelope, bus: String = "default", onlyRule: String? = nil) throws(StorageError) {
        let record = event.record(bus: bus, context: context, onlyRule: onlyRule)
        try emit(topic: record.topic, eventID: event.id, body: record.body)
        try audit(
            "PutEvents", on: Subject(.event, event.id.description), outcome: .success,
            detail: [
                "EventBusName": .string(bus), "Source": .string(event.source), "DetailType": .string(event.detailType),
            ])
    }

    /// Sends a message to the subscribers of a stream topic once this transaction is durable.
    /// - Throws: `StorageError`.
    public func publish(_ message: JSON, to topic: String) throws(StorageError) {
        let entry = StreamEntry(kind: .message, context: context, payload: message.bytes)
        try emit(topic: topic, body: entry.encoded)
    }
}
