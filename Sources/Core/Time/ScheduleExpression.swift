/// When something is due: `rate(5 minutes)`, `cron(0 10 * * ? *)` or, once, `at(2026-11-20T13:00:00)`.
///
/// All times are UTC. Nothing is due after the year 2199.
/// - Source: EventBridge user guide, "Creating a rule that runs on a schedule"; Scheduler user guide, "Schedule types".
public enum ScheduleExpression: Sendable, Hashable {
    /// Every so many minutes, hours or days, counted from the schedule's creation.
    case rate(Int, RateUnit)
    /// At the minutes that a calendar rule selects.
    case cron(CronExpression)
    /// Once.
    case at(Timestamp)

    public enum RateUnit: String, Sendable, CaseIterable {
        case minute, hour, day

        public var seconds: Int {
            switch self {
            case .minute: 60
            case .hour: 3600
            case .day: 86_400
            }
        }
    }

    /// Reads an expression as EventBridge writes it: lower-case form name, no space around or inside the parentheses
    /// but the one between a rate's number and unit and those between cron fields.
    /// - Throws: `ScheduleError`, whose message names the part that is wrong and what to write instead.
    public init(parsing text: String) throws(ScheduleError) {
        guard let open = text.firstIndex(of: "("), text.last == ")" else {
            throw ScheduleError(.form, "\(text): write rate(5 minutes), cron(0 10 * * ? *) or at(2026-11-20T13:00:00)")
        }
        let argument = text[text.index(after: open)...].dropLast()
        switch text[..<open] {
        case "rate": self = try ScheduleExpression.parseRate(argument, of: text)
        case "cron": self = .cron(try CronExpression(parsing: String(argument)))
        case "at": self = .at(try ScheduleExpression.parseInstant(argument, of: text))
        default:
            throw ScheduleError(
                .form, "\(text): the form '\(text[..<open])' is unknown; write rate(...), cron(...) or at(...)")
        }
    }

    /// The expression in the form that ``init(parsing:)`` reads.
    public var text: String {
        switch self {
        case .rate(let count, let unit): "rate(\(count) \(unit.rawValue)\(count == 1 ? "" : "s"))"
        case .cron(let expression): "cron(\(expression.text))"
        case .at(let instant): "at(\(instant.description.dropLast()))"
        }
    }

    /// The first time after `instant` at which the schedule is due.
    /// - Parameters:
    ///   - instant: Exclusive.
    ///   - anchor: When the schedule was created; a rate is first due one period later. Others ignore it.
    /// - Returns: Nil where it is never due again.
    public func next(after instant: Timestamp, anchor: Timestamp) -> Timestamp? {
        switch self {
        case .rate(let count, let unit):
            let (seconds, overflow) = Int64(count).multipliedReportingOverflow(by: Int64(unit.seconds))
            return overflow ? nil : ScheduleExpression.nextMultiple(of: seconds, from: anchor, after: instant)
        case .cron(let expression): return expression.next(after: instant)
        case .at(let due): return due > instant ? due : nil
        }
    }

    /// The first of `anchor` + 1, 2, 3... periods that is after `instant`.
    private static func nextMultiple(
        of seconds: Int64, from anchor: Timestamp, after instant: Timestamp
    ) -> Timestamp? {
        let (period, tooLong) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (elapsed, tooFar) = instant.microseconds.subtractingReportingOverflow(anchor.microseconds)
        if tooLong || tooFar { return nil }
        let periods = elapsed < 0 ? 1 : elapsed / period + 1
        let (offset, overflow) = periods.multipliedReportingOverflow(by: period)
        let (due, late) = anchor.microseconds.addingReportingOverflow(offset)
        return overflow || late || due >= CronExpression.end.microseconds ? nil : Timestamp(microseconds: due)
    }
}

extension ScheduleExpression {
    private static func parseRate(_ argument: Substring, of text: String) throws(ScheduleError) -> ScheduleExpression {
        let parts = argument.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw ScheduleError(.form, "\(text): write a number, one space and a unit, such as rate(5 minutes)")
        }
        guard let count = wholeNumber(parts[0]), count > 0 else {
            throw ScheduleError(.rateValue, "\(text): '\(parts[0])' must be a whole number from 1")
        }
        let singular = RateUnit(rawValue: String(parts[1]))
        let plural = parts[1].last == "s" ? RateUnit(rawValue: String(parts[1].dropLast())) : nil
        guard let unit = singular ?? plural else {
            throw ScheduleError(.rateUnit, "\(text): the unit '\(parts[1])' must be minutes, hours or days")
        }
        if count == 1, plural != nil {
            throw ScheduleError(.rateUnit, "\(text): the unit for 1 is singular: \(unit.rawValue)")
        }
        if count > 1, singular != nil {
            throw ScheduleError(.rateUnit, "\(text): the unit for \(count) is plural: \(unit.rawValue)s")
        }
        return .rate(count, unit)
    }

    private static func parseInstant(_ argument: Substring, of text: String) throws(ScheduleError) -> Timestamp {
        // Exactly yyyy-mm-ddThh:mm:ss: with the zone added it is RFC 3339, whose looser parts are ruled out here.
        let isStrict = argument.utf8.count == 19 && argument.utf8.dropFirst(10).first == UInt8(ascii: "T")
        guard isStrict, !argument.hasSuffix(":60"), let instant = Timestamp(rfc3339: argument + "Z") else {
            throw ScheduleError(
                .date, "\(text): '\(argument)' must be an existing time of the form yyyy-mm-ddThh:mm:ss, in UTC")
        }
        return instant
    }
}

/// What is wrong with a schedule expression.
public struct ScheduleError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Neither `rate(...)`, `cron(...)` nor `at(...)`, or not in the shape of one.
        case form
        case rateValue, rateUnit, date
        /// A cron expression without exactly six fields.
        case fieldCount
        /// An item of a cron field that does not parse, or that the field does not allow.
        case fieldSyntax
        /// A number outside of a cron field's range, or an unknown name.
        case fieldValue
        /// Not exactly one of the two day fields is `?`.
        case dayFields
    }

    public let code: Code
    /// The expression, the part of it that is wrong, and the fix.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}

/// The value of a run of ASCII digits; nil for anything else, signs included, and for numbers past 64 bits.
func wholeNumber(_ text: Substring) -> Int? {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    return text.utf8.allSatisfy(digits.contains) ? Int(text) : nil
}
