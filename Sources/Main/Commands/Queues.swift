internal import Core

extension Command {
    static let queues = Command(
        "queues", "Look at queues, send to them, receive from them.",
        subcommands: [
            listQueues, createQueue, showQueue, sendMessage, receiveMessages, purgeQueue, deleteQueue,
        ])

    private static let listQueues = Command(
        "list", "List the queues with what they hold.",
        examples: [Example("opsbus queues list", "Every queue"), Example("opsbus queues list orders-", "By prefix")],
        arguments: [prefix]
    ) { arguments, session in
        let connection = try session.connect()
        let output = try await connection.callAll(
            "sqs:ListQueues", input([("QueueNamePrefix", .text(arguments[prefix])), ("MaxResults", 1000)]),
            list: "QueueUrls")
        var table = Table(["QUEUE", ">READY", ">IN FLIGHT", ">DELAYED"])
        if session.output.format == .table {
            for url in (output["QueueUrls"]?.array ?? []).compactMap(\.string) {
                let held = try await queueAttributes(url, connection)
                table.add([
                    name(of: url), held.cell("ApproximateNumberOfMessages"),
                    held.cell("ApproximateNumberOfMessagesNotVisible"),
                    held.cell("ApproximateNumberOfMessagesDelayed"),
                ])
            }
        }
        session.output.result(output) { session.output.table(table, empty: "There are no queues.") }
        return .success
    }

    private static let createQueue = Command(
        "create", "Create a queue; one that exists and is set up alike stays as it is.",
        discussion: "The name of a FIFO queue ends with .fifo, and that makes it one.",
        examples: [
            Example("opsbus queues create orders", "A queue"),
            Example(
                "opsbus queues create orders.fifo -a ContentBasedDeduplication=true",
                "One that keeps the order, and takes no message twice"),
            Example(
                "opsbus queues create orders --dead-letters orders-failed --max-receives 5", "With a place to fail"),
        ],
        options: [attribute, deadLetterQueue, maxReceives], arguments: [newName]
    ) { arguments, session in
        let connection = try session.connect()
        let name = try arguments.required(newName)
        var attributes = JSONObject()
        if name.hasSuffix(".fifo") { attributes["FifoQueue"] = "true" }
        for given in arguments.all(attribute) { attributes[given.key] = .string(given.value) }
        if let target = arguments[deadLetterQueue] {
            let arn = try await queueAttributes(target, connection)["QueueArn"] ?? .null
            let policy: JSON = [
                "deadLetterTargetArn": arn, "maxReceiveCount": .integer(arguments[maxReceives] ?? 3),
            ]
            attributes["RedrivePolicy"] = .string(policy.text)
        }
        let output = try await connection.call(
            "sqs:CreateQueue",
            input([
                ("QueueName", .string(name)), ("Attributes", attributes.isEmpty ? nil : .object(attributes)),
            ]))
        session.output.result(output) { session.output.line(output.cell("QueueUrl")) }
        return .success
    }

    private static let showQueue = Command(
        "show", "Show how a queue is set up and what it holds.",
        examples: [Example("opsbus queues show orders", "All that there is to know of it")], arguments: [queue]
    ) { arguments, session in
        let attributes = try await queueAttributes(try arguments.required(queue), try session.connect())
        session.output.result(attributes) {
            session.output.record((attributes.object?.members ?? []).map { ($0.key, $0.value.cell) })
        }
        return .success
    }

    // MARK: Messages

    private static let sendMessage = Command(
        "send", "Put a message into a queue.",
        examples: [
            Example("opsbus queues send orders '{\"id\": 7}'", "A message"),
            Example("opsbus queues send orders.fifo - --group customer-7", "Standard input, to a FIFO queue"),
        ],
        options: [group, deduplication, delay], arguments: [queue, body]
    ) { arguments, session in
        let content = try session.text(try arguments.required(body))
        guard let text = String(validating: content, as: UTF8.self) else {
            throw CommandError.usage("the message is not UTF-8 text", fix: "send text")
        }
        let output = try await session.connect().call(
            "sqs:SendMessage",
            input([
                ("QueueUrl", .string(try arguments.required(queue))), ("MessageBody", .string(text)),
                ("MessageGroupId", .text(arguments[group])),
                ("MessageDeduplicationId", .text(arguments[deduplication])),
                ("DelaySeconds", .number(of: arguments[delay])),
            ]))
        session.output.result(output) { session.output.line(output.cell("MessageId")) }
        return .success
    }

