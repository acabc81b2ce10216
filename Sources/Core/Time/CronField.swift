/// The grammar that all fields of a cron expression share: lists of values, ranges and steps.
struct CronField {
    /// As error messages call it.
    let name: String
    let range: ClosedRange<Int>
    /// Three-letter names of the values, from the lowest on; in any case.
    var names: [String] = []

    static let minutes = CronField(name: "minutes", range: 0...59)
    static let hours = CronField(name: "hours", range: 0...23)
    static let dayOfMonth = CronField(name: "day-of-month", range: 1...31)
    static let months = CronField(
        name: "month", range: 1...12,
        names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"])
    static let dayOfWeek = CronField(
        name: "day-of-week", range: 1...7, names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])
    static let years = CronField(name: "year", range: 1970...2199)

    /// All values that a field's text selects, ascending.
    func values(_ text: Substring, of expression: String) throws(ScheduleError) -> [Int] {
        var values: Set<Int> = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            values.formUnion(try self.item(item, of: expression))
        }
        return values.sorted()
    }

    /// One item of a list: `*`, `a`, `a-b`, `*/n`, `a/n` or `a-b/n`.
    func item(_ item: Substring, of expression: String) throws(ScheduleError) -> [Int] {
        let parts = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var values = try span(parts[0], isOpenEnded: parts.count == 2, of: expression)
        if parts.count == 2 {
            guard let step = wholeNumber(parts[1]), step > 0 else {
                throw error(.fieldSyntax, "the step '\(parts[1])' must be a whole number from 1", expression)
            }
            values = stride(from: 0, to: values.count, by: step).map { values[$0] }
        }
        return values
    }

    /// The values of `*`, `a-b` or `a`, in the order in which a step counts them; an open-ended `a` runs to the end.
    private func span(
        _ text: Substring, isOpenEnded: Bool, of expression: String
    ) throws(ScheduleError) -> [Int] {
        if text == "*" { return Array(range) }
        let bounds = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let first = try value(bounds[0], of: expression)
        guard bounds.count == 2 else { return isOpenEnded ? Array(first...range.upperBound) : [first] }
        let last = try value(bounds[1], of: expression)
        if first <= last { return Array(first...last) }
        guard range != CronField.years.range else {
            throw error(.fieldValue, "the range '\(text)' runs backwards; write \(last)-\(first)", expression)
        }
        return Array(first...range.upperBound) + Array(range.lowerBound...last)
    }

    /// A number in the field's range, or one of its names.
    func value(_ text: Substring, of expression: String) throws(ScheduleError) -> Int {
        // Three bytes, because letters outside of ASCII may have upper-case forms inside it.
        if text.utf8.count == 3, let index = names.firstIndex(of: text.uppercased()) { return range.lowerBound + index }
        if let number = wholeNumber(text), range.contains(number) { return number }
        let alternative = names.isEmpty ? "" : ", or \(names[0])-\(names[names.count - 1])"
        throw error(
            .fieldValue, "'\(text)' must be a number from \(range.lowerBound) to \(range.upperBound)\(alternative)",
            expression)
    }

    func error(_ code: ScheduleError.Code, _ reason: String, _ expression: String) -> ScheduleError {
        ScheduleError(code, "cron(\(expression)): \(name): \(reason)")
    }
}
