/// What was typed, checked and converted, read by the declarations themselves.
struct Arguments: Sendable {
    private var options: [String: [any Sendable]] = [:]
    private var positionals: [String: [any Sendable]] = [:]

    /// The words after `--`, where the command takes them together; nil without `--`.
    var trailing: [String]?
    private var settingTexts: [String: String] = [:]

    mutating func add(_ value: any Sendable, text: String, option: any OptionDeclaration) {
        options[option.name, default: []].append(value)
        if option.isSetting { settingTexts[option.name] = text }
    }

    mutating func add(_ value: any Sendable, argument: String) { positionals[argument, default: []].append(value) }

    /// Whether an option was given, by its long name.
    func has(option name: String) -> Bool { options[name] != nil }

    /// Whether the flag was given.
    subscript(flag: Flag) -> Bool { options[flag.name] != nil }

    /// The option's value, the last where it was given more than once.
    subscript<Value>(option: Option<Value>) -> Value? { all(option).last }

    subscript<Value>(argument: Argument<Value>) -> Value? { all(argument).first }

    /// Every value of a repeated option, in the order given.
    func all<Value>(_ option: Option<Value>) -> [Value] { (options[option.name] ?? []).compactMap { $0 as? Value } }

    /// Every value of an argument that may be given more than once, in the order given.
    func all<Value>(_ argument: Argument<Value>) -> [Value] {
        (positionals[argument.name] ?? []).compactMap { $0 as? Value }
    }

    /// The value of a setting's flag as it was typed; nil where it was not given.
    func text(ofSetting name: String) -> String? { settingTexts[name] }

    /// The value of an argument that the parser has made sure of.
    func required<Value>(_ argument: Argument<Value>) throws(CommandError) -> Value {
        guard let value = self[argument] else {
            throw .usage("\(argument.name) is missing", fix: argument.summary)
        }
        return value
    }

    /// The value of an option that this way of calling the command needs.
    func required<Value>(_ option: Option<Value>) throws(CommandError) -> Value {
        guard let value = self[option] else {
            throw .usage("--\(option.name) \(option.valueName ?? "") is missing", fix: option.summary)
        }
        return value
    }
}
