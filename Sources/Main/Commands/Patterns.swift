extension Command {
    static let patterns = Command("patterns", "Check and try event patterns.", subcommands: [])
}
