extension Command {
    static let documents = Command("documents", "Look at documents, put them, check files.", subcommands: [])
}
