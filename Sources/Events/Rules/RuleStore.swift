internal import API
internal import Core
internal import Storage

/// The tables of rules, their targets and schedules.
enum RuleStore {
    static func all(account: Account, _ transaction: borrowing ReadTransaction) throws -> [Rule] {
        var targets: [String: [Target]] = [:]
        try transaction.forEach("SELECT bus, rule, body FROM targets ORDER BY bus, rule, position", values: []) { row in
            let bus: String = try row[0]
            let rule: String = try row[1]
            let body: JSON = try row[2]
            targets["\(bus)\n\(rule)", default: []].append(try Target(json: body, account: account))
            return true
        }
        return try transaction.query(
            """
            SELECT name, bus, pattern, schedule, state, description, role_arn, file, options FROM rules
            ORDER BY bus, name
            """
        ) { row in
            let state: String = try row[4]
            var rule = Rule(
                name: try row[0], bus: try row[1], eventPattern: try row[2], scheduleExpression: try row[3],
                state: Rule.State(rawValue: state) ?? .disabled, description: try row[5], roleARN: try row[6],
                file: try row[7])
            let options: JSON? = try row[8]
            rule.options = try RuleOptions(json: options)
            rule.targets = targets["\(rule.bus)\n\(rule.name)"] ?? []
            return rule
        }
    }

    /// Inserts a rule or replaces the one of that name; its targets become exactly those given.
    static func put(_ rule: Rule, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute(
            """
            INSERT INTO rules (bus, name, pattern, schedule, state, description, role_arn, file, options, created)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (bus, name) DO UPDATE SET pattern = excluded.pattern, schedule = excluded.schedule,
                state = excluded.state, description = excluded.description, role_arn = excluded.role_arn,
                file = excluded.file, options = excluded.options
            """, rule.bus, rule.name, rule.eventPattern, rule.scheduleExpression, rule.state.rawValue,
            rule.description, rule.roleARN, rule.file, rule.options.json, transaction.now)
        try transaction.execute("DELETE FROM targets WHERE bus = ? AND rule = ?", rule.bus, rule.name)
        for (position, target) in rule.targets.enumerated() {
            try transaction.execute(
                "INSERT INTO targets (bus, rule, id, position, body) VALUES (?, ?, ?, ?, ?)", rule.bus, rule.name,
                target.id, position, target.json)
        }
        try ScheduleStore.put(rule, transaction)
    }

    static func delete(_ rule: Rule, _ transaction: borrowing Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM targets WHERE bus = ? AND rule = ?", rule.bus, rule.name)
        try transaction.execute("DELETE FROM schedules WHERE bus = ? AND rule = ?", rule.bus, rule.name)
        try transaction.execute("DELETE FROM rule_occurrences WHERE bus = ? AND rule = ?", rule.bus, rule.name)
        try transaction.execute("DELETE FROM rules WHERE bus = ? AND name = ?", rule.bus, rule.name)
    }
}
