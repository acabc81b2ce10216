internal import API
internal import Core

extension HTTPAnswer {
    /// For how many seconds the server asks to be left alone; negative where there is no later, nil where it does not
    /// say.
    ///
    /// A date counts from the answer's own, so that the clocks need not agree.
    /// - Source: RFC 9110, section 10.2.3.
    var retryAfterSeconds: Int? {
        guard let text = header("Retry-After") else { return nil }
        if let seconds = Int(text) { return seconds }
        guard let until = Timestamp(httpDate: text), let date = header("Date").flatMap({ Timestamp(httpDate: $0) })
        else { return nil }
        return Int(max(0, until.seconds - date.seconds))
    }
}

extension Timestamp {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Reads a date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
    fileprivate init?(httpDate text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let month = Timestamp.months.firstIndex(of: String(parts[2])) else {
            return nil
        }
        self.init(rfc3339: "\(parts[3])-\(month < 9 ? "0" : "")\(month + 1)-\(parts[1])T\(parts[4])Z")
    }
}
