internal import API
internal import Core
internal import Platform

/// Where a pipe's records come from.
protocol PipeSource: Sendable {
    /// Whether a record that is not finished comes again by itself. Otherwise the pipe tries it until it is.
    var redelivers: Bool { get }

    /// The next records, after waiting for some.
    /// - Returns: Empty where none came for a while.
    /// - Throws: `ServiceError`, `CancellationError`.
    func receive(_ context: OperationContext) async throws -> [PipeRecord]

    /// Adds to the records just received those that complete the batch, as long as the pipe may wait for them.
    func complete(
        _ records: [PipeRecord], _ context: OperationContext, while mayWait: () async -> Bool
    ) async throws -> [PipeRecord]

    /// Lets go of records that need not come again.
    func finish(_ records: [PipeRecord], _ context: OperationContext) async throws
}

/// Takes messages from a queue. What is not finished becomes visible again, and in the end goes where the queue's
/// redrive policy says.
struct QueuePipeSource: PipeSource {
    let caller: any OperationCaller
    let queue: ARN
    let batchMax: Int
    let window: Duration
    let clock: any Clock

    /// Of one request.
    private static let messagesMax = 10
    private static let waitSecondsMax = 20
    private static let visibilitySecondsMax = 43_200

    let redelivers = true

    private var url: JSON {
        .string("https://sqs.\(queue.region).amazonaws.com/\(queue.account)/\(queue.resource)")
    }

    func receive(_ context: OperationContext) async throws -> [PipeRecord] {
        try await receive(waitSeconds: QueuePipeSource.waitSecondsMax, count: batchMax, context)
    }

    func complete(
        _ first: [PipeRecord], _ context: OperationContext, while mayWait: () async -> Bool
    ) async throws -> [PipeRecord] {
        var records = first
        let end = clock.now + window
        while records.count < batchMax, QueuePipeSource.bytes(of: records) < Limits.pipeBatchBytesMax, await mayWait() {
            let left = Int((end - clock.now).components.seconds)
            if left <= 0 { break }
            records += try await receive(
                waitSeconds: min(QueuePipeSource.waitSecondsMax, left), count: batchMax - records.count, context)
        }
        return records
    }

    private static func bytes(of records: [PipeRecord]) -> Int {
        records.reduce(0) { $0 + ($1.json["body"]?.string?.utf8.count ?? 0) }
    }

    private func receive(
        waitSeconds: Int, count: Int, _ context: OperationContext
    ) async throws(ServiceError) -> [PipeRecord] {
        var input: JSON = [
            "QueueUrl": url, "MaxNumberOfMessages": .integer(min(QueuePipeSource.messagesMax, count)),
            "WaitTimeSeconds": .integer(waitSeconds), "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        ]
        input["VisibilityTimeout"] = try await visibilitySeconds(context).map { .integer($0) }
        let output = try await caller.call("sqs:ReceiveMessage", input, context)
        return (output["Messages"]?.array ?? []).map(record)
    }

    /// How long messages are hidden: as long as the queue says, and before that while they wait for others, lest they
    /// come a second time into the same batch. Nil where none waits.
    private func visibilitySeconds(_ context: OperationContext) async throws(ServiceError) -> Int? {
        if window == .zero { return nil }
        let name = "VisibilityTimeout"
        let output = try await caller.call(
            "sqs:GetQueueAttributes", ["QueueUrl": url, "AttributeNames": [.string(name)]], context)
        let seconds = output["Attributes"]?[name]?.string.flatMap { Int($0) } ?? 0
        return min(seconds + Int(window.components.seconds), QueuePipeSource.visibilitySecondsMax)
    }

    /// A message as the service hands it on.
    private func record(_ message: JSON) -> PipeRecord {
        let attributes = message["Attributes"] ?? [:]
        var typed = JSONObject()
        for member in message["MessageAttributes"]?.object ?? JSONObject() {
            var value: JSON = ["stringListValues": [], "binaryListValues": []]
            for (from, to) in [
                ("StringValue", "stringValue"), ("BinaryValue", "binaryValue"), ("DataType", "dataType"),
            ] { value[to] = member.value[from] }
            typed.append(member.key, value)
        }
        return PipeRecord(
            identifier: message["MessageId"]?.string ?? "",
            receives: attributes["ApproximateReceiveCount"]?.string.flatMap { Int($0) } ?? 1,
            group: attributes["MessageGroupId"]?.string,
            json: [
                "messageId": message["MessageId"] ?? .null, "receiptHandle": message["ReceiptHandle"] ?? .null,
                "body": message["Body"] ?? .null, "attributes": attributes, "messageAttributes": .object(typed),
                "md5OfBody": message["MD5OfBody"] ?? .null, "eventSource": "aws:sqs",
                "eventSourceARN": .string(queue.description), "awsRegion": .string(queue.region),
            ], receipt: message["ReceiptHandle"]?.string ?? "")
    }

    func finish(_ records: [PipeRecord], _ context: OperationContext) async throws {
        var rest = records[...]
        while !rest.isEmpty {
            let entries = rest.prefix(QueuePipeSource.messagesMax).enumerated().map { index, record -> JSON in
                ["Id": .string(String(index)), "ReceiptHandle": .string(record.receipt)]
            }
            rest = rest.dropFirst(QueuePipeSource.messagesMax)
            _ = try await caller.call(
                "sqs:DeleteMessageBatch", ["QueueUrl": url, "Entries": .array(entries)], context)
        }
    }
}
