internal import API
internal import Core

/// The policy of a topic or a queue, as `AddPermission` and `RemovePermission` change it: one statement for a label.
struct ResourcePolicy: Sendable {
    /// `SNS` or `SQS`.
    let service: String
    let resource: String
    private(set) var json: JSON

    /// - Parameter json: The policy there is; nil for a new one.
    init(service: String, resource: String, json: JSON?, identifier: String) {
        self.service = service
        self.resource = resource
        self.json = json ?? ["Version": "2012-10-17", "Id": .string(identifier), "Statement": []]
    }

    private var statements: [JSON] { json["Statement"]?.array ?? [] }

    func has(_ label: String) -> Bool { statements.contains { $0["Sid"]?.string == label } }

    mutating func add(_ label: String, accounts: [String], actions: [String]) {
        let principals: [JSON] = accounts.map { .string("arn:aws:iam::\($0):root") }
        let names: [JSON] = actions.map { .string("\(service):\($0)") }
        json["Statement"] = .array(
            statements + [
                [
                    "Sid": .string(label), "Effect": "Allow", "Principal": ["AWS": ResourcePolicy.one(principals)],
                    "Action": ResourcePolicy.one(names), "Resource": .string(resource),
                ]
            ])
    }

    mutating func remove(_ label: String) {
        json["Statement"] = .array(statements.filter { $0["Sid"]?.string != label })
    }

    /// A list of one is written without its brackets.
    private static func one(_ list: [JSON]) -> JSON { list.count == 1 ? list[0] : .array(list) }
}
