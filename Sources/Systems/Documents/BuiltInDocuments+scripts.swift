internal import Documents

/// Documents that run scripts, written out or brought from elsewhere.
extension BuiltInDocuments {
    static let scripts = [
        runShellScript, runPowerShellScript, runRemoteScript, runDocument, runPlaybook, applyPlaybooks,
    ]

    private static let runShellScript = document(
        "AWS-RunShellScript", schema: "1.2", platforms: [.linux, .macOS], script("aws:runShellScript", "shell"))

    private static let runPowerShellScript = document(
        "AWS-RunPowerShellScript", schema: "1.2", platforms: PlatformType.allCases,
        script("aws:runPowerShellScript", "PowerShell"))

    private static func script(_ plugin: String, _ language: String) -> String {
        """
        schemaVersion: "1.2"
        description: Runs a \(language) script.
        parameters:
          commands:
            type: StringList
            description: The lines of the script.
            minItems: 1
            displayType: textarea
          workingDirectory:
            type: String
            description: The directory to run in; empty for the agent's own.
            default: ""
            maxChars: 4096
        \(seconds("executionTimeout", "the script"))
        runtimeConfig:
          \(plugin):
            properties:
              - id: 0.\(plugin)
                runCommand: "{{ commands }}"
                workingDirectory: "{{ workingDirectory }}"
                timeoutSeconds: "{{ executionTimeout }}"
        """
    }

    private static let runRemoteScript = document(
        "AWS-RunRemoteScript", platforms: PlatformType.allCases,
        """
        schemaVersion: "2.2"
        description: Brings a script or a directory of scripts to the node, and runs a command line there.
        parameters:
        \(source("sourceType", "sourceInfo", "the script is", sources + ["SSMDocument"]))
          commandLine:
            type: String
            description: What to run in the directory of the download, such as install.sh --quiet
          workingDirectory:
            type: String
            description: The directory to run in; empty for that of the download.
            default: ""
        \(seconds("executionTimeout", "the script"))
        mainSteps:
        \(download("sourceType", "sourceInfo", to: "scripts/"))
          - action: aws:runShellScript
            name: runShellScript
            precondition:
              StringEquals: [platformType, Linux]
            inputs:
              runCommand:
                - directory='{{ workingDirectory }}'
                - '[ -z "$directory" ] || cd "$directory" || exit 1'
                - PATH=$PATH:$PWD
                - "{{ commandLine }}"
              workingDirectory: scripts
              timeoutSeconds: "{{ executionTimeout }}"
          - action: aws:runPowerShellScript
            name: runPowerShellScript
            precondition:
              StringEquals: [platformType, Windows]
            inputs:
              runCommand:
                - $directory = '{{ workingDirectory }}'
                - if ($directory) { Set-Location $directory -ErrorAction Stop }
                - $env:PATH += [IO.Path]::PathSeparator + $PWD
                - "{{ commandLine }}"
              workingDirectory: scripts
              timeoutSeconds: "{{ executionTimeout }}"
        """)

    private static let runDocument = document(
        "AWS-RunDocument", platforms: PlatformType.allCases,
        """
        schemaVersion: "2.2"
        description: Brings a command document to the node and runs it.
        parameters:
        \(source("sourceType", "sourceInfo", "the document is", sources + ["SSMDocument"]))
          documentParameters:
            type: StringMap
            description: The parameters of the document.
            default: {}
            displayType: textarea
        mainSteps:
        \(download("sourceType", "sourceInfo", to: "document/"))
          - action: aws:runDocument
            name: runDocument
            inputs:
              documentType: LocalPath
              documentPath: document
              documentParameters: "{{ documentParameters }}"
        """)

    // MARK: Ansible

