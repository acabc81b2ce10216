internal import Core

/// A regular expression that a whole text must match, as the API models have them.
public struct TextPattern: Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// As error messages show it.
    public let description: String
    private let expression: RegularExpression

    /// - Parameter text: In the syntax of `RegularExpression`; one that has no meaning is an error in the declaration.
    public init(stringLiteral text: String) {
        do throws(RegularExpressionError) {
            // A text that ends in a line feed is not what the models mean by `$`.
            expression = try RegularExpression("\\A(?:\(text))\\z")
        } catch {
            preconditionFailure("the pattern \(text) cannot be used: \(error)")
        }
        description = text
    }

    /// Whether the text matches; a text too long to find out does not.
    public func matches(_ text: String) -> Bool { expression.matches(text) ?? false }
}
