internal import Core

/// One test of one scalar of an event; the unit that is interned, indexed and hit.
enum Predicate: Hashable, Sendable {
    case string([UInt8])
    /// By place in numeric order.
    case number(UInt64)
    /// By spelling, for numbers no double holds.
    case numberText([UInt8])
    case literal(Literal)
    case prefix([UInt8])
    case suffix([UInt8])
    /// ASCII operands in lower case; others are `foldedText`.
    case folded([UInt8])
    case foldedPrefix([UInt8])
    case foldedSuffix([UInt8])
    case foldedText(FoldedText)
    case wildcard(Wildcard)
    /// Places in numeric order, both inclusive.
    case range(low: UInt64, high: UInt64)
    case network(IPNetwork)

    enum Literal: UInt8, Sendable {
        case isTrue, isFalse, isNull
    }
}

/// One member of the list at a leaf of a pattern.
struct Alternative: Sendable {
    enum Test: Hashable, Sendable {
        case holds(Predicate)
        /// Some value at the path is hit by none of these.
        case anythingBut([Predicate])
        case exists(Bool)
    }

    let test: Test
    /// Operator for messages: `equals`, `prefix`, `anything-but`, and so on.
    let operatorName: String
    /// The member as written.
    let source: Node
}

/// What a conjunction demands of one path: any of the alternatives.
struct Constraint: Sendable {
    /// Keys joined by dots.
    let path: [UInt8]
    let alternatives: [Alternative]
}

/// Constraints that must hold together, ordered by path. A pattern with `$or` has several conjunctions.
struct Conjunction: Sendable {
    let constraints: [Constraint]
    /// The branch taken at each `$or`, outermost first, as keys and indexes inside the pattern.
    let branches: [[String]]
}
