/// The beginning of one output of a step, kept for its report.
///
/// Text is cut where it reaches the limit, on a character's border, and ends then in a mark that says so.
/// - Source: amazon-ssm-agent, `pluginutil.StringPrefix`; there the cut is on a byte.
struct OutputCapture: Equatable {
    /// The limit of an agent's reply, for each of the two outputs.
    static let bytesMax = 24_000
    static let mark = "--output truncated--"

    private var bytes: [UInt8] = []
    private let bytesMax: Int

    init(bytesMax: Int = OutputCapture.bytesMax) { self.bytesMax = bytesMax }

    mutating func append(_ chunk: [UInt8]) {
        bytes.append(contentsOf: chunk.prefix(bytesMax - bytes.count))
    }

    /// Valid UTF-8 whatever was written, at most `bytesMax` bytes.
    var text: String {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.utf8.count >= bytesMax else { return text }
        return OutputCapture.prefix(of: text, bytesMax: bytesMax - OutputCapture.mark.utf8.count) + OutputCapture.mark
    }

    /// The longest beginning of whole Unicode scalars that has at most so many bytes.
    static func prefix(of text: String, bytesMax: Int) -> String {
        guard text.utf8.count > bytesMax else { return text }
        var end = text.utf8.index(text.utf8.startIndex, offsetBy: max(0, bytesMax))
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}
