public import Core
public import Patterns

/// What an edited pattern would have matched of recorded events, beside the pattern in force. Nothing is fired.
///
/// What the current rule did is found by matching its pattern as it is now, not by what was delivered then: deliveries
/// may be of an earlier version of the rule, or of a time when it was disabled.
public struct Backtest {
    /// An event that tells the patterns apart.
    public struct Example: Sendable, Hashable {
        public var id: String
        public var time: String
        public var source: String
        public var detailType: String
    }

    /// What was found so far.
    public struct Outcome: Sendable, Hashable {
        public var eventCount = 0
        public var editedCount = 0
        /// Nil where there is nothing to compare with.
        public var currentCount: Int?
        public var onlyEditedCount = 0
        public var onlyCurrentCount = 0
        /// The first of the events that only one of the patterns matches; at most `examplesMax` each.
        public var onlyEdited: [Example] = []
        public var onlyCurrent: [Example] = []

        public static let examplesMax = 20

        public init() {}
    }

    public private(set) var outcome = Outcome()
    private let scratch = MatcherScratch()
    private let patterns: PatternSnapshot
    private let hasCurrent: Bool

    private static let current: UInt32 = 0
    private static let edited: UInt32 = 1

    /// - Parameter current: The pattern in force; nil where there is none.
    public init(edited: Pattern, current: Pattern?) {
        let set = PatternSet()
        set.add(edited, for: Backtest.edited)
        if let current { set.add(current, for: Backtest.current) }
        patterns = set.snapshot
        hasCurrent = current != nil
        if hasCurrent { outcome.currentCount = 0 }
    }

    /// Matches one event.
    /// - Parameters:
    ///   - event: A JSON object.
    ///   - validated: Whether that is known.
    /// - Throws: `PatternError` `.invalidEvent`; it is then not counted.
    public mutating func add(_ event: UnsafeRawBufferPointer, validated: Bool) throws(PatternError) {
        var matchesEdited = false
        var matchesCurrent = false
        try scratch.match(event, validated: validated, with: patterns) { number in
            if number == Backtest.edited { matchesEdited = true } else { matchesCurrent = true }
        }
        outcome.eventCount += 1
        if matchesEdited { outcome.editedCount += 1 }
        guard hasCurrent else { return }
        if matchesCurrent { outcome.currentCount = (outcome.currentCount ?? 0) + 1 }
        if matchesEdited == matchesCurrent { return }
        if matchesEdited {
            outcome.onlyEditedCount += 1
            if outcome.onlyEdited.count < Outcome.examplesMax { outcome.onlyEdited.append(Example(event)) }
        } else {
            outcome.onlyCurrentCount += 1
            if outcome.onlyCurrent.count < Outcome.examplesMax { outcome.onlyCurrent.append(Example(event)) }
        }
    }
}

extension Backtest.Outcome {
    /// The members that `BacktestPattern` answers.
    public var json: JSON {
        var json: JSON = ["EventCount": .integer(eventCount), "EditedCount": .integer(editedCount)]
        guard let currentCount else { return json }
        json["CurrentCount"] = .integer(currentCount)
        json["OnlyEditedCount"] = .integer(onlyEditedCount)
        json["OnlyCurrentCount"] = .integer(onlyCurrentCount)
        json["OnlyEdited"] = .array(onlyEdited.map(\.json))
        json["OnlyCurrent"] = .array(onlyCurrent.map(\.json))
        return json
    }

    /// Reads what `json` writes.
    public init(json: JSON) {
        eventCount = json["EventCount"]?.int ?? 0
        editedCount = json["EditedCount"]?.int ?? 0
        currentCount = json["CurrentCount"]?.int
        onlyEditedCount = json["OnlyEditedCount"]?.int ?? 0
        onlyCurrentCount = json["OnlyCurrentCount"]?.int ?? 0
        onlyEdited = (json["OnlyEdited"]?.array ?? []).map(Backtest.Example.init(json:))
        onlyCurrent = (json["OnlyCurrent"]?.array ?? []).map(Backtest.Example.init(json:))
    }

    /// Adds what was found in events that follow.
    public mutating func add(_ more: Backtest.Outcome) {
        eventCount += more.eventCount
        editedCount += more.editedCount
        if let count = more.currentCount { currentCount = (currentCount ?? 0) + count }
        onlyEditedCount += more.onlyEditedCount
        onlyCurrentCount += more.onlyCurrentCount
        onlyEdited = Array((onlyEdited + more.onlyEdited).prefix(Self.examplesMax))
        onlyCurrent = Array((onlyCurrent + more.onlyCurrent).prefix(Self.examplesMax))
    }
}

extension Backtest.Example {
    fileprivate init(_ event: UnsafeRawBufferPointer) { self.init(json: (try? JSON(parsing: Array(event))) ?? .null) }

    fileprivate init(json: JSON) {
        id = json["id"]?.string ?? ""
        time = json["time"]?.string ?? ""
        source = json["source"]?.string ?? ""
        detailType = json["detail-type"]?.string ?? ""
    }

    fileprivate var json: JSON {
        [
            "id": .string(id), "time": .string(time), "source": .string(source), "detail-type": .string(detailType),
        ]
    }
}
