extension Command {
    /// `rules check`, `test` and `explain`, which need no server.
    static let ruleFileCommands: [Command] = []
}
