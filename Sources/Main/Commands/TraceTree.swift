internal import API
internal import Core

/// Draws the answer of `audit:Trace`: what was done, each thing beneath its cause.
struct TraceTree {
    /// `{Subject, Records: [...], Children: [node...], Event?}`
    let root: JSON
    let style: Style

    /// Deeper nodes are cut; a server's own limit on hops is far below.
    private static let depthMax = 100

    var text: String {
        var lines: [String] = []
        let start = firstTime(root, depth: 0)
        draw(root, "", "", start, 0, &lines)
        return lines.map { $0 + "\n" }.joined()
    }

    private func draw(
        _ node: JSON, _ head: String, _ margin: String, _ start: Timestamp?, _ depth: Int, _ lines: inout [String]
    ) {
        lines.append(style.faint(head) + style.heading(printable(node.cell("Subject"))))
        let children = depth < TraceTree.depthMax ? node["Children"]?.array ?? [] : []
        let stem = children.isEmpty ? "   " : "│  "
        if let event = node["Event"], !event.isNull {
            lines.append(style.faint(margin + stem) + line(event: event, start))
        }
        for record in node["Records"]?.array ?? [] {
            lines.append(style.faint(margin + stem) + line(record, start))
        }
        for (index, child) in children.enumerated() {
            let isLast = index == children.count - 1
            let (branch, stem) = isLast ? ("└─ ", "   ") : ("├─ ", "│  ")
            draw(child, margin + branch, margin + stem, start, depth + 1, &lines)
        }
    }

    /// What the journal knows of the event itself.
    private func line(event: JSON, _ start: Timestamp?) -> String {
        let content = event["Event"] ?? .null
        return "\(offset(event, start)) \(printable(content.cell("detail-type"))) from "
            + "\(printable(content.cell("source"))) on bus \(printable(event.cell("EventBusName")))"
            + style.faint(" by \(printable(event.cell("Principal")))")
    }

    /// The time since the start, to the right of its column.
    private func offset(_ record: JSON, _ start: Timestamp?) -> String {
        let text = record["Time"]?.timestamp.flatMap { time in start.map { spelled(time - $0) } } ?? ""
        return style.faint(String(repeating: " ", count: max(10 - text.count, 0)) + text)
    }

    private func line(_ record: JSON, _ start: Timestamp?) -> String {
        let outcome = record.cell("Outcome")
        let kind = outcome.prefix { $0 != ":" }
        var text = "\(offset(record, start)) \(printable(record.cell("Action")))"
        text += " " + (kind == "failure" ? style.bad(printable(outcome)) : style.status(outcome))
        text += style.faint(" by \(printable(record.cell("Principal")))")
        let detail = summary(record["Detail"])
        return detail.isEmpty ? text : "\(text)  \(printable(detail))"
    }

    /// The detail's short members: what tells one record from another at a glance.
    private func summary(_ detail: JSON?) -> String {
        let members = detail?.object?.members ?? []
        let shown = members.compactMap { member -> String? in
            switch member.value {
            case .string(let text) where !text.isEmpty && text.utf8.count <= 60: "\(member.key)=\(text)"
            case .number, .bool: "\(member.key)=\(member.value.text)"
            default: nil
            }
        }
        return truncated(shown.joined(separator: " "), to: 100)
    }

    private func firstTime(_ node: JSON, depth: Int) -> Timestamp? {
        let records = (node["Records"]?.array ?? []) + [node["Event"] ?? .null]
        let own = records.compactMap { $0["Time"]?.timestamp }
        guard depth < TraceTree.depthMax else { return own.min() }
        return (own + (node["Children"]?.array ?? []).compactMap { firstTime($0, depth: depth + 1) }).min()
    }

    /// `+0.012s`, `+75.3s`.
    private func spelled(_ duration: Duration) -> String {
        let milliseconds = duration.microseconds / 1000
        let fraction = String(milliseconds.magnitude % 1000)
        let zeros = String(repeating: "0", count: 3 - fraction.count)
        return "\(milliseconds < 0 ? "-" : "+")\(milliseconds.magnitude / 1000).\(zeros)\(fraction)s"
    }
}
