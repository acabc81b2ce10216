internal import Documents

/// Documents about what is installed on nodes.
extension BuiltInDocuments {
    static let software = [gatherInventory, configurePackage, updateAgent]

    private static let gatherInventory = document(
        "AWS-GatherSoftwareInventory", type: .policy, schema: "2.0", platforms: PlatformType.allCases,
        """
        schemaVersion: "2.0"
        description: Collects what is on a node.
        parameters:
        \(["applications", "awsComponents", "networkConfig", "windowsUpdates", "instanceDetailedInformation",
            "services", "windowsRoles", "customInventory", "billingInfo"].map(inventorySwitch).joined(separator: "\n"))
          files:
            type: String
            description: Files to look for, as JSON text of a list of Path, Pattern, Recursive and DirScanLimit.
            default: ""
            displayType: textarea
          windowsRegistry:
            type: String
            description: Keys of the registry of Windows nodes.
            default: ""
            displayType: textarea
        mainSteps:
          - action: aws:softwareInventory
            name: collectSoftwareInventoryItems
            inputs:
              applications: "{{ applications }}"
              awsComponents: "{{ awsComponents }}"
              networkConfig: "{{ networkConfig }}"
              files: "{{ files }}"
              services: "{{ services }}"
              windowsRoles: "{{ windowsRoles }}"
              windowsRegistry: "{{ windowsRegistry }}"
              windowsUpdates: "{{ windowsUpdates }}"
              instanceDetailedInformation: "{{ instanceDetailedInformation }}"
              billingInfo: "{{ billingInfo }}"
              customInventory: "{{ customInventory }}"
        """)

    private static func inventorySwitch(_ name: String) -> String {
        """
          \(name):
            type: String
            description: Whether to collect it.
            default: Enabled
            allowedValues: [Enabled, Disabled]
        """
    }

    private static let configurePackage = document(
        "AWS-ConfigureAWSPackage", platforms: PlatformType.allCases,
        """
        schemaVersion: "2.2"
        description: Installs or uninstalls a package, of a document of type Package or of the node's own system.
        parameters:
          action:
            type: String
            description: What to do.
            allowedValues: [Install, Uninstall]
          installationType:
            type: String
            description: What becomes of another version that is installed.
            allowedValues: [Uninstall and reinstall, In-place update]
            default: Uninstall and reinstall
          name:
            type: String
            description: The package.
            allowedPattern: "^arn:[a-z0-9][-.a-z0-9]{0,62}:[a-z0-9][-.a-z0-9]{0,62}:([a-z0-9][-.a-z0-9]{0,62})?:\\
              ([a-z0-9][-.a-z0-9]{0,62})?:[a-zA-Z]+/[a-zA-Z0-9/_.-]{1,255}$|^[a-zA-Z0-9+/_.-]{1,128}$"
          version:
            type: String
            description: Its version; empty for the latest.
            default: ""
            allowedPattern: "^$|^[a-zA-Z0-9.:+~_$-]{1,128}$"
          additionalArguments:
            type: StringMap
            description: Variables for the package's scripts, whose names begin with SSM_
            default: {}
            displayType: textarea
        mainSteps:
          - action: aws:configurePackage
            name: configurePackage
            inputs:
              name: "{{ name }}"
              action: "{{ action }}"
              installationType: "{{ installationType }}"
              version: "{{ version }}"
              additionalArguments: "{{ additionalArguments }}"
        """)

    private static let updateAgent = document(
        "AWS-UpdateSSMAgent", schema: "2.2", platforms: PlatformType.allCases,
        """
        schemaVersion: "2.2"
        description: >-
          Says how the agent of a node is updated: it is part of the opsbus program, which comes by package or as one
          file.
        parameters:
          version:
            type: String
            description: The version to update to; empty for the latest.
            default: ""
          allowDowngrade:
            type: String
            description: Whether an older version may replace a newer one.
            allowedValues: ["true", "false"]
            default: "false"
        mainSteps:
          - action: aws:updateSsmAgent
            name: updateSsmAgent
            inputs:
              agentName: opsbus-agent
              targetVersion: "{{ version }}"
              allowDowngrade: "{{ allowDowngrade }}"
        """)
}
