/// What the parser, the help and the completion need to know of an option; ``Option`` and ``Flag`` are the two kinds.
protocol OptionDeclaration: Sendable {
    /// The long name without its dashes.
    var name: String { get }
    var short: Character? { get }
    /// What stands for the value in help; nil for a flag, which takes none.
    var valueName: String? { get }
    var summary: String { get }
    var isRepeated: Bool { get }
    var completion: Completion { get }
    /// Whether it is the flag of a ``Setting``, and so part of the configuration.
    var isSetting: Bool { get }

    func value(of text: String) throws(ValueError) -> any Sendable
}

/// An option with a value: `--name VALUE`.
struct Option<Value: Sendable>: OptionDeclaration {
    let name: String
    let short: Character?
    let valueName: String?
    let summary: String
    let isRepeated: Bool
    let isSetting: Bool
    private let syntax: ValueSyntax<Value>

    init(
        _ name: String, short: Character? = nil, _ valueName: String, _ syntax: ValueSyntax<Value>,
        repeated: Bool = false, setting: Bool = false, _ summary: String
    ) {
        self.name = name
        self.short = short
        self.valueName = valueName
        self.summary = summary
        isRepeated = repeated
        isSetting = setting
        self.syntax = syntax
    }

    var completion: Completion { syntax.completion }

    func value(of text: String) throws(ValueError) -> any Sendable { try syntax.parse(text) }
}

/// An option without a value: `--name`.
struct Flag: OptionDeclaration {
    let name: String
    let short: Character?
    let summary: String

    init(_ name: String, short: Character? = nil, _ summary: String) {
        self.name = name
        self.short = short
        self.summary = summary
    }

    var valueName: String? { nil }
    var isRepeated: Bool { false }
    var isSetting: Bool { false }
    var completion: Completion { .none }

    func value(of text: String) throws(ValueError) -> any Sendable { true }
}

/// What the parser, the help and the completion need to know of a positional argument.
protocol ArgumentDeclaration: Sendable {
    /// As help shows it, in capitals.
    var name: String { get }
    var summary: String { get }
    /// How many there may be.
    var count: ClosedRange<Int> { get }
    var completion: Completion { get }

    func value(of text: String) throws(ValueError) -> any Sendable
}

/// A value given by its place.
struct Argument<Value: Sendable>: ArgumentDeclaration {
    let name: String
    let summary: String
    let count: ClosedRange<Int>
    private let syntax: ValueSyntax<Value>

    /// - Parameter count: `1...1` for exactly one, `0...1` for an optional one, `1...Int.max` for one or more.
    init(_ name: String, _ syntax: ValueSyntax<Value>, count: ClosedRange<Int> = 1...1, _ summary: String) {
        self.name = name
        self.summary = summary
        self.count = count
        self.syntax = syntax
    }

    var completion: Completion { syntax.completion }

    func value(of text: String) throws(ValueError) -> any Sendable { try syntax.parse(text) }
}
