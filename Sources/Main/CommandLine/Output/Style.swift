/// Colours and weights, or none.
struct Style: Sendable {
    let isColored: Bool

    func heading(_ text: String) -> String { paint(text, "1") }
    func faint(_ text: String) -> String { paint(text, "2") }
    func good(_ text: String) -> String { paint(text, "32") }
    func bad(_ text: String) -> String { paint(text, "31") }
    func waiting(_ text: String) -> String { paint(text, "33") }

    private func paint(_ text: String, _ code: String) -> String {
        isColored && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }

    /// A status word of any operation in the colour of its meaning.
    func status(_ text: String) -> String { statusColor(text).map { paint(text, $0) } ?? text }

    private func statusColor(_ status: String) -> String? {
        switch status.lowercased() {
        case "success", "succeeded", "online", "enabled", "ok", "allowed", "matched", "delivered", "intact": "32"
        case "failed", "failure", "timedout", "executiontimedout", "deliverytimedout", "cancelled", "connectionlost",
            "error", "denied", "refused", "dead", "undeliverable", "terminated", "broken", "noinstancesintag", "incomplete",
            "accessdenied", "invalidplatform", "rateexceeded":
            "31"
        case "pending", "inprogress", "delayed", "waiting", "cancelling", "retrying", "disabled": "33"
        default: nil
        }
    }
}
