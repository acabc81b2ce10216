/// When a schedule is due: its expression in a time zone, between a start and an end.
///
/// A time that clocks skip in spring is skipped; one that they repeat in autumn counts once, the first time it comes. A
/// rate counts hours of 60 minutes and days of 24 hours, whatever the clocks show.
/// - Source: Scheduler user guide, "Schedule types", "Daylight savings time".
public struct ScheduleTimes: Sendable, Hashable {
    public let expression: ScheduleExpression
    private let zone: TimeZoneRules
    /// One-time schedules know neither start nor end.
    private let start: Timestamp?
    private let end: Timestamp?
    /// What a rate counts from: it is due then, and one, two, three periods later.
    private let anchor: Timestamp

    /// - Parameters:
    ///   - start: The first instant allowed; nil for `anchor`.
    ///   - end: The last instant allowed; nil for none.
    ///   - anchor: When the schedule was created.
    public init(
        _ expression: ScheduleExpression, in zone: TimeZoneRules, start: Timestamp? = nil, end: Timestamp? = nil,
        anchor: Timestamp
    ) {
        self.expression = expression
        self.zone = zone
        self.start = start
        self.end = end
        self.anchor = start ?? anchor
    }

    /// The first due time at or after an instant; nil where there is none.
    public func first(from instant: Timestamp) -> Timestamp? { next(after: instant - .microseconds(1)) }

    /// The first due time after an instant; nil where there is none.
    public func next(after instant: Timestamp) -> Timestamp? {
        switch expression {
        case .at(let local):
            guard let due = zone.firstInstant(showing: local), due > instant else { return nil }
            return due
        case .rate:
            let due = instant < anchor ? anchor : expression.next(after: instant, anchor: anchor)
            return due.flatMap(untilEnd)
        case .cron(let cron):
            let earliest = start.map { max(instant, $0 - .microseconds(1)) } ?? instant
            return next(of: cron, after: earliest).flatMap(untilEnd)
        }
    }

    /// The last due time not after an instant, counted on from a due time.
    /// - Parameter first: A due time, not after `instant`.
    /// - Returns: And how many due times there are before it, `first` included.
    public func latest(from first: Timestamp, through instant: Timestamp) -> (time: Timestamp, passedOver: Int) {
        var latest = first
        var count = 0
        if case .rate(let number, let unit) = expression {
            let (seconds, isEndless) = Int64(number).multipliedReportingOverflow(by: Int64(unit.seconds))
            if isEndless { return (first, 0) }
            let period = Duration.seconds(seconds).microseconds
            let bound = end.map { min($0, instant) } ?? instant
            count = Int((bound - first).microseconds / period)
            return (first + .microseconds(Int64(count) * period), count)
        }
        while let next = next(after: latest), next <= instant {
            latest = next
            count += 1
        }
        return (latest, count)
    }

    private func untilEnd(_ due: Timestamp) -> Timestamp? { end.map { due <= $0 } ?? true ? due : nil }

    private func next(of cron: CronExpression, after instant: Timestamp) -> Timestamp? {
        var local = zone.local(instant)
        while let shown = cron.next(after: local) {
            // What clocks set back show again comes out before `instant`, and is passed over like what they skip.
            if let due = zone.firstInstant(showing: shown), due > instant { return due }
            local = shown
        }
        return nil
    }
}
