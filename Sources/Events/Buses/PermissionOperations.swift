internal import API
internal import Access
internal import Core

/// `PutPermission` and `RemovePermission`: the resource policies of event buses.
struct PermissionOperations: Sendable {
    let operations: BusOperations
    let buses: BusDirectory

    private static let policyCharactersMax = 10_240
    private static let busName = Field.optional("EventBusName", .name(1...256, .resourceName))

    var all: [Operation] {
        let statement = Shape.string(length: 1...64, pattern: "[a-zA-Z0-9-_]+")
        return [
            Operation(
                "events:PutPermission", "Lets others put events on a bus, by a statement or a whole policy.", .writes,
                input: [
                    PermissionOperations.busName,
                    .optional("Action", .string(length: 1...64, pattern: "events:[a-zA-Z]+")),
                    .optional("Principal", .string(length: 1...12, pattern: #"(\d{12}|\*)"#)),
                    .optional("StatementId", statement),
                    .optional(
                        "Condition",
                        .structure([
                            .required("Type", .string()), .required("Key", .string()), .required("Value", .string()),
                        ])),
                    .optional("Policy", .string()),
                ], handler: put),
            Operation(
                "events:RemovePermission", "Removes a statement of a bus's policy, or all of it.", .writes,
                input: [
                    .optional("StatementId", statement), .optional("RemoveAllPermissions", .boolean),
                    PermissionOperations.busName,
                ], handler: remove),
        ]
    }

    private func put(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try buses.resolve(input)
        let arn = buses.snapshot.arn(of: name)
        if let text = input["Policy"]?.string {
            try PermissionOperations.check(text)
            _ = try await operations.change(name, "PutPermission", context) { $0.policy = text }
            return [:]
        }
        if let action = input["Action"]?.string, action != "events:PutEvents" {
            throw ServiceError(.validation, "Provided value in parameter 'action' is not supported.")
        }
        for member in ["Action", "Principal", "StatementId"] where input[member]?.string == nil {
            throw ServiceError(.validation, "Parameter \(member) must be specified.")
        }
        let statement = PermissionOperations.statement(input, on: arn)
        _ = try await operations.change(name, "PutPermission", context) { bus in
            let identifier = statement["Sid"]
            var statements = PermissionOperations.statements(of: bus).filter { $0["Sid"] != identifier }
            statements.append(statement)
            bus.policy = PermissionOperations.policy(statements)
            try PermissionOperations.check(bus.policy ?? "")
        }
        return [:]
    }

    private static func statement(_ input: JSON, on arn: String) -> JSON {
        let principal = input["Principal"]?.string ?? ""
        var statement: JSON = [
            "Sid": input["StatementId"] ?? .null, "Effect": "Allow",
            "Principal": principal == "*" ? "*" : ["AWS": .string("arn:aws:iam::\(principal):root")],
            "Action": "events:PutEvents", "Resource": .string(arn),
        ]
        if let condition = input["Condition"] {
            let key = condition["Key"]?.string ?? ""
            var keys: JSON = [:]
            keys[key] = condition["Value"]
            statement["Condition"] = [:]
            statement["Condition"]?[condition["Type"]?.string ?? ""] = keys
        }
        return statement
    }

    private func remove(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let name = try buses.resolve(input)
        let removesAll = input["RemoveAllPermissions"]?.bool == true
        guard removesAll || input["StatementId"]?.string != nil else {
            throw ServiceError(.validation, "Parameter StatementId must be specified.")
        }
        _ = try await operations.change(name, "RemovePermission", context) { bus in
            if removesAll {
                bus.policy = nil
                return
            }
            guard bus.policy != nil else { throw ServiceError(.resourceNotFound, "EventBus does not have a policy.") }
            let all = PermissionOperations.statements(of: bus)
            let kept = all.filter { $0["Sid"] != input["StatementId"] }
            guard kept.count < all.count else {
                throw ServiceError(.resourceNotFound, "Statement with the provided id does not exist.")
            }
            bus.policy = kept.isEmpty ? nil : PermissionOperations.policy(kept)
        }
        return [:]
    }

    /// The statements of a bus's policy as they were written.
    private static func statements(of bus: EventBus) -> [JSON] {
        guard let statement = bus.policy.flatMap({ try? JSON(parsing: $0) })?["Statement"] else { return [] }
        return statement.array ?? [statement]
    }

    private static func policy(_ statements: [JSON]) -> String {
        JSON.object(
            JSONObject([
                .init(key: "Version", value: "2012-10-17"), .init(key: "Statement", value: .array(statements)),
            ])
        ).text
    }

    private static func check(_ text: String) throws(ServiceError) {
        guard text.unicodeScalars.count <= policyCharactersMax else {
            throw ServiceError(
                .policyLengthExceeded, "The policy is longer than \(policyCharactersMax) characters.")
        }
        do throws(PolicyError) {
            _ = try Policy(parsing: text)
        } catch {
            throw ServiceError(.validation, "This policy is not valid. Reason: \(error.description).")
        }
    }
}
