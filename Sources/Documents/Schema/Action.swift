internal import Core

/// What is known of an action without running it: the inputs it needs and the outputs it always has.
struct Action: Sendable {
    var required: [String] = []
    /// At least one of these, where any are listed.
    var oneOf: [String] = []
    /// Names that later steps may refer to without a declaration.
    var outputs: [String] = []
    /// Whether OpsBus runs it.
    var isExecutable = false

    /// The plugin of that name in command documents.
    static func command(_ name: String) -> Action? { commands[name] }

    /// The action of that name in runbooks.
    static func runbook(_ name: String) -> Action? { runbooks[name] }

    static func executable(in actions: [String: Action]) -> String {
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

extension Action {
    /// - Source: Systems Manager user guide, "Command document plugin reference".
    static let commands: [String: Action] = [
        "aws:runShellScript": Action(required: ["runCommand"], isExecutable: true),
        "aws:runPowerShellScript": Action(required: ["runCommand"]),
        "aws:downloadContent": Action(required: ["sourceType", "sourceInfo"]),
        "aws:runDocument": Action(required: ["documentType", "documentPath"]),
        "aws:configurePackage": Action(required: ["name", "action"]),
        "aws:softwareInventory": Action(),
        "aws:refreshAssociation": Action(),
        "aws:updateSsmAgent": Action(),
        "aws:runDockerAction": Action(required: ["action"]),
        "aws:configureDocker": Action(required: ["action"]),
        "aws:psModule": Action(),
        "aws:applications": Action(required: ["action", "source"]),
        "aws:domainJoin": Action(),
        "aws:cloudWatch": Action(),
        "aws:updateAgent": Action(),
    ]

    /// - Source: Systems Manager user guide, "Systems Manager Automation actions reference".
    static let runbooks: [String: Action] = [
        "aws:runCommand": Action(
            required: ["DocumentName"], outputs: ["CommandId", "Status", "ResponseCode", "Output"], isExecutable: true),
        "aws:executeScript": Action(
            required: ["Runtime"], oneOf: ["Script", "Attachment"], outputs: ["Payload"], isExecutable: true),
        "aws:executeAwsApi": Action(required: ["Service", "Api"], isExecutable: true),
        "aws:assertAwsResourceProperty": Action(
            required: ["Service", "Api", "PropertySelector", "DesiredValues"], isExecutable: true),
        "aws:waitForAwsResourceProperty": Action(required: ["Service", "Api", "PropertySelector", "DesiredValues"]),
        "aws:branch": Action(required: ["Choices"], isExecutable: true),
        "aws:sleep": Action(oneOf: ["Duration", "Timestamp"], isExecutable: true),
        "aws:pause": Action(),
        "aws:approve": Action(required: ["Approvers"], outputs: ["ApprovalStatus", "ApproverDecisions"]),
        "aws:executeAutomation": Action(
            required: ["DocumentName"], outputs: ["Output", "ExecutionId", "Status"]),
        "aws:loop": Action(required: ["Steps"], outputs: ["CurrentIteratorValue"]),
        "aws:updateVariable": Action(required: ["Name", "Value"]),
        "aws:invokeWebhook": Action(required: ["IntegrationName"], outputs: ["Response", "ResponseCode"]),
        "aws:invokeLambdaFunction": Action(
            required: ["FunctionName"], outputs: ["StatusCode", "FunctionError", "LogResult", "Payload"]),
        "aws:executeStateMachine": Action(
            required: ["stateMachineArn"],
            outputs: ["executionArn", "input", "name", "output", "startDate", "stateMachineArn", "status", "stopDate"]),
        "aws:changeInstanceState": Action(required: ["InstanceIds", "DesiredState"], outputs: ["InstanceStates"]),
        "aws:createImage": Action(required: ["InstanceId", "ImageName"], outputs: ["ImageId", "ImageState"]),
        "aws:copyImage": Action(
            required: ["SourceRegion", "SourceImageId", "ImageName"], outputs: ["ImageId", "ImageState"]),
        "aws:deleteImage": Action(required: ["ImageId"]),
        "aws:createTags": Action(required: ["ResourceIds", "Tags"]),
        "aws:createStack": Action(
            required: ["StackName"], outputs: ["StackId", "StackStatus", "StackStatusReason"]),
        "aws:deleteStack": Action(required: ["StackName"]),
        "aws:runInstances": Action(required: ["ImageId"], outputs: ["InstanceIds", "InstanceStates"]),
    ]
}
