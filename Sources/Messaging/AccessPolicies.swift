internal import API
internal import Access
internal import Core
internal import Platform
internal import Storage

/// What the policies of queues and topics say about who may use them, besides the callers' own permissions.
/// - Source: IAM user guide, "Policy evaluation logic"; SQS and SNS developer guides on access policies.
struct AccessPolicies: ResourcePolicies {
    let queues: QueueCalls
    let topics: TopicCalls
    let account: Account
    let clock: any Clock

    func isAllowed(_ principal: Principal, _ operation: Operation, _ input: JSON) async throws -> Bool? {
        guard let (arn, text) = try await policy(operation, input), let policy = try read(text, of: arn) else {
            return nil
        }
        let caller = account.arn(of: principal)
        let request = PolicyRequest(
            principal: caller, action: operation.permission, resource: arn,
            values: [
                "aws:principalarn": [caller.description], "aws:principalaccount": [account.id],
                "aws:username": [principal.name], "aws:currenttime": [clock.now.description],
                "aws:epochtime": [String(clock.now.seconds)],
            ])
        switch policy.decision(request) {
        case .allow: return true
        case .deny: return false
        case .silent: return nil
        }
    }

    /// The resource that a call is about and the text of its policy; nil where it has none.
    private func policy(_ operation: Operation, _ input: JSON) async throws -> (arn: String, text: String)? {
        switch operation.service {
        case "sqs":
            // What names no queue is refused by the operation.
            guard let name = try? queues.name(input["QueueUrl"]) else { return nil }
            let queue = try await queues.database.read { try QueueStore.find(name, $0) }
            return queue?.attributes.texts["Policy"].map { (queues.contents.arn(name), $0) }
        case "sns":
            let given = input["TopicArn"] ?? input["TargetArn"] ?? input["ResourceArn"]
            guard let name = try? topics.name(given) else { return nil }
            let topic = try await topics.database.read { try TopicStore.find(name, $0) }
            return topic?.attributes["Policy"]?.string.map { (topics.arn(name), $0) }
        default: return nil
        }
    }

    /// - Returns: Nil for a policy without statements.
    /// - Throws: `ServiceError` `.accessDenied` for one that cannot be read: it may be there to deny.
    private func read(_ text: String, of arn: String) throws(ServiceError) -> Policy? {
        if let statements = (try? JSON(parsing: text))?["Statement"]?.array, statements.isEmpty { return nil }
        do throws(PolicyError) {
            return try Policy(parsing: text)
        } catch {
            throw ServiceError(
                .accessDenied, "The policy of \(arn) cannot be read, so that it lets nobody pass: \(error)")
        }
    }
}
