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

    /// By bus and name.
    private var numbers: [String: [String: UInt32]] = [:]
    private var entries: [UInt32: Entry] = [:]
    private var sets: [String: PatternSet] = [:]
    private var nextNumber: UInt32 = 0
    /// Of the rules that limit how many of their deliveries are attempted at a time.
    private(set) var concurrencyLimits: [Key: Int] = [:]

    struct Key: Hashable {
        var bus: String
        var name: String
    }

    var rules: [Rule] { entries.values.map(\.rule).sorted { ($0.bus, $0.name) < ($1.bus, $1.name) } }

    func entry(_ bus: String, _ name: String) -> Entry? { numbers[bus]?[name].flatMap { entries[$0] } }

    func entry(_ number: UInt32) -> Entry? { entries[number] }

    func count(on bus: String) -> Int { numbers[bus]?.count ?? 0 }

    /// In no order.
    func rules(on bus: String) -> [Rule] { numbers[bus]?.values.compactMap { entries[$0]?.rule } ?? [] }

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
            let number = numbers[rule.bus]?[rule.name] ?? nextNumber
            if number == nextNumber { nextNumber += 1 }
            numbers[rule.bus, default: [:]][rule.name] = number
            concurrencyLimits[Key(bus: rule.bus, name: rule.name)] = rule.options.concurrencyMax
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
        guard let number = numbers[bus]?.removeValue(forKey: name) else { return }
        entries[number] = nil
        concurrencyLimits[Key(bus: bus, name: name)] = nil
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
