internal import Core

/// Turns the tree of a pattern into conjunctions of constraints.
///
/// The unit is the flattened path: keys joined by dots, the last mention of a path replacing earlier ones. Each `$or`
/// multiplies the conjunctions there are so far by its members.
struct PatternCompiler {
    private(set) var warnings: [PatternWarning] = []
    private(set) var work = WorkCount()

    /// Bytes as a key of a dictionary. Strings will not do, which are equal in more ways than the keys of events are;
    /// arrays would, but are hashed element by element.
    private struct Text: Hashable {
        let bytes: [UInt8]

        func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
    }

    /// A conjunction being collected.
    private struct Draft {
        var constraints: [Text: [Alternative]] = [:]
        var branches: [[String]] = []
    }

    /// Where the walk is: the path of the event it stands for, and the steps inside the pattern.
    private struct Place {
        var path: [UInt8] = []
        var steps: [String] = []
        var isInsideOr = false
        private var hasField = false

        func entering(_ key: String) -> Place {
            var place = self
            if hasField { place.path.append(UInt8(ascii: ".")) }
            place.path.append(contentsOf: key.utf8)
            place.steps.append(key)
            place.hasField = true
            return place
        }
    }

    private static let envelope = [
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail", "replay-name",
    ]

    mutating func compile(_ node: Node) throws(PatternError) -> [Conjunction] {
        guard let members = node.members else {
            throw PatternError(.notAnObject, "Filter is not an object", at: node.position)
        }
        warnOfEnvelopeTypos(members)
        var drafts = [Draft()]
        try addObject(node, at: Place(), to: &drafts)
        let conjunctions = drafts.map { draft in
            let constraints = draft.constraints.sorted { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }
                .map { Constraint(path: $0.key.bytes, alternatives: $0.value) }
            return Conjunction(constraints: constraints, branches: draft.branches)
        }
        try refuseComplexWildcards(conjunctions)
        return conjunctions
    }

    private mutating func addObject(_ node: Node, at place: Place, to drafts: inout [Draft]) throws(PatternError) {
        let members = node.members ?? []
        if members.isEmpty {
            throw PatternError(
                .empty, "Empty objects are not allowed", path: place.steps, at: node.position,
                suggestion: place.steps.isEmpty ? "name at least one field, such as {\"source\": [\"...\"]}" : nil)
        }
        warnOfRepeatedKeys(members, at: place)
        for member in members {
            if member.key == "$or" {
                try addOr(member, at: place, to: &drafts)
            } else {
                try addField(member, at: place, to: &drafts)
            }
        }
    }

    private mutating func addField(
        _ member: Node.Member, at place: Place, to drafts: inout [Draft]
    ) throws(PatternError) {
        let inner = place.entering(member.key)
        if place.isInsideOr, PatternOperator.reserved.contains(member.key) {
            throw PatternError(
                .invalidOr, "\(member.key) is Ruler reserved fieldName which cannot be used inside $or.",
                path: inner.steps, at: member.keyPosition)
        }
        switch member.value.value {
        case .object: try addObject(member.value, at: inner, to: &drafts)
        case .array(let elements):
            if elements.isEmpty {
                throw PatternError(
                    .empty, "Empty arrays are not allowed", path: inner.steps, at: member.value.position,
                    suggestion: "an absent field is written [{\"exists\": false}]")
            }
            try addLeaf(elements, at: inner, position: member.keyPosition, to: &drafts)
        default:
            throw PatternError(
                .misplacedValue, "\"\(member.key)\" must be an object or an array", path: inner.steps,
                at: member.value.position, suggestion: "write the value as a list: [\(member.value.json.text)]")
        }
    }

