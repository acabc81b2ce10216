internal import Core

/// Why a text is no value of its syntax: a phrase that follows the text, such as `is not an integer`.
struct ValueError: Error, Hashable {
    let problem: String

    init(_ problem: String) { self.problem = problem }
}

/// How the text of an option, an argument or a setting becomes a value.
struct ValueSyntax<Value: Sendable>: Sendable {
    let completion: Completion
    let parse: @Sendable (String) throws(ValueError) -> Value

    init(completion: Completion = .none, parse: @escaping @Sendable (String) throws(ValueError) -> Value) {
        self.completion = completion
        self.parse = parse
    }

    /// The same syntax where a value may also be absent.
    var optional: ValueSyntax<Value?> {
        ValueSyntax<Value?>(completion: completion) { (text) throws(ValueError) in try parse(text) }
    }

    /// The same syntax with other candidates for completion.
    func completing(_ completion: Completion) -> ValueSyntax { ValueSyntax(completion: completion, parse: parse) }
}

/// What a shell offers for a value.
enum Completion: Sendable, Hashable {
    case none
    case files
    case values([String])
    /// Names that a reachable server knows.
    case live(LiveName)
}

extension ValueSyntax where Value == String {
    static let text = ValueSyntax { (text) throws(ValueError) in text }
    static let file = ValueSyntax(completion: .files) { (text) throws(ValueError) in
        if text.isEmpty { throw ValueError("is no path") }
        return text
    }

    static func choice(_ values: [String]) -> ValueSyntax {
        ValueSyntax(completion: .values(values)) { (text) throws(ValueError) in
            guard values.contains(text) else {
                let near = nearest(to: text, among: values).map { "; did you mean '\($0)'?" } ?? ""
                throw ValueError("is not one of \(values.joined(separator: ", "))\(near)")
            }
            return text
        }
    }

    /// A ZeroMQ endpoint.
    static let endpoint = ValueSyntax { (text) throws(ValueError) in
        let transports = ["tcp://", "ipc://", "inproc://"]
        guard let transport = transports.first(where: text.hasPrefix), text.count > transport.count else {
            throw ValueError("is not an endpoint such as tcp://127.0.0.1:7401 or ipc:///run/opsbus/requests")
        }
        return text
    }

    /// The name of a region, as ARNs hold it.
    static let region = ValueSyntax { (text) throws(ValueError) in
        let isName = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
            default: false
            }
        }
        guard isName, !text.isEmpty else { throw ValueError("is not a region such as us-east-1 or lab") }
        return text
    }

    /// An AWS account number.
    static let account = ValueSyntax { (text) throws(ValueError) in
        guard text.utf8.count == 12, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            throw ValueError("is not an account of twelve digits (in YAML, quote it)")
        }
        return text
    }
}

extension ValueSyntax where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> ValueSyntax {
        ValueSyntax { (text) throws(ValueError) in
            guard let value = Int(text) else { throw ValueError("is not an integer") }
            guard range.contains(value) else {
                throw ValueError("is not from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
    }

    static let positive = ValueSyntax { (text) throws(ValueError) in
        guard let value = Int(text), value > 0 else { throw ValueError("is not a whole number above 0") }
        return value
    }

    static let count = ValueSyntax { (text) throws(ValueError) in
        guard let value = Int(text), value >= 0 else { throw ValueError("is not a whole number from 0") }
        return value
    }

    /// Bytes, with an optional unit: `65536`, `64KiB`, `64M`.
    static let byteCount = ValueSyntax { (text) throws(ValueError) in
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let units = ["": 0, "b": 0, "k": 10, "kib": 10, "m": 20, "mib": 20, "g": 30, "gib": 30]
        guard let number = Int(digits), let shift = units[text.dropFirst(digits.count).lowercased()],
            number > 0, number <= Int.max >> shift
        else { throw ValueError("is not a size such as 64MiB or 65536") }
        return number << shift
    }
}

extension ValueSyntax where Value == Bool {
    static let boolean = ValueSyntax(completion: .values(["true", "false"])) { (text) throws(ValueError) in
        switch text.lowercased() {
        case "true", "yes", "on", "1": return true
        case "false", "no", "off", "0": return false
        default: throw ValueError("is not true or false")
        }
    }
}

extension ValueSyntax where Value == Duration {
    /// ISO 8601 such as `P7D` and `PT10M`, or units such as `7d`, `1h30m`, `500ms`; a bare number counts seconds.
    static let duration = ValueSyntax { (text) throws(ValueError) in
        guard let value = Duration(spelled: text) else {
            throw ValueError("is not a duration such as 30s, 10m, 7d or P7D")
        }
        return value
    }
}

extension ValueSyntax where Value == Timestamp {
    /// RFC 3339, or how long ago: `2026-01-31T08:00:00Z`, `15m`.
    static func time(now: @escaping @Sendable () -> Timestamp) -> ValueSyntax {
        ValueSyntax { (text) throws(ValueError) in
            if let time = Timestamp(rfc3339: text) { return time }
            if let age = Duration(spelled: text) { return now() - age }
            throw ValueError("is not a time such as 2026-01-31T08:00:00Z, or how long ago, such as 15m")
        }
    }
}

extension ValueSyntax where Value == KeyValue {
    /// `KEY=VALUE`; the value may be empty and may hold further `=`.
    static let keyValue = ValueSyntax { (text) throws(ValueError) in
        guard let separator = text.firstIndex(of: "="), separator != text.startIndex else {
            throw ValueError("is not of the form KEY=VALUE")
        }
        return KeyValue(key: String(text[..<separator]), value: String(text[text.index(after: separator)...]))
    }
}

/// One `KEY=VALUE`.
struct KeyValue: Sendable, Hashable {
    let key: String
    let value: String
}

extension Duration {
    /// Reads ISO 8601 durations without years and months, and sums of units; nil for anything else.
    init?(spelled text: String) {
        if let seconds = Double(text), seconds >= 0, seconds < 1e10 {
            self = .microseconds(Int64(seconds * 1_000_000))
            return
        }
        let isISO = text.hasPrefix("P") || text.hasPrefix("p")
        var microseconds = 0.0
        var number = ""
        var unit = ""
        var isTime = !isISO
        func add() -> Bool {
            let scales = ["ms": 1e3, "s": 1e6, "m": 6e7, "h": 3.6e9, "d": 8.64e10, "w": 6.048e11]
            guard let value = Double(number), let scale = scales[unit], isTime || unit == "d" || unit == "w" else {
                return false
            }
            microseconds += value * scale
            (number, unit) = ("", "")
            return true
        }
        for character in text.lowercased().dropFirst(isISO ? 1 : 0) {
            if character.isASCII && character.isNumber || character == "." {
                if !unit.isEmpty && !add() { return nil }
                number.append(character)
            } else if isISO && character == "t" {
                if !number.isEmpty && !add() { return nil }
                isTime = true
            } else {
                unit.append(character)
            }
        }
        guard add(), microseconds < 1e16 else { return nil }
        self = .microseconds(Int64(microseconds))
    }

    /// The shortest sum of units: `7d`, `1h30m`, `250ms`.
    var spelled: String {
        var rest = microseconds / 1000
        var text = ""
        for (unit, milliseconds) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            let (count, remainder) = rest.quotientAndRemainder(dividingBy: Int64(milliseconds))
            if count > 0 { text += "\(count)\(unit)" }
            rest = remainder
        }
        return text.isEmpty ? "0s" : text
    }
}
