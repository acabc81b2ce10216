internal import Core

/// What is known of an action without running it: the inputs it needs and the outputs it always has.
struct ActionSchema: Sendable {
    var required: [String] = []
    /// At least one of these, where any are listed.
    var oneOf: [String] = []
    /// Names that later steps may refer to without a declaration.
    var outputs: [String] = []
    /// Where a plugin of a command document runs, by the names of `platformType`.
    var platforms = PlatformType.allCases
    /// Whether OpsBus runs an action of a runbook.
    var isExecutable = false
    /// For an attempt of a step whose author set none.
    var timeoutSeconds = 3600
    /// What an author may set at most.
    var timeoutSecondsMax = Int.max

    /// The plugin of that name in command documents.
    static func command(_ name: String) -> ActionSchema? { commands[name] }

    /// The action of that name in runbooks.
    static func runbook(_ name: String) -> ActionSchema? { runbooks[name] }

    static func executable(in actions: [String: ActionSchema]) -> String {
        actions.filter { $0.value.isExecutable }.keys.sorted().joined(separator: ", ")
    }

    /// Checks that the inputs an action cannot do without are there.
    func check(_ inputs: Node?, _ owner: String, at position: TextPosition) throws(DocumentError) {
        for key in required where inputs?[key] == nil {
            throw DocumentError(.content, "\(owner) needs the input \"\(key)\"", at: inputs?.position ?? position)
        }
        if !oneOf.isEmpty, !oneOf.contains(where: { inputs?[$0] != nil }) {
            let names = oneOf.map { "\"\($0)\"" }.joined(separator: " or ")
            throw DocumentError(.content, "\(owner) needs the input \(names)", at: inputs?.position ?? position)
        }
    }
}

extension ActionSchema {
    /// - Source: Systems Manager user guide, "Command document plugin reference".
    static let commands: [String: ActionSchema] = [
        "aws:runShellScript": ActionSchema(required: ["runCommand"], platforms: [.linux, .macOS]),
        "aws:runPowerShellScript": ActionSchema(required: ["runCommand"]),
        "aws:downloadContent": ActionSchema(required: ["sourceType", "sourceInfo"]),
        "aws:runDocument": ActionSchema(required: ["documentType", "documentPath"]),
        "aws:configurePackage": ActionSchema(required: ["name", "action"]),
        "aws:softwareInventory": ActionSchema(),
        "aws:refreshAssociation": ActionSchema(),
        "aws:updateSsmAgent": ActionSchema(),
        "aws:runDockerAction": ActionSchema(required: ["action"]),
        "aws:domainJoin": ActionSchema(platforms: [.windows]),
        "aws:configureDocker": ActionSchema(required: ["action"], platforms: [.windows]),
        "aws:psModule": ActionSchema(platforms: [.windows]),
        "aws:applications": ActionSchema(required: ["action", "source"], platforms: [.windows]),
        "aws:cloudWatch": ActionSchema(platforms: [.windows]),
        "aws:updateAgent": ActionSchema(platforms: [.windows]),
    ]

    /// - Source: Systems Manager user guide, "Systems Manager Automation actions reference".
    static let runbooks: [String: ActionSchema] = [
        "aws:runCommand": ActionSchema(
            required: ["DocumentName"], outputs: ["CommandId", "Status", "ResponseCode", "Output"], isExecutable: true),
        "aws:executeScript": ActionSchema(
            required: ["Runtime"], oneOf: ["Script", "Attachment"], outputs: ["Payload"], isExecutable: true,
            timeoutSeconds: 600, timeoutSecondsMax: 600),
        "aws:executeAwsApi": ActionSchema(required: ["Service", "Api"], isExecutable: true, timeoutSeconds: 25),
        "aws:assertAwsResourceProperty": ActionSchema(
            required: ["Service", "Api", "PropertySelector", "DesiredValues"], isExecutable: true,
            timeoutSeconds: 25),
        "aws:waitForAwsResourceProperty": ActionSchema(required: [
            "Service", "Api", "PropertySelector", "DesiredValues",
        ]),
        "aws:branch": ActionSchema(required: ["Choices"], isExecutable: true),
        "aws:sleep": ActionSchema(oneOf: ["Duration", "Timestamp"], isExecutable: true),
        "aws:pause": ActionSchema(),
        "aws:approve": ActionSchema(
            oneOf: ["Approvers", "EnhancedApprovals"], outputs: ["ApprovalStatus", "ApproverDecisions"]),
        "aws:executeAutomation": ActionSchema(
            required: ["DocumentName"], outputs: ["Output", "ExecutionId", "Status"]),
        "aws:loop": ActionSchema(required: ["Steps"], outputs: ["CurrentIteratorValue"]),
        "aws:updateVariable": ActionSchema(required: ["Name", "Value"]),
        "aws:invokeWebhook": ActionSchema(required: ["IntegrationName"], outputs: ["Response", "ResponseCode"]),
        "aws:invokeLambdaFunction": ActionSchema(
            required: ["FunctionName"], outputs: ["StatusCode", "FunctionError", "LogResult", "Payload"]),
        "aws:executeStateMachine": ActionSchema(
            required: ["stateMachineArn"],
            outputs: ["executionArn", "input", "name", "output", "startDate", "stateMachineArn", "status", "stopDate"]),
        "aws:changeInstanceState": ActionSchema(
            required: ["InstanceIds", "DesiredState"], outputs: ["InstanceStates"]),
        "aws:createImage": ActionSchema(required: ["InstanceId", "ImageName"], outputs: ["ImageId", "ImageState"]),
        "aws:copyImage": ActionSchema(
            required: ["SourceRegion", "SourceImageId", "ImageName"], outputs: ["ImageId", "ImageState"]),
        "aws:deleteImage": ActionSchema(required: ["ImageId"]),
        "aws:createTags": ActionSchema(required: ["ResourceIds", "Tags"]),
        "aws:createStack": ActionSchema(
            required: ["StackName"], outputs: ["StackId", "StackStatus", "StackStatusReason"]),
        "aws:deleteStack": ActionSchema(required: ["StackName"]),
        "aws:runInstances": ActionSchema(required: ["ImageId"], outputs: ["InstanceIds", "InstanceStates"]),
    ]
}
