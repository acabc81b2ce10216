internal import Core

/// Options of every command.
enum GlobalOptions {
    static let config = Option("config", "FILE", .file, "Settings file. [./opsbus.yaml, /etc/opsbus/opsbus.yaml]")
    static let output = Option(
        "output", short: "o", "FORMAT", .choice(Output.Format.allCases.map(\.rawValue)),
        "table for people, json for programs: the operation's output as it is.")
    static let color = Option(
        "color", "WHEN", .choice(["auto", "always", "never"]),
        "auto, always or never; auto is on a terminal unless NO_COLOR is set. [auto]")

    static let all: [any OptionDeclaration] = [config, output, color] + Settings.ofClients.map(\.flag)
}
