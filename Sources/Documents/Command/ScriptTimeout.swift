public import Core

/// The time that a step's script may take.
public enum ScriptTimeout {
    /// Where the step does not say it.
    public static let standardSeconds = 3600

    /// Seconds from 5 to 172,800.
    ///
    /// Missing, unreadable and out-of-range values all mean the standard, as the agent of Systems Manager has it.
    /// - Parameter input: `timeoutSeconds`, a number or its text.
    public static func seconds(_ input: JSON?) -> Int {
        let seconds = input?.double ?? input?.string.flatMap(Double.init) ?? 0
        return (5..<172_801).contains(seconds) ? Int(seconds) : standardSeconds
    }
}
