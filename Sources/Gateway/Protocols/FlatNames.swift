internal import API

/// How a service's Query protocol spells lists and maps that it writes without `member` and `entry`.
///
/// `AttributeName.1=All` is the first element of `AttributeNames`, and `Attribute.1.Name=a` with `Attribute.1.Value=b`
/// a member of `Attributes`. Answers repeat the element of the same name.
struct FlatNames: Sendable {
    struct Member: Sendable {
        /// In the operation's input and output.
        let name: String
        /// On the wire.
        let element: String
        /// What key and value of a map are called; nil for a list.
        let entry: (key: String, value: String)?

        init(_ name: String, _ element: String, entry: (key: String, value: String)? = nil) {
            self.name = name
            self.element = element
            self.entry = entry
        }
    }

    let members: [Member]
    /// Members of batch requests whose elements are named after the operation: in the input of `SendMessageBatch`,
    /// `Entries` is `SendMessageBatchRequestEntry.1…`, and in its output `Successful` is `SendMessageBatchResultEntry`.
    let batch: (input: String, output: String)?

    static let none = FlatNames(members: [], batch: nil)

    /// What an element stands for in the input of an operation.
    /// - Parameter fields: Those declared where it stands: an element may stand for members of several names.
    func member(element: String, action: String, among fields: [Field]) -> Member? {
        if let batch, element == "\(action)RequestEntry" { return Member(batch.input, element) }
        let candidates = members.filter { $0.element == element }
        return candidates.first { candidate in fields.contains { $0.name == candidate.name } } ?? candidates.first
    }

    /// How a member of the output of an operation is written.
    func member(named name: String, action: String) -> Member? {
        if let batch, batch.output == name { return Member(name, "\(action)ResultEntry") }
        return members.first { $0.name == name }
    }
}

extension FlatNames {
    /// - Source: SQS API reference of the Query protocol, version 2012-11-05.
    static let queues = FlatNames(
        members: [
            Member("AttributeNames", "AttributeName"), Member("MessageAttributeNames", "MessageAttributeName"),
            Member("MessageSystemAttributeNames", "MessageSystemAttributeName"),
            Member("Attributes", "Attribute", entry: ("Name", "Value")),
            Member("MessageAttributes", "MessageAttribute", entry: ("Name", "Value")),
            Member("MessageSystemAttributes", "MessageSystemAttribute", entry: ("Name", "Value")),
            Member("tags", "Tag", entry: ("Key", "Value")), Member("Tags", "Tag", entry: ("Key", "Value")),
            Member("TagKeys", "TagKey"), Member("QueueUrls", "QueueUrl"), Member("queueUrls", "QueueUrl"),
            Member("Messages", "Message"), Member("Failed", "BatchResultErrorEntry"),
            Member("AWSAccountIds", "AWSAccountId"), Member("Actions", "ActionName"),
        ], batch: ("Entries", "Successful"))
}
