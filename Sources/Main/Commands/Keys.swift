extension Command {
    static let keys = Command("keys", "Make CURVE keys, and say which may connect.", subcommands: [])
}
