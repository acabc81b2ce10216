/// The text made safe to show on one line: control characters, which could command a terminal or forge a line of a log,
/// become visible.
public func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: \.isControl) else { return text }
    var output = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\n": output.append(contentsOf: "\\n".unicodeScalars)
        case "\t": output.append(" ")
        case "\r": output.append(contentsOf: "\\r".unicodeScalars)
        case _ where scalar.isControl: output.append("\u{FFFD}")
        default: output.append(scalar)
        }
    }
    return String(output)
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool { properties.generalCategory == .control }
}
