/// What reading and printing the configuration need to know of a setting.
protocol SettingDeclaration: Sendable {
    /// The key in the file; with dashes the flag, in capitals the environment's `OPSBUS_NAME`.
    var name: String { get }
    /// The text of the value where nothing sets it; empty for none.
    var standardText: String { get }
    /// Whether the value is kept out of what is printed.
    var isSecret: Bool { get }
    var flag: any OptionDeclaration { get }
}

extension SettingDeclaration {
    var environmentName: String {
        "OPSBUS_" + String(name.uppercased().map { $0 == "-" ? "_" : $0 })
    }
}

/// One value that a file, the environment or a flag may set.
struct Setting<Value: Sendable>: SettingDeclaration {
    let name: String
    let standard: Value
    let standardText: String
    let isSecret: Bool
    let option: Option<Value>

    init(
        _ name: String, _ valueName: String, _ syntax: ValueSyntax<Value>, standard: Value, text: String,
        secret: Bool = false, _ summary: String
    ) {
        self.name = name
        self.standard = standard
        standardText = text
        isSecret = secret
        option = Option(name, valueName, syntax, setting: true, text.isEmpty ? summary : "\(summary) [\(text)]")
    }

    var flag: any OptionDeclaration { option }
}

extension Setting where Value == String {
    init(_ name: String, _ valueName: String, _ syntax: ValueSyntax<String>, _ standard: String, _ summary: String) {
        self.init(name, valueName, syntax, standard: standard, text: standard, summary)
    }
}

extension Setting where Value == String? {
    /// A setting that may be absent.
    init(
        _ name: String, _ valueName: String, _ syntax: ValueSyntax<String>, secret: Bool = false, _ summary: String
    ) {
        self.init(name, valueName, syntax.optional, standard: nil, text: "", secret: secret, summary)
    }
}
