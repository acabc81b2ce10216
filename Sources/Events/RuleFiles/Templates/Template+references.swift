internal import Core

extension Template {
    /// What `Ref` comes to: a parameter's default, a pseudo parameter, or a resource's name, ARN or URL.
    func reference(_ name: String, at position: TextPosition) throws(Failure) -> Node? {
        func string(_ text: String) -> Node { Node(.string(text), at: position) }
        switch name {
        case "AWS::NoValue": return nil
        case "AWS::Region": return string(account.region)
        case "AWS::AccountId": return string(account.id)
        case "AWS::Partition": return string("aws")
        case "AWS::URLSuffix": return string("amazonaws.com")
        case "AWS::StackName": return string(stack)
        case "AWS::StackId": return string(account.arn("cloudformation", "stack/\(stack)/1").description)
        case "AWS::NotificationARNs": return Node(.array([]), at: position)
        default: break
        }
        if let parameter = parameters?.member(name) { return try self.parameter(parameter, at: position) }
        guard let resource = resource(name) else {
            let known = resources.map(\.name) + (parameters?.members ?? []).map(\.key)
            let near = nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
            throw .mistake("there is no parameter and no resource \(name)\(near)", at: position)
        }
        let physical = try physicalName(of: resource)
        switch resource.type {
        case "AWS::SNS::Topic", "AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine":
            return string(try attribute("Arn", of: resource, position))
        case "AWS::SQS::Queue":
            return string("https://sqs.\(account.region).amazonaws.com/\(account.id)/\(physical)")
        default: return string(physical)
        }
    }

    private func parameter(_ parameter: Node.Member, at position: TextPosition) throws(Failure) -> Node? {
        let type = parameter.value["Type"]?.string ?? "String"
        guard !type.hasPrefix("AWS::SSM::Parameter::Value") else {
            throw .unsupported(
                "the parameter \(parameter.key) is read from the Parameter Store when a stack is made", at: position)
        }
        guard let value = parameter.value["Default"] else {
            throw .unsupported("the parameter \(parameter.key) has no Default, and so no value here", at: position)
        }
        guard type == "CommaDelimitedList" || type.hasPrefix("List<") else { return value }
        let parts = (value.string ?? "").split(separator: ",").map { part in
            Node(.string(String(part.trimmingBlanks)), at: value.position)
        }
        return Node(.array(parts), at: value.position)
    }

    // MARK: Attributes

    /// `Fn::GetAtt` of `[Resource, Attribute]` or of `Resource.Attribute`.
    func attribute(_ argument: Node, at position: TextPosition) throws(Failure) -> String {
        if let text = argument.string { return try attribute(text, at: position) }
        guard let elements = argument.elements, elements.count == 2, let resource = elements[0].string else {
            throw .mistake("Fn::GetAtt takes a resource and an attribute", at: argument.position)
        }
        return try attribute("\(resource).\(try text(of: elements[1]))", at: position)
    }

    /// `Resource.Attribute`, as in `Fn::Sub`.
    func attribute(_ path: String, at position: TextPosition) throws(Failure) -> String {
        let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2, let resource = resource(parts[0]) else {
            let name = parts.first ?? ""
            let near = nearest(to: name, among: resources.map(\.name)).map { "; did you mean \($0)?" } ?? ""
            throw .mistake("there is no resource \(name)\(near)", at: position)
        }
        return try attribute(parts[1], of: resource, position)
    }

    private func attribute(
        _ attribute: String, of resource: Resource, _ position: TextPosition
    ) throws(Failure) -> String {
        let name = try physicalName(of: resource)
        if let kind = Template.kinds[resource.type] {
            if kind.arnAttributes.contains(attribute) { return kind.arn(name, account).description }
            if kind.nameAttributes.contains(attribute) { return name }
        }
        throw .unsupported("the attribute \(attribute) of \(resource.type) is not known to OpsBus", at: position)
    }

