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
                let fields = conjunction.constraints.map { constraint in
                    let end = next + constraint.alternatives.count
                    defer { next = end }
                    // Where the branch matches, a field absent from the deciding element has matched too.
                    return field(constraint, Array(alone[next..<end]), isMatch, tree)
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
        _ constraint: Constraint, _ alone: [Bool], _ isMatch: Bool, _ event: JSON
    ) -> Explanation.Field {
        let alternatives = zip(constraint.alternatives, alone).map { alternative, holds in
            let operand = alternative.source["\(alternative.operatorName)"] ?? alternative.source
            return Explanation.Alternative(
                operatorName: alternative.operatorName, operand: operand.json.text, matches: holds)
        }
        var finder = ValueFinder()
        finder.find(constraint.path[...], in: event, place: "")
        return Explanation.Field(
            path: String(decoding: constraint.path, as: UTF8.self), matches: isMatch || alone.contains(true),
            alternatives: alternatives, values: finder.values, valueCount: finder.count,
            instead: finder.count > 0 ? nil : finder.instead)
    }
}

/// What stands at a path of an event.
private struct ValueFinder {
    private(set) var values: [Explanation.Value] = []
    private(set) var count = 0
    /// A container without a value that stands there.
    private(set) var instead: String?

    /// Looks below a place.
    /// - Parameter path: Keys joined by dots, which do not tell a key that holds dots from several keys; nil where the
    ///   place is that of the path.
    mutating func find(_ path: ArraySlice<UInt8>?, in json: JSON, place: String) {
        switch json {
        case .object(let object):
            guard let path else {
                instead = instead ?? "an object"
                return
            }
            for member in object {
                let key = Array(member.key.utf8)
                guard path.starts(with: key) else { continue }
                let rest = path.dropFirst(key.count)
                guard rest.isEmpty || rest.first == UInt8(ascii: ".") else { continue }
                let inner = place.isEmpty ? member.key : "\(place).\(member.key)"
                find(rest.isEmpty ? nil : rest.dropFirst(), in: member.value, place: inner)
            }
        case .array(let elements):
            if path == nil { instead = instead ?? (elements.isEmpty ? "an empty array" : "an array of objects") }
            for (index, element) in elements.enumerated() { find(path, in: element, place: "\(place)[\(index)]") }
        default:
            if path != nil { return }
            count += 1
            if values.count < Explanation.Field.valuesMax {
                values.append(Explanation.Value(place: place, text: json.text))
            }
        }
    }
}

extension Matcher {
    /// Reads all of an event against the first segment of a snapshot, which must outlive what is asked afterwards.
    fileprivate mutating func read(_ event: UnsafeRawBufferPointer, _ snapshot: PatternSnapshot) {
        guard let start = event.baseAddress, let part = snapshot.parts.baseAddress else { return }
        collect(start, event.count, UnsafePointer(part), stopsEarly: false)
    }
}
