internal import Core

extension Command {
    static let topics = Command(
        "topics", "Look at topics, create them, publish to them, subscribe to them.",
        subcommands: [
            listTopics, createTopic, publishTopic, subscribeTopic, confirmSubscription, listSubscriptions,
            unsubscribeTopic,
        ])

    private static let listTopics = Command(
        "list", "List the topics.", examples: [Example("opsbus topics list", "Every topic")]
    ) { _, session in
        let output = try await session.connect().callAll("sns:ListTopics", [:], list: "Topics")
        session.output.result(output) {
            var table = Table(["TOPIC", "ARN"])
            for topic in output["Topics"]?.array ?? [] {
                let arn = topic.cell("TopicArn")
                table.add([ARN(arn)?.resource ?? arn, arn])
            }
            session.output.table(table, empty: "There are no topics.")
        }
        return .success
    }

    private static let createTopic = Command(
        "create", "Create a topic; one that exists stays as it is.",
        examples: [Example("opsbus topics create on-call", "Create the topic on-call")],
        arguments: [name]
    ) { arguments, session in
        let output = try await session.connect().call(
            "sns:CreateTopic", ["Name": .string(try arguments.required(name))])
        session.output.result(output) { session.output.line(output.cell("TopicArn")) }
        return .success
    }

    private static let publishTopic = Command(
        "publish", "Publish a message to a topic.",
        examples: [
            Example("opsbus topics publish on-call 'disk full on web-1' --subject Disk", "Publish a message"),
            Example("opsbus topics publish on-call @report.txt", "Publish the content of a file"),
        ],
        options: [subject], arguments: [topic, message]
    ) { arguments, session in
        let connection = try session.connect()
        let arn = try await topicARN(try arguments.required(topic), connection)
        let content = try session.text(try arguments.required(message))
        guard let message = String(validating: content, as: UTF8.self) else {
            throw CommandError.usage("the message is not UTF-8 text", fix: "publish text")
        }
        let output = try await connection.call(
            "sns:Publish",
            input([
                ("TopicArn", .string(arn)), ("Message", .string(message)), ("Subject", .text(arguments[subject])),
            ]))
        session.output.result(output) { session.output.line(output.cell("MessageId")) }
        return .success
    }

    /// The ARN of a topic given by ARN or by name.
    static func topicARN(_ topic: String, _ connection: any Connection) async throws -> String {
        if ARN(topic) != nil { return topic }
        let output = try await connection.callAll("sns:ListTopics", [:], list: "Topics")
        let arns = (output["Topics"]?.array ?? []).compactMap { $0["TopicArn"]?.string }
        if let arn = arns.first(where: { ARN($0)?.resource == topic }) { return arn }
        let near = nearest(to: topic, among: arns.compactMap { ARN($0)?.resource }).map { "did you mean '\($0)'?" }
        throw CommandError.failure(
            "there is no topic '\(topic)'", fix: near ?? "create it with 'opsbus topics create \(topic)'")
    }

    private static let subject = Option("subject", "TEXT", .text, "The message's subject.")
    private static let name = Argument("NAME", .text, "The topic's name.")
    private static let topic = Argument("TOPIC", .text.completing(.live(.topics)), "The topic's name or ARN.")
    private static let message = Argument("MESSAGE", .text, "The text, @FILE, or - for standard input.")
}
