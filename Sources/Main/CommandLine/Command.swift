/// Words after `--` that belong together, such as a command for another machine.
struct Trailing: Sendable {
    /// As help shows it, in capitals.
    let name: String
    /// The long names of options at which the words end, unless one of them was given before `--`.
    let endsAt: [String]

    init(_ name: String, endsAt: [String] = []) {
        self.name = name
        self.endsAt = endsAt
    }
}

/// One verb of the command line, declared as a value: parsing, help and completion all read this table.
struct Command: Sendable {
    typealias Run = @Sendable (_ arguments: Arguments, _ session: Session) async throws -> ExitCode

    /// A line that can be typed, and what it does.
    struct Example: Sendable {
        let line: String
        let meaning: String

        init(_ line: String, _ meaning: String) {
            self.line = line
            self.meaning = meaning
        }
    }

    let name: String
    /// One line, for the list of commands.
    let summary: String
    /// Further paragraphs for the command's own help.
    let discussion: String
    let examples: [Example]
    let options: [any OptionDeclaration]
    let arguments: [any ArgumentDeclaration]
    /// What stands after `--`; nil where `--` only ends the options.
    let trailing: Trailing?
    let subcommands: [Command]
    /// Nil for a command that only holds others.
    let run: Run?

    init(
        _ name: String, _ summary: String, discussion: String = "", examples: [Example] = [],
        options: [any OptionDeclaration] = [], arguments: [any ArgumentDeclaration] = [],
        trailing: Trailing? = nil, run: @escaping Run
    ) {
        self.name = name
        self.summary = summary
        self.discussion = discussion
        self.examples = examples
        self.options = options
        self.arguments = arguments
        self.trailing = trailing
        subcommands = []
        self.run = run
    }

    init(
        _ name: String, _ summary: String, discussion: String = "", examples: [Example] = [],
        options: [any OptionDeclaration] = [], subcommands: [Command]
    ) {
        self.name = name
        self.summary = summary
        self.discussion = discussion
        self.examples = examples
        self.options = options
        arguments = []
        trailing = nil
        self.subcommands = subcommands
        run = nil
    }

    func subcommand(_ name: String) -> Command? { subcommands.first { $0.name == name } }
}
