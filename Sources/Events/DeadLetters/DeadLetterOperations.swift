internal import API
internal import Core
internal import Platform
internal import Storage

/// `events:ListDeadLetters` and `events:RedriveDeadLetters`; operations of our own.
struct DeadLetterOperations: Sendable {
    let database: Database
    let clock: any Clock
    /// Called once redriven deliveries are durable.
    let onRedrive: @Sendable () -> Void

    var all: [Operation] {
        [
            Operation(
                "events:ListDeadLetters", "Lists deliveries that failed for good, oldest first.", .reads,
                input: [
                    .optional("RuleName", .string(length: 1...64)), .optional("EventBusName", .string(length: 1...256)),
                    .optional("DeliveryId", .string(length: 1...1024)), .optional("Limit", .integer(1...1000)),
                    .optional("NextToken", .string(length: 1...64)),
                ], handler: list),
            Operation(
                "events:RedriveDeadLetters", "Delivers dead letters again: those named, those of a rule, or all.",
                .writes,
                input: [
                    .optional("DeliveryIds", .list(.string(length: 1...1024), count: 1...1000)),
                    .optional("RuleName", .string(length: 1...64)), .optional("EventBusName", .string(length: 1...256)),
                    .optional("All", .boolean),
                ], handler: redrive),
        ]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let limit = input["Limit"]?.int ?? 100
        var after: Int64 = 0
        if let token = input["NextToken"]?.string {
            guard let row = Int64(token) else { throw ServiceError(.invalidNextToken, "The NextToken is not valid.") }
            after = row
        }
        let (condition, values) = DeadLetterOperations.filter(input)
        let start = after
        let letters = try await database.read {
            try DeadLetter.select(where: condition, values, after: start, limit: limit, $0).map {
                (row: $0.row, json: $0.letter.json)
            }
        }
        var output: JSON = ["DeadLetters": .array(letters.map(\.json))]
        if letters.count == limit, let last = letters.last { output["NextToken"] = .string(String(last.row)) }
        return output
    }

    private static func filter(_ input: JSON) -> (condition: String, values: [(any SQLConvertible & Sendable)?]) {
        var condition = "1"
        var values: [(any SQLConvertible & Sendable)?] = []
        for (member, column) in [("RuleName", "rule"), ("EventBusName", "bus"), ("DeliveryId", "delivery_id")] {
            if let value = input[member]?.string {
                condition += " AND \(column) = ?"
                values.append(value)
            }
        }
        return (condition, values)
    }

    private func redrive(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let identifiers = input["DeliveryIds"]?.array?.compactMap(\.string)
        guard identifiers != nil || input["RuleName"] != nil || input["All"]?.bool == true else {
            throw ServiceError(.validation, "Name what to redrive: DeliveryIds, RuleName, or All: true.")
        }
        let now = clock.now
        let onRedrive = onRedrive
        let count = try await database.write(context) { transaction in
            var letters: [(row: Int64, letter: DeadLetter)] = []
            if let identifiers {
                for identifier in Set(identifiers).sorted() {
                    let found = try DeadLetter.select(
                        where: "delivery_id = ?", [identifier], limit: 1, transaction.reading)
                    guard !found.isEmpty else {
                        throw ServiceError(.resourceNotFound, "There is no dead letter \(identifier).")
                    }
                    letters += found
                }
            } else {
                let (condition, values) = DeadLetterOperations.filter(input)
                letters = try DeadLetter.select(where: condition, values, limit: 10_000, transaction.reading)
            }
            for (row, letter) in letters {
                var delivery = letter.delivery
                delivery.created = now
                delivery.due = now
                try DeliveryStore.insert(delivery, transaction)
                try transaction.execute("DELETE FROM dead_letters WHERE rowid = ?", row)
                try transaction.audit("RedriveDeadLetters", on: delivery.subject, outcome: .success)
            }
            if letters.isEmpty {
                try transaction.audit(
                    "RedriveDeadLetters", on: Subject(.operation, "events:RedriveDeadLetters"), outcome: .success)
            }
            transaction.afterCommit(onRedrive)
            return letters.count
        }
        return ["RedrivenCount": .integer(count)]
    }
}
