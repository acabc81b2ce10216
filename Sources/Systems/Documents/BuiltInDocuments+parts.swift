/// Parts that several built-in documents have, each as lines of YAML.
extension BuiltInDocuments {
    /// What `aws:downloadContent` brings from.
    static let sources = ["GitHub", "Git", "HTTP", "S3", "LocalPath"]

    /// The two parameters that say where something is.
    /// - Parameter what: `the script is`
    static func source(_ type: String, _ details: String, _ what: String, _ sources: [String]) -> String {
        """
          \(type):
            type: String
            description: Where \(what).
            allowedValues: [\(sources.joined(separator: ", "))]
          \(details):
            type: StringMap
            description: What the source needs to know, as aws:downloadContent takes it.
            displayType: textarea
        """
    }

    /// The step that brings it, without which the document ends.
    static func download(_ type: String, _ details: String, to directory: String) -> String {
        """
          - action: aws:downloadContent
            name: downloadContent
            inputs:
              sourceType: "{{ \(type) }}"
              sourceInfo: "{{ \(details) }}"
              destinationPath: \(directory)
              onFailure: exit
        """
    }

    /// A parameter of whole seconds from 1 to two days.
    static func seconds(_ name: String, _ what: String) -> String {
        """
          \(name):
            type: String
            description: Seconds after which \(what) is ended.
            default: "3600"
            allowedPattern: "^[1-9][0-9]{0,4}$|^1[0-6][0-9]{4}$|^17[0-1][0-9]{3}$|^172[0-7][0-9]{2}$|^172800$"
        """
    }

    /// A parameter that is `True` or `False`.
    static func flag(_ name: String, _ what: String, _ standard: String) -> String {
        """
          \(name):
            type: String
            description: Whether \(what).
            allowedValues: ["True", "False"]
            default: "\(standard)"
        """
    }

    /// The parameter of a playbook's variables.
    static func variables(_ name: String) -> String {
        """
          \(name):
            type: String
            description: Variables as NAME=VALUE, with spaces between them.
            default: SSM=True
            interpolationType: ENV_VAR
        """
    }
}