    /// The name that a resource says it has, or one of the stack's name and its own.
    func physicalName(of resource: Resource) throws(Failure) -> String {
        if let known = memory.names[resource.name] { return known }
        var name = String("\(stack)-\(resource.name)".prefix(64))
        if let node = resource.properties[Template.kinds[resource.type]?.nameProperty ?? "Name"] {
            guard memory.open.insert("name \(resource.name)").inserted else {
                throw .mistake("the name of \(resource.name) depends on itself", at: node.position)
            }
            defer { memory.open.remove("name \(resource.name)") }
            // What is called Name may be something else in types that are not known.
            if let given = try value(of: node)?.string, given.utf8.count <= 1600 { name = given }
        }
        memory.names[resource.name] = name
        return name
    }

    /// How resources of one type are called.
    private struct Kind {
        let nameProperty: String
        let arnAttributes: [String]
        let nameAttributes: [String]
        let arn: @Sendable (String, Account) -> ARN

        init(
            _ nameProperty: String, arn arnAttributes: [String] = ["Arn"], name nameAttributes: [String] = [],
            _ service: String, _ prefix: String, isGlobal: Bool = false, suffix: String = ""
        ) {
            self.nameProperty = nameProperty
            self.arnAttributes = arnAttributes
            self.nameAttributes = nameAttributes
            arn = { name, account in
                var arn = account.arn(service, prefix + name + suffix)
                if isGlobal { arn.region = "" }
                if service == "s3" { arn.account = "" }
                return arn
            }
        }
    }

    /// - Source: CloudFormation user guide, "Resource and property types reference", return values.
    private static let kinds: [String: Kind] = [
        "AWS::Events::EventBus": Kind("Name", name: ["Name"], "events", "event-bus/"),
        "AWS::Events::Rule": Kind("Name", "events", "rule/"),
        "AWS::Events::Archive": Kind("ArchiveName", arn: ["Arn"], name: ["ArchiveName"], "events", "archive/"),
        "AWS::Events::Connection": Kind("Name", "events", "connection/"),
        "AWS::Events::ApiDestination": Kind("Name", "events", "api-destination/"),
        "AWS::SNS::Topic": Kind("TopicName", arn: ["TopicArn", "Arn"], name: ["TopicName"], "sns", ""),
        "AWS::Serverless::SimpleTable": Kind("TableName", "dynamodb", "table/"),
        "AWS::SQS::Queue": Kind("QueueName", name: ["QueueName"], "sqs", ""),
        "AWS::Logs::LogGroup": Kind("LogGroupName", "logs", "log-group:", suffix: ":*"),
        "AWS::Lambda::Function": Kind("FunctionName", name: ["FunctionName"], "lambda", "function:"),
        "AWS::Serverless::Function": Kind("FunctionName", name: ["FunctionName"], "lambda", "function:"),
        "AWS::StepFunctions::StateMachine": Kind("StateMachineName", name: ["Name"], "states", "stateMachine:"),
        "AWS::Serverless::StateMachine": Kind("Name", name: ["Name"], "states", "stateMachine:"),
        "AWS::SSM::Document": Kind("Name", "ssm", "document/"),
        "AWS::IAM::Role": Kind("RoleName", "iam", "role/", isGlobal: true),
        "AWS::DynamoDB::Table": Kind("TableName", "dynamodb", "table/"),
        "AWS::Kinesis::Stream": Kind("Name", "kinesis", "stream/"),
        "AWS::KinesisFirehose::DeliveryStream": Kind("DeliveryStreamName", "firehose", "deliverystream/"),
        "AWS::ECS::Cluster": Kind("ClusterName", "ecs", "cluster/"),
        "AWS::CodePipeline::Pipeline": Kind("Name", arn: [], "codepipeline", ""),
        "AWS::CodeBuild::Project": Kind("Name", "codebuild", "project/"),
        "AWS::S3::Bucket": Kind("BucketName", "s3", "", isGlobal: true),
        "AWS::Scheduler::ScheduleGroup": Kind("Name", "scheduler", "schedule-group/"),
    ]
}

extension Substring {
    fileprivate var trimmingBlanks: Substring {
        var text = drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return text
    }
}
