internal import API
internal import Core
internal import Patterns

/// All rules, ready for matching. A value owned by the matcher: what it holds is what the next event meets.
struct RuleCatalog {
    /// A rule and the number under which its bus's pattern set knows it.
    struct Entry {
        var rule: Rule
        let number: UInt32
        /// Nil for rules without a pattern.
        var pattern: Pattern?
    }

    private var numbers: [Key: UInt32] = [:]
    private var entries: [UInt32: Entry] = [:]
    private var sets: [String: PatternSet] = [:]
    private var nextNumber: UInt32 = 0

    struct Key: Hashable {
        var bus: String
        var name: String
    }

    var rules: [Rule] { entries.values.map(\.rule).sorted { ($0.bus, $0.name) < ($1.bus, $1.name) } }

    var count: Int { entries.count }

    func entry(_ bus: String, _ name: String) -> Entry? { numbers[Key(bus: bus, name: name)].flatMap { entries[$0] } }

    func entry(_ number: UInt32) -> Entry? { entries[number] }

    func rules(on bus: String) -> [Rule] { rules.filter { $0.bus == bus } }

    /// Of the rules that limit how many of their deliveries are attempted at a time.
    var concurrencyLimits: [Key: Int] {
        var limits: [Key: Int] = [:]
        for entry in entries.values {
            limits[Key(bus: entry.rule.bus, name: entry.rule.name)] = entry.rule.options.concurrencyMax
        }
        return limits
    }

    /// What events of a bus are matched with; nil where no rule of it has a pattern.
    func snapshot(of bus: String) -> PatternSnapshot? { sets[bus]?.snapshot }

    /// Adds rules, replacing those of the same buses and names. A disabled rule is kept, but matches nothing.
    /// - Parameter rules: Each name once a bus.
    /// - Throws: `ServiceError` `.invalidEventPattern`; the catalog is then unchanged.
    mutating func put(_ rules: [Rule]) throws(ServiceError) {
        var patterns: [Pattern?] = []
        for rule in rules { patterns.append(try RuleCatalog.compile(rule.eventPattern)) }
        // Patterns that are added together are indexed in one go.
        var matching: [String: [(pattern: Pattern, rule: UInt32)]] = [:]
        for (rule, pattern) in zip(rules, patterns) {
            let key = Key(bus: rule.bus, name: rule.name)
            let number = numbers[key] ?? nextNumber
            if number == nextNumber { nextNumber += 1 }
            numbers[key] = number
            entries[number] = Entry(rule: rule, number: number, pattern: pattern)
            if let pattern, rule.state.isEnabled {
                matching[rule.bus, default: []].append((pattern, number))
            } else {
                _ = sets[rule.bus]?.remove(number)
            }
        }
        for (bus, patterns) in matching {
            let set = sets[bus] ?? PatternSet()
            sets[bus] = set
            set.add(contentsOf: patterns)
        }
    }

    mutating func remove(bus: String, name: String) {
        guard let number = numbers.removeValue(forKey: Key(bus: bus, name: name)) else { return }
        entries[number] = nil
        _ = sets[bus]?.remove(number)
    }

    static func compile(_ text: String?) throws(ServiceError) -> Pattern? {
        guard let text else { return nil }
        do throws(PatternError) {
            return try Pattern(parsing: text)
        } catch {
            throw ServiceError(.invalidEventPattern, error.description)
        }
    }
}