    private mutating func addLeaf(
        _ elements: [Node], at place: Place, position: TextPosition, to drafts: inout [Draft]
    ) throws(PatternError) {
        var alternatives: [Alternative] = []
        alternatives.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            let parser = PatternOperator(steps: place.steps, index: index)
            alternatives.append(try parser.alternative(element))
        }
        warnOfList(alternatives, at: place, position: position)
        work.add(elements.count + drafts.count)
        let path = Text(bytes: place.path)
        for index in drafts.indices { drafts[index].constraints[path] = alternatives }
    }

    private mutating func refuseComplexWildcards(_ conjunctions: [Conjunction]) throws(PatternError) {
        var limit = WildcardLimit()
        defer { work.add(limit.work) }
        guard let offender = limit.offender(in: conjunctions) else { return }
        throw PatternError(
            .tooComplex,
            "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after "
                + "a wildcard character",
            path: [String(decoding: offender.path, as: UTF8.self)], at: offender.wildcard.source.position)
    }

    // MARK: $or

    private mutating func addOr(
        _ member: Node.Member, at place: Place, to drafts: inout [Draft]
    ) throws(PatternError) {
        if try addAsField(member, at: place, to: &drafts) { return }
        var inner = place
        inner.steps.append("$or")
        inner.isInsideOr = true
        guard let elements = member.value.elements else {
            throw PatternError(
                .invalidOr, "It must be an Array followed with $or.", path: inner.steps, at: member.value.position)
        }
        if elements.count < 2 {
            throw PatternError(
                .invalidOr, "There must have at least 2 Objects in $or relationship.", path: inner.steps,
                at: member.value.position)
        }
        var expanded: [Draft] = []
        for (index, element) in elements.enumerated() {
            var branch = inner
            branch.steps.append(String(index))
            guard element.members != nil else {
                throw PatternError(
                    .invalidOr, "Only JSON object is allowed in array of $or relationship.", path: branch.steps,
                    at: element.position)
            }
            var copies = drafts
            for copy in copies.indices { copies[copy].branches.append(branch.steps) }
            try addObject(element, at: branch, to: &copies)
            expanded += copies
            if expanded.count > Limits.orConjunctionsMax {
                throw PatternError(
                    .tooComplex, "Too many combinations of $or members, at most \(Limits.orConjunctionsMax)",
                    path: inner.steps, at: member.keyPosition)
            }
        }
        drafts = expanded
    }

    /// Patterns older than `$or` may use it as a field name: an object of two or more fields, or a list of two or more
    /// operators, cannot be a relationship and is still taken as that field.
    /// - Returns: Whether it was.
    private mutating func addAsField(
        _ member: Node.Member, at place: Place, to drafts: inout [Draft]
    ) throws(PatternError) -> Bool {
        let isField: Bool
        if let members = member.value.members {
            isField = members.count >= 2
        } else {
            let elements = member.value.elements ?? []
            let parser = PatternOperator(steps: [], index: 0)
            isField =
                elements.count >= 2
                && elements.allSatisfy { $0.members != nil && (try? parser.alternative($0)) != nil }
        }
        guard isField else { return false }
        warnings.append(
            PatternWarning(
                "\"$or\" is taken as the name of a field; to combine alternatives write a list of objects",
                path: place.steps + ["$or"], at: member.keyPosition))
        try addField(member, at: place, to: &drafts)
        return true
    }

    // MARK: Warnings

    private mutating func warnOfEnvelopeTypos(_ members: [Node.Member]) {
        for member in members where member.key != "$or" && !Self.envelope.contains(member.key) {
            guard let meant = Spelling.nearest(to: member.key, in: Self.envelope) else { continue }
            warnings.append(
                PatternWarning(
                    "events have no such field; did you mean \"\(meant)\"?", path: [member.key],
                    at: member.keyPosition))
        }
    }

    private mutating func warnOfRepeatedKeys(_ members: [Node.Member], at place: Place) {
        guard members.count > 1 else { return }
        var seen = Set<Text>()
        for member in members where !seen.insert(Text(bytes: Array(member.key.utf8))).inserted {
            warnings.append(
                PatternWarning(
                    "\"\(member.key)\" is repeated; the last mention of a path replaces the earlier ones",
                    path: place.steps + [member.key], at: member.keyPosition))
        }
    }

    private mutating func warnOfList(_ alternatives: [Alternative], at place: Place, position: TextPosition) {
        func warn(_ message: String) {
            warnings.append(PatternWarning(message, path: place.steps, at: position))
        }
        var anythingButs = 0
        for alternative in alternatives {
            switch alternative.test {
            case .anythingBut: anythingButs += 1
            case .exists(true) where alternatives.count > 1:
                warn("\"exists\": true makes the other alternatives of the list superfluous")
            case .holds(.network(let network)) where network.bits == 0:
                warn("a CIDR with mask /0 matches every address of its family")
            case .holds(.wildcard(let wildcard)) where wildcard.starCount == 0:
                warn("a wildcard without * matches only that very text")
            default: break
            }
        }
        if anythingButs > 1 {
            warn("several \"anything-but\" in one list match nearly everything; put the values in one of them")
        }
        if anythingButs > 0, place.path == Array("resources".utf8) {
            warn("\"anything-but\" on an array matches when any one element differs")
        }
    }
}
