internal import API
internal import Core
internal import Storage

/// The operations on tags of pipes.
struct PipeTagOperations: Sendable {
    let database: Database

    private static let tagsMax = 50

    var all: [Operation] {
        let path = "/tags/{resourceArn}"
        return [
            Operation(
                "pipes:TagResource", "Adds tags to a pipe, replacing those of the same keys.", .writes,
                input: [PipeFields.resource, .required("tags", PipeFields.tags)], route: Route(.post, path),
                handler: tag),
            Operation(
                "pipes:UntagResource", "Removes tags from a pipe.", .writes,
                input: [
                    PipeFields.resource, .required("tagKeys", .list(.string(length: 1...128), count: 0...50)),
                ], route: Route(.delete, path, query: ["tagKeys": "tagKeys"]), handler: untag),
            Operation(
                "pipes:ListTagsForResource", "Lists the tags of a pipe.", .reads, input: [PipeFields.resource],
                route: Route(.get, path), handler: list),
        ]
    }

    private func tag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await change("TagResource", input, context) { tags in
            for tag in input["tags"]?.object ?? JSONObject() { tags[tag.key] = tag.value }
        }
    }

    private func untag(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        try await change("UntagResource", input, context) { tags in
            for key in input["tagKeys"]?.array ?? [] { tags[key.string ?? ""] = nil }
        }
    }

    private func change(
        _ action: String, _ input: JSON, _ context: OperationContext,
        _ change: @escaping @Sendable (inout JSONObject) -> Void
    ) async throws -> JSON {
        let name = try PipeTagOperations.name(input)
        try await database.write(context) { transaction in
            guard var pipe = try PipeStore.find(name, transaction.reading) else { throw PipeOperations.absent(name) }
            change(&pipe.tags)
            guard pipe.tags.count <= PipeTagOperations.tagsMax else {
                throw ServiceError(
                    .validation, "A pipe has at most \(PipeTagOperations.tagsMax) tags, not \(pipe.tags.count).")
            }
            try PipeStore.put(pipe, transaction)
            try transaction.audit(action, on: pipe.subject, outcome: .success)
        }
        return [:]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try PipeTagOperations.name(input)
        guard let pipe = try await database.read({ try PipeStore.find(name, $0) }) else {
            throw PipeOperations.absent(name)
        }
        return ["tags": .object(pipe.tags)]
    }

    private static func name(_ input: JSON) throws(ServiceError) -> String {
        let text = input["resourceArn"]?.string ?? ""
        guard let arn = ARN(text), arn.service == "pipes", let name = arn.name(ofType: "pipe") else {
            throw ServiceError(.validation, "\(text) is not the ARN of a pipe (pipe/NAME).")
        }
        return name
    }
}
