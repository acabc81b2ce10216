internal import Core

extension Pattern {
    /// Says why an event does or does not match. Made by the same engine that matches, but for people: it takes
    /// some tens of microseconds.
    /// - Parameter event: JSON text of one object.
    /// - Throws: `PatternError` with `.invalidEvent`.
    public func explain(_ event: [UInt8]) throws(PatternError) -> Explanation {
        let tree: JSON
        do {
            try JSONValidator.validate(event, topLevel: .object)
            tree = try JSON(parsing: event)
        } catch {
            throw PatternError(.invalidEvent, error.message, at: error.position)
        }
        let alone = holdingAlone(event)
        var builder = SegmentBuilder(seed: 0)
        builder.add(conjunctions, for: 0)
        let snapshot = PatternSnapshot([(builder.finish(), nil)], ruleCount: 1)
        var matcher = Matcher()
        let branches = event.withUnsafeBytes { bytes in
            matcher.read(bytes, snapshot)
            var next = 0
            return conjunctions.indices.map { index in
                let conjunction = conjunctions[index]
                let isMatch = matcher.holds(UInt32(index))
                let fields = conjunction.constraints.enumerated().map { position, constraint in
                    let end = next + constraint.alternatives.count
                    defer { next = end }
                    // Where the branch matches, a field absent from the deciding element has matched too.
                    return field(constraint, Array(alone[next..<end]), isMatch, tree) {
                        matcher.values(conjunction: UInt32(index), constraint: position)
                    }
                }
                let label = conjunction.branches.map(PatternPath.display).joined(separator: ", ")
                return Explanation.Branch(label: label, matches: isMatch, fields: fields)
            }
        }
        withExtendedLifetime(snapshot) {}
        return Explanation(branches: branches)
    }

    /// Whether each alternative holds by itself, in the order of conjunctions, constraints and alternatives.
    private func holdingAlone(_ event: [UInt8]) -> [Bool] {
        var builder = SegmentBuilder(seed: 0)
        let alone = conjunctions.flatMap { conjunction in
            conjunction.constraints.flatMap { constraint in
                constraint.alternatives.map { alternative in
                    Conjunction(
                        constraints: [Constraint(path: constraint.path, alternatives: [alternative])], branches: [])
                }
            }
        }
        builder.add(alone, for: 0)
        let snapshot = PatternSnapshot([(builder.finish(), nil)], ruleCount: 1)
        var matcher = Matcher()
        return event.withUnsafeBytes { bytes in
            matcher.read(bytes, snapshot)
            defer { withExtendedLifetime(snapshot) {} }
            return alone.indices.map { matcher.holds(UInt32($0)) }
        }
    }

    private func field(
        _ constraint: Constraint, _ alone: [Bool], _ isMatch: Bool, _ event: JSON,
        _ found: () -> (texts: [String], count: Int)
    ) -> Explanation.Field {
        let (texts, count) = found()
        let alternatives = zip(constraint.alternatives, alone).map { alternative, holds in
            let operand = alternative.source["\(alternative.operatorName)"] ?? alternative.source
            return Explanation.Alternative(
                operatorName: alternative.operatorName, operand: operand.json.text, matches: holds)
        }
        let path = String(decoding: constraint.path, as: UTF8.self)
        return Explanation.Field(
            path: path, matches: isMatch || alone.contains(true), alternatives: alternatives, values: texts,
            valueCount: count,
            instead: count > 0 ? nil : Pattern.container(at: path, of: event))
    }

    /// What stands at a path that has no value.
    private static func container(at path: String, of event: JSON) -> String? {
        var place: JSON? = event
        for step in path.split(separator: ".", omittingEmptySubsequences: false) { place = place?[String(step)] }
        switch place {
        case .object: return "an object"
        case .array(let elements): return elements.isEmpty ? "an empty array" : "an array of objects"
        default: return nil
        }
    }
}

extension Matcher {
    /// Reads all of an event against the first segment of a snapshot, which must outlive what is asked afterwards.
    fileprivate mutating func read(_ event: UnsafeRawBufferPointer, _ snapshot: PatternSnapshot) {
        guard let start = event.baseAddress, let part = snapshot.parts.baseAddress else { return }
        collect(start, event.count, UnsafePointer(part), stopsEarly: false)
    }

    /// The values at a constraint's path as JSON text, the first few of them, and how many there are.
    fileprivate mutating func values(conjunction: UInt32, constraint: Int) -> (texts: [String], count: Int) {
        let index = Int(view.pointee.conjunctionStarts[conjunction]) + constraint
        let state = paths[path(of: view.pointee.constraintEntries[index])].pointee
        guard state.epoch == epoch else { return ([], 0) }
        var texts: [String] = []
        var count = 0
        var value = state.first
        while value != EventValue.none {
            if count < Explanation.Field.valuesMax { texts.append(Self.text(of: values[Int(value)])) }
            count += 1
            value = values[Int(value)].next
        }
        return (texts, count)
    }

    private static func text(of value: EventValue) -> String {
        let content = UnsafeRawBufferPointer(start: value.start, count: Int(value.length))
        var output: [UInt8] = []
        if value.kind == .string {
            JSON.writeString(content, into: &output)
        } else {
            output.append(contentsOf: content)
        }
        return String(decoding: output, as: UTF8.self)
    }
}