    private static let receiveMessages = Command(
        "receive", "Take messages out of a queue and print them.",
        discussion: """
            A message that is received is hidden from others for a time, and comes back unless it is deleted; with \
            --delete it is, once it is printed. With --peek it comes back at once. Either way it counts as received.
            """,
        examples: [
            Example("opsbus queues receive orders --delete", "Take one message"),
            Example("opsbus queues receive orders -n 10 --wait 20 --peek", "Look at ten, and wait for the first"),
        ],
        options: [count, waitSeconds, isDeleted, isPeeked], arguments: [queue]
    ) { arguments, session in
        let connection = try session.connect()
        let queue: JSON = .string(try arguments.required(queue))
        let output = try await connection.call(
            "sqs:ReceiveMessage",
            input([
                ("QueueUrl", queue), ("MaxNumberOfMessages", .integer(arguments[count] ?? 1)),
                ("WaitTimeSeconds", .number(of: arguments[waitSeconds])), ("AttributeNames", ["All"]),
                ("MessageAttributeNames", ["All"]), ("VisibilityTimeout", arguments[isPeeked] ? 0 : nil),
            ]))
        let messages = output["Messages"]?.array ?? []
        session.output.result(output) { for message in messages { session.output.text(message.cell("Body")) } }
        if arguments[isDeleted], !messages.isEmpty {
            let entries = messages.enumerated().map { index, message -> JSON in
                ["Id": .string(String(index)), "ReceiptHandle": message["ReceiptHandle"] ?? .null]
            }
            _ = try await connection.call(
                "sqs:DeleteMessageBatch", ["QueueUrl": queue, "Entries": .array(entries)])
        }
        if messages.isEmpty && session.output.format == .table { session.output.remark("there is no message") }
        return .success
    }

    private static let purgeQueue = Command(
        "purge", "Remove all messages of a queue.",
        examples: [Example("opsbus queues purge orders", "Empty it")], arguments: [queue]
    ) { arguments, session in
        let queue = try arguments.required(queue)
        let output = try await session.connect().call("sqs:PurgeQueue", ["QueueUrl": .string(queue)])
        session.output.result(output) { session.output.line("\(queue) is empty") }
        return .success
    }

    private static let deleteQueue = Command(
        "delete", "Delete a queue with its messages.",
        examples: [Example("opsbus queues delete orders", "Delete it")], arguments: [queue]
    ) { arguments, session in
        let queue = try arguments.required(queue)
        let output = try await session.connect().call("sqs:DeleteQueue", ["QueueUrl": .string(queue)])
        session.output.result(output) { session.output.line("\(queue) deleted") }
        return .success
    }

    private static func queueAttributes(_ queue: String, _ connection: any Connection) async throws -> JSON {
        let output = try await connection.call(
            "sqs:GetQueueAttributes", ["QueueUrl": .string(queue), "AttributeNames": ["All"]])
        return output["Attributes"] ?? [:]
    }

    private static func name(of url: String) -> String { url.split(separator: "/").last.map(String.init) ?? url }

    private static let queue = Argument("QUEUE", .text, "The queue's name, URL or ARN.")
    private static let newName = Argument("NAME", .text, "The queue's name.")
    private static let prefix = Argument("PREFIX", .text, count: 0...1, "What their names begin with.")
    private static let body = Argument("MESSAGE", .text, "The text, @FILE, or - for standard input.")
    private static let attribute = Option(
        "attribute", short: "a", "NAME=VALUE", .keyValue, repeated: true,
        "An attribute, as SetQueueAttributes has it: VisibilityTimeout=60.")
    private static let deadLetterQueue = Option(
        "dead-letters", "QUEUE", .text, "Where messages go that were received too often.")
    private static let maxReceives = Option(
        "max-receives", "N", .integer(1...1000), "How often they may be received before. [3]")
    private static let group = Option("group", "ID", .text, "The message group, for a FIFO queue.")
    private static let deduplication = Option(
        "deduplication-id", "ID", .text, "What tells the message from others, for a FIFO queue.")
    private static let delay = Option("delay", "SECONDS", .integer(0...900), "Hide the message for so long first.")
    private static let count = Option("count", short: "n", "N", .integer(1...10), "How many at most. [1]")
    private static let waitSeconds = Option(
        "wait", short: "w", "SECONDS", .integer(0...20), "Wait for a message, if there is none.")
    private static let isDeleted = Flag("delete", "Delete what is received.")
    private static let isPeeked = Flag("peek", "Let what is received be received again at once.")
}
