/// How many of a command's or an automation's targets run at a time, and how many may fail.
/// - Source: SSM API model, `MaxConcurrency` and `MaxErrors`; rounding as CloudFormation StackSets documents it.
public struct RateControl: Sendable, Hashable {
    /// A number of targets, or a share of them.
    public enum Amount: Sendable, Hashable {
        case number(Int)
        case percent(Int)

        /// Reads `7` or `50%`; nil for other texts, numbers past 9 digits and shares past 100%.
        public init?(_ text: String) {
            let isPercent = text.utf8.last == UInt8(ascii: "%")
            let digits = isPercent ? text.utf8.dropLast() : text.utf8[...]
            guard (1...9).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
                digits.count == 1 || digits.first != UInt8(ascii: "0"), let value = Int(String(Substring(digits)))
            else { return nil }
            if isPercent && value > 100 { return nil }
            self = isPercent ? .percent(value) : .number(value)
        }
    }

    public var maxConcurrency: Amount
    public var maxErrors: Amount

    public init(maxConcurrency: Amount, maxErrors: Amount) {
        self.maxConcurrency = maxConcurrency
        self.maxErrors = maxErrors
    }

    /// Reads the two members of a request.
    /// - Returns: Nil where either is none of the forms of the API model: a concurrency of 0 is none.
    public init?(maxConcurrency: String, maxErrors: String) {
        guard let concurrency = Amount(maxConcurrency), let errors = Amount(maxErrors) else { return nil }
        if concurrency == .number(0) || concurrency == .percent(0) { return nil }
        self.init(maxConcurrency: concurrency, maxErrors: errors)
    }

    /// Targets that may run at a time, at least 1.
    public func concurrency(of targets: Int) -> Int {
        switch maxConcurrency {
        case .number(let number): max(1, min(number, targets))
        case .percent(let share): max(1, targets * share / 100)
        }
    }

    /// Errors that are still within bounds; one more stops the dispatch.
    public func errors(of targets: Int) -> Int {
        switch maxErrors {
        case .number(let number): number
        case .percent(let share): targets * share / 100
        }
    }
}