    private static let runPlaybook = document(
        "AWS-RunAnsiblePlaybook",
        """
        schemaVersion: "2.2"
        description: Runs an Ansible playbook on the node itself.
        parameters:
          playbook:
            type: String
            description: The playbook's YAML; empty where playbookurl says where it is.
            default: ""
            displayType: textarea
            interpolationType: ENV_VAR
          playbookurl:
            type: String
            description: Where the playbook is, https:// or s3://; empty where playbook holds it.
            default: ""
            allowedPattern: "^\\\\s*$|^(http|https|s3)://[^']*$"
            interpolationType: ENV_VAR
        \(variables("extravars"))
        \(flag("check", "only to say what would change", "False"))
        \(seconds("timeoutSeconds", "the playbook"))
        mainSteps:
          - action: aws:runShellScript
            name: runShellScript
            precondition:
              StringEquals: [platformType, Linux]
            inputs:
              timeoutSeconds: "{{ timeoutSeconds }}"
              runCommand:
                - playbook="{{ playbook }}" url="{{ playbookurl }}" variables="{{ extravars }}"
                - |
                  command -v ansible-playbook >/dev/null || {
                    echo "ansible-playbook is not on this node; install Ansible" >&2; exit 1; }
                  directory=$(mktemp -d) && trap 'rm -rf "$directory"' EXIT || exit 1
                  if [ -n "$playbook" ]; then
                    printf '%s\\n' "$playbook" >"$directory/playbook.yml"
                  elif [ -n "$url" ]; then
                    case $url in
                    s3:*) aws s3 cp --quiet "$url" "$directory/playbook.yml" || exit 1;;
                    *) curl -fsSL --max-time 300 -o "$directory/playbook.yml" -- "$url" || exit 1;;
                    esac
                  else
                    echo "give either playbook or playbookurl" >&2; exit 1
                  fi
                  check=
                  [ "{{ check }}" = True ] && check=--check
                  ansible-playbook -i localhost, -c local $check -e "$variables" "$directory/playbook.yml"
        """)

    private static let applyPlaybooks = document(
        "AWS-ApplyAnsiblePlaybooks", platforms: PlatformType.allCases,
        """
        schemaVersion: "2.2"
        description: Brings Ansible playbooks to the node and runs one of them there.
        parameters:
        \(source("SourceType", "SourceInfo", "the playbooks are", sources))
        \(flag("InstallDependencies", "to install Ansible with apt or dnf where it is missing", "True"))
          PlaybookFile:
            type: String
            description: The playbook to run, by its path in the download.
            allowedPattern: "[a-z_A-Z0-9\\\\-]+(.yml|.yaml)$"
            default: hello-world-playbook.yml
            interpolationType: ENV_VAR
        \(variables("ExtraVariables"))
        \(flag("Check", "only to say what would change", "False"))
          Verbose:
            type: String
            description: How much is told.
            allowedValues: ["-v", "-vv", "-vvv", "-vvvv"]
            default: "-v"
        \(seconds("TimeoutSeconds", "the playbook"))
        mainSteps:
        \(download("SourceType", "SourceInfo", to: "playbooks/"))
          - action: aws:runShellScript
            name: runShellScript
            precondition:
              StringEquals: [platformType, Linux]
            inputs:
              workingDirectory: playbooks
              timeoutSeconds: "{{ TimeoutSeconds }}"
              runCommand:
                - playbook="{{ PlaybookFile }}" variables="{{ ExtraVariables }}"
                - |
                  if ! command -v ansible-playbook >/dev/null && [ "{{ InstallDependencies }}" = True ]; then
                    if command -v apt-get >/dev/null; then
                      DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet ansible || exit 1
                    elif command -v dnf >/dev/null; then
                      dnf install --assumeyes --quiet ansible-core || exit 1
                    fi
                  fi
                  command -v ansible-playbook >/dev/null || {
                    echo "ansible-playbook is not on this node; install Ansible" >&2; exit 1; }
                  [ -f "$playbook" ] || { echo "the download has no $playbook" >&2; exit 2; }
                  check=
                  [ "{{ Check }}" = True ] && check=--check
                  ansible-playbook -i localhost, -c local $check {{ Verbose }} -e "$variables" "$playbook"
        """)
}
