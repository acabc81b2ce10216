public import Core

extension Transaction {
    /// Puts an event on a bus once this transaction is durable, and records it.
    /// - Parameters:
    ///   - onlyRule: The only rule that may match it; nil for all.
    ///   - context: Who puts it and because of what; nil for the transaction's own.
    /// - Throws: `StorageError`.
    public func put(
        _ event: EventEnvelope, bus: String = "default", onlyRule: String? = nil, context: OperationContext? = nil
    ) throws(StorageError) {
        let context = context ?? self.context
        let record = event.record(bus: bus, context: context, onlyRule: onlyRule)
        try emit(topic: record.topic, eventID: event.id, body: record.body)
        try audit(
            "PutEvents", on: Subject(.event, event.id.description), outcome: .success,
            detail: [
                "EventBusName": .string(bus), "Source": .string(event.source), "DetailType": .string(event.detailType),
            ], context: context)
    }

    /// Sends a message to the subscribers of a stream topic once this transaction is durable.
    /// - Parameter context: Who sends it and because of what; nil for the transaction's own.
    /// - Throws: `StorageError`.
    public func publish(
        _ message: JSON, to topic: String, context: OperationContext? = nil
    ) throws(StorageError) {
        let entry = StreamEntry(kind: .message, context: context ?? self.context, payload: message.bytes)
        try emit(topic: topic, body: entry.encoded)
    }
}
