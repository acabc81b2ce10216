internal import Core
internal import Storage

/// Finds what led to an event, for whoever has to break a circle.
struct CauseChain: Sendable {
    let log: AuditLog

    /// Causes named; a longer chain ends with an ellipsis.
    private static let causesMax = 3 * Limits.eventHopsMax

    /// The causes of an event as text, the last one first.
    func description(of entry: StreamEntry) async -> String {
        var chain: [String] = []
        var next = entry.cause
        var seen: Set<Subject> = []
        while let subject = next, seen.insert(subject).inserted, chain.count < CauseChain.causesMax {
            chain.append(subject.description)
            if subject.kind == .event {
                // One event that goes from bus to bus is one subject: the rules that passed it on are its deliveries.
                let deliveries = await handovers(of: subject).filter { !seen.contains($0) }
                seen.formUnion(deliveries)
                chain += deliveries.prefix(Limits.eventHopsMax).map { "\($0)" }
            }
            next = await cause(of: subject)
        }
        return chain.isEmpty ? "unknown" : chain.joined(separator: ", ") + (next == nil ? "." : ", …")
    }

    private func cause(of subject: Subject) async -> Subject? {
        if subject.kind == .delivery {
            // Begins with the event's id, and is known before the delivery's own record.
            return subject.identifier.split(separator: "/").first.map { Subject(.event, String($0)) }
        }
        var filter = AuditFilter()
        filter.subject = subject
        filter.limit = 20
        // A log that cannot be read shortens the chain.
        return try? await log.list(filter).lazy.compactMap(\.cause).first
    }

    /// The deliveries that put an event on another bus, the last one first.
    private func handovers(of event: Subject) async -> [Subject] {
        var filter = AuditFilter()
        filter.cause = event
        filter.action = "Deliver"
        filter.newestFirst = true
        filter.limit = 4 * Limits.eventHopsMax
        let records = (try? await log.list(filter)) ?? []
        var found: [Subject] = []
        for record in records where record.detail["Output"]?["EventBusName"] != nil && !found.contains(record.subject) {
            found.append(record.subject)
        }
        return found
    }
}
