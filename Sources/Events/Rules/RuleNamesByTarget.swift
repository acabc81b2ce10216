internal import API
internal import Core

/// `events:ListRuleNamesByTarget`.
struct RuleNamesByTarget: Sendable {
    let matcher: Matcher
    let buses: BusDirectory
    let account: Account

    var all: [Operation] {
        [
            Operation(
                "events:ListRuleNamesByTarget", "Lists the rules of a bus that send to a target, by name.", .reads,
                input: [
                    .required("TargetArn", .string(length: 1...1600)), RuleOperations.busName,
                    .optional("NextToken", .string(length: 1...2048)), .optional("Limit", .integer(1...100)),
                ], handler: list)
        ]
    }

    private func list(_ input: JSON, _ context: OperationContext) async throws -> JSON {
        let text = input["TargetArn"]?.string ?? ""
        guard let arn = ARN(text).map(account.resolve) else {
            throw ServiceError(
                .validation, "Parameter \(text) is not valid. Reason: Provided Arn is not in correct format.")
        }
        let bus = try buses.resolve(input)
        let rules = await matcher.catalog.rules(on: bus).filter { $0.targets.contains { $0.arn == arn } }
        let page = Page(rules.map(\.name), by: \.self, input)
        var output: JSON = ["RuleNames": .array(page.items.map { .string($0) })]
        output["NextToken"] = page.nextToken
        return output
    }
}
