/// A step setting that is known at once, or written as a `{{ reference }}` and known when the step runs.
public enum Setting<Value: Sendable & Hashable>: Sendable, Hashable {
    case value(Value)
    case reference(String)

    /// The value where it is known without running anything.
    public var known: Value? {
        if case .value(let value) = self { value } else { nil }
    }
}
