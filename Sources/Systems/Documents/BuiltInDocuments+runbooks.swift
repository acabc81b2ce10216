internal import Documents

/// Runbooks.
extension BuiltInDocuments {
    static let runbooks = [publishNotification]

    private static let publishNotification = document(
        "AWS-PublishSNSNotification", type: .automation, schema: "0.3", platforms: PlatformType.allCases,
        """
        schemaVersion: "0.3"
        description: Publishes a message to a topic.
        assumeRole: "{{ AutomationAssumeRole }}"
        parameters:
          AutomationAssumeRole:
            type: String
            description: Taken as it is; runbooks act as who starts them.
            default: ""
          TopicArn:
            type: String
            description: The ARN of the topic.
          Message:
            type: String
            description: What is published.
            displayType: textarea
        mainSteps:
          - name: PublishSNSNotification
            action: aws:executeAwsApi
            inputs:
              Service: sns
              Api: Publish
              TopicArn: "{{ TopicArn }}"
              Message: "{{ Message }}"
            isEnd: true
        """)
}
