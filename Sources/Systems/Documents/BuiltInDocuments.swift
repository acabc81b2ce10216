internal import Core

/// Documents that every account has.
enum BuiltInDocuments {
    static let all: [String: DocumentStore.Version] = Dictionary(
        uniqueKeysWithValues: [runShellScript].map { ($0.name, $0) })

    private static let runShellScript = command(
        "AWS-RunShellScript",
        """
        schemaVersion: "2.2"
        description: Runs shell commands on Linux nodes.
        parameters:
          commands:
            type: StringList
            description: The lines of the script.
            minItems: 1
          workingDirectory:
            type: String
            description: The directory to run in; empty for the agent's own.
            default: ""
          executionTimeout:
            type: String
            description: Seconds after which the script is ended.
            default: "3600"
            allowedPattern: "^[1-9][0-9]{0,4}$|^1[0-6][0-9]{4}$|^17[0-1][0-9]{3}$|^172[0-7][0-9]{2}$|^172800$"
        mainSteps:
          - action: aws:runShellScript
            name: runShellScript
            inputs:
              runCommand: "{{ commands }}"
              workingDirectory: "{{ workingDirectory }}"
              timeoutSeconds: "{{ executionTimeout }}"
        """)

    private static func command(_ name: String, _ content: String) -> DocumentStore.Version {
        DocumentStore.Version(
            name: name, number: 1, versionName: nil, content: content, format: "YAML", type: "Command", schema: "2.2",
            hash: sha256(Array(content.utf8)), created: Timestamp(seconds: 0), isDefault: true, latest: 1,
            defaultNumber: 1)
    }
}
