internal import Core
internal import Platform

/// The settings in force: from the file, the environment and the flags, in rising priority.
struct Configuration: Sendable {
    /// Where a value came from.
    enum Source: Sendable, Hashable, CustomStringConvertible {
        case standard
        case file(String, TextPosition)
        case environment(String)
        case flag(String)

        var description: String {
            switch self {
            case .standard: "default"
            case .file(let path, let position): "\(path):\(position.line)"
            case .environment(let name): "$\(name)"
            case .flag(let name): "--\(name)"
            }
        }
    }

    private struct Entry: Sendable {
        let value: any Sendable
        let text: String
        let source: Source
    }

    private var entries: [String: Entry] = [:]

    /// Where a file is looked for that nobody named.
    static let standardPaths = ["opsbus.yaml", "/etc/opsbus/opsbus.yaml"]

    /// - Parameters:
    ///   - arguments: May hold `--config` and the flags of settings.
    ///   - environment: Value of an environment variable; an empty one sets nothing.
    ///   - standardPaths: The first of these that exists is read where neither flag nor environment names a file.
    /// - Throws: `CommandError` `.configuration`, naming file, line and column, variable or flag.
    init(
        _ arguments: Arguments = Arguments(), environment: (String) -> String? = { _ in nil },
        standardPaths: [String] = []
    ) throws(CommandError) {
        func variable(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        let named = arguments[GlobalOptions.config] ?? variable("OPSBUS_CONFIG")
        if let path = named ?? standardPaths.first(where: Files.exists) { try read(path) }
        for setting in Settings.all {
            if let text = variable(setting.environmentName) {
                try set(setting, text, from: .environment(setting.environmentName))
            }
            if let text = arguments.text(ofSetting: setting.name) {
                try set(setting, text, from: .flag(setting.name))
            }
        }
    }

    subscript<Value>(setting: Setting<Value>) -> Value {
        // Where nothing is set there must be no cast: nil is a value of an optional setting.
        guard let entry = entries[setting.name], let value = entry.value as? Value else { return setting.standard }
        return value
    }

    /// Where the setting's value came from.
    func source(of setting: some SettingDeclaration) -> Source { entries[setting.name]?.source ?? .standard }

    /// The setting's text where something sets it; nil for the standard.
    func text(of setting: some SettingDeclaration) -> String? { entries[setting.name]?.text }

    /// Every setting with its text and source, in the order of ``Settings/all``.
    var listing: [(name: String, text: String, source: Source)] {
        Settings.all.map { setting in
            let entry = entries[setting.name]
            let text = entry?.text ?? setting.standardText
            return (setting.name, setting.isSecret && !text.isEmpty ? "****" : text, entry?.source ?? .standard)
        }
    }

    private mutating func set(
        _ setting: any SettingDeclaration, _ text: String, from source: Source
    ) throws(CommandError) {
        do {
            entries[setting.name] = Entry(value: try setting.flag.value(of: text), text: text, source: source)
        } catch {
            throw CommandError(
                .configuration, "\(source): '\(text)' \(error.problem)", fix: "correct '\(setting.name)'")
        }
    }

    private mutating func read(_ path: String) throws(CommandError) {
        let content: [UInt8]
        do {
            content = try Files.read(path, bytesMax: 1 << 20)
        } catch {
            throw CommandError(.configuration, "\(error)", fix: "name a readable file with --config")
        }
        if Configuration.isBlank(content) { return }
        let root: Node
        do {
            root = try Node(parsingYAML: content)
        } catch {
            throw CommandError(.configuration, "\(path): \(error)", fix: "correct the file")
        }
        if case .null = root.value { return }
        guard let members = root.members else {
            throw CommandError(
                .configuration, "\(path): the file is no mapping", fix: "write lines such as 'data: DIR'")
        }
        for member in members { try set(member, in: path) }
    }

    /// Whether there are only empty lines and comments, which is a file that sets nothing.
    private static func isBlank(_ content: [UInt8]) -> Bool {
        content.split(separator: UInt8(ascii: "\n")).allSatisfy { line in
            let first = line.first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") && $0 != UInt8(ascii: "\r") }
            return first == nil || first == UInt8(ascii: "#")
        }
    }

    private mutating func set(_ member: Node.Member, in path: String) throws(CommandError) {
        let place = "\(path):\(member.keyPosition.line):\(member.keyPosition.column)"
        guard let setting = Settings.all.first(where: { $0.name == member.key }) else {
            let names = Settings.all.map(\.name)
            let near = nearest(to: member.key, among: names).map { "did you mean '\($0)'?" }
            throw CommandError(
                .configuration, "\(place): unknown key '\(member.key)'",
                fix: near ?? "known are \(names.joined(separator: ", "))")
        }
        guard let text = member.value.scalarText else {
            throw CommandError(
                .configuration, "\(place): '\(member.key)' is no single value", fix: "write text or a number")
        }
        try set(setting, text, from: .file(path, member.keyPosition))
    }
}

extension Node {
    /// The text of a string, number or boolean; nil for others.
    fileprivate var scalarText: String? {
        switch value {
        case .string(let text): text
        case .number(let number): number.text
        case .bool(let value): value ? "true" : "false"
        case .null, .array, .object: nil
        }
    }
}
