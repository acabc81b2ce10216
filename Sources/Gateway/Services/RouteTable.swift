internal import API
internal import Core

/// Finds REST operations by method and path.
struct RouteTable: Sendable {
    /// An operation found, and what its path holds.
    struct Match: Sendable {
        let operation: String
        /// Members of the input and their texts.
        let labels: [(member: String, text: String)]
    }

    private enum Segment {
        case literal(String)
        case label(String)
    }

    private struct Entry {
        let operation: String
        let method: String
        let segments: [Segment]
    }

    /// By the service's name.
    private var entries: [String: [Entry]] = [:]

    init(_ operations: [Operation]) {
        for operation in operations {
            guard let route = operation.route else { continue }
            let segments = route.path.split(separator: "/").map { segment in
                segment.hasPrefix("{")
                    ? Segment.label(String(segment.dropFirst().dropLast())) : .literal(String(segment))
            }
            entries[operation.service, default: []].append(
                Entry(operation: operation.name, method: route.method.rawValue, segments: segments))
        }
    }

    func hasRoutes(_ service: String) -> Bool { entries[service] != nil }

    /// - Parameter path: Still percent-encoded: an encoded slash is part of a label.
    /// - Returns: Nil where there is none, or a label is not UTF-8 in percent-encoding.
    func match(_ method: String, _ path: String, in service: String) -> Match? {
        let parts = path.split(separator: "/")
        for entry in entries[service] ?? [] where entry.method == method && entry.segments.count == parts.count {
            if let labels = RouteTable.labels(entry.segments, parts) {
                return Match(operation: entry.operation, labels: labels)
            }
        }
        return nil
    }

    private static func labels(_ segments: [Segment], _ parts: [Substring]) -> [(member: String, text: String)]? {
        var labels: [(member: String, text: String)] = []
        for (segment, part) in zip(segments, parts) {
            switch segment {
            case .literal(let text):
                guard part == text else { return nil }
            case .label(let member):
                guard let text = PercentEncoding.decode(part) else { return nil }
                labels.append((member, text))
            }
        }
        return labels
    }
}
