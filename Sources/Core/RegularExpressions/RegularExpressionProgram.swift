/// A regular expression as instructions for a backtracking machine.
struct RegularExpressionProgram: Sendable {
    indirect enum Instruction: Sendable {
        case scalar(ScalarSet)
        /// Scalars of one set, as many as the range allows.
        case run(ScalarSet, ClosedRange<Int>, RegularExpression.Greed)
        /// Goes on at the first, and at the second should that fail.
        case split(Int, Int)
        case jump(Int)
        /// Stores the position in a slot.
        case save(Int)
        /// Fails where the position is still the one in the slot: a repetition that matched nothing.
        case failUnlessMoved(Int)
        case look(RegularExpressionProgram, ahead: Bool, positive: Bool)
        case atomic(RegularExpressionProgram)
        case start(ofLine: Bool)
        case end(beforeLastLineFeed: Bool, ofLine: Bool)
        case wordBoundary(Bool)
        case backReference(Int)
        case match
    }

    private(set) var instructions: [Instruction] = []
    /// Two for each group, from the first; then one for each repetition of something that may be empty.
    private(set) var slotCount: Int
    /// Instructions so far, those of the parts and of the programs around included.
    private var size = 0

    /// Whether a match can begin at the start of the text only.
    var isAnchored: Bool {
        if case .start(ofLine: false)? = instructions.first { true } else { false }
    }

    init(_ root: RegularExpression.Element, groupCount: Int) throws(RegularExpressionError) {
        slotCount = 2 * (groupCount + 1)
        try compile(root)
        try emit(.match)
    }

    /// A part that runs on its own, with the slots of the whole.
    private init(part: RegularExpression.Element, of whole: Self) throws(RegularExpressionError) {
        slotCount = whole.slotCount
        size = whole.size
        try compile(part)
        try emit(.match)
    }

    private mutating func emit(_ instruction: Instruction) throws(RegularExpressionError) {
        guard size < RegularExpression.instructionsMax else {
            throw RegularExpressionError(message: "the expression repeats groups too often", character: 1)
        }
        size += 1
        instructions.append(instruction)
    }

    private mutating func part(_ element: RegularExpression.Element) throws(RegularExpressionError) -> Self {
        let part = try Self(part: element, of: self)
        slotCount = part.slotCount
        size = part.size
        return part
    }

    private mutating func compile(_ element: RegularExpression.Element) throws(RegularExpressionError) {
        switch element {
        case .scalars(let set): try emit(.scalar(set))
        case .sequence(let elements): for element in elements { try compile(element) }
        case .alternatives(let branches): try compile(alternatives: branches)
        case .repetition(let element, let range, .possessive):
            try emit(.atomic(try part(.repetition(element, range, .greedy))))
        case .repetition(.scalars(let set), let range, let greed): try emit(.run(set, range, greed))
        case .repetition(let element, let range, let greed): try compile(element, range, greed)
        case .group(let element, let capture):
            try emit(.save(2 * capture))
            try compile(element)
            try emit(.save(2 * capture + 1))
        case .look(let element, let ahead, let positive):
            try emit(.look(try part(element), ahead: ahead, positive: positive))
        case .atomic(let element): try emit(.atomic(try part(element)))
        case .start(let ofLine): try emit(.start(ofLine: ofLine))
        case .end(let beforeLastLineFeed, let ofLine):
            try emit(.end(beforeLastLineFeed: beforeLastLineFeed, ofLine: ofLine))
        case .wordBoundary(let wanted): try emit(.wordBoundary(wanted))
        case .backReference(let number): try emit(.backReference(number))
        }
    }

    private mutating func compile(alternatives branches: [RegularExpression.Element]) throws(RegularExpressionError) {
        var ends: [Int] = []
        for (index, branch) in branches.enumerated() {
            guard index < branches.count - 1 else {
                try compile(branch)
                break
            }
            let split = instructions.count
            try emit(.split(split + 1, 0))
            try compile(branch)
            ends.append(instructions.count)
            try emit(.jump(0))
            instructions[split] = .split(split + 1, instructions.count)
        }
        for end in ends { instructions[end] = .jump(instructions.count) }
    }

    /// Copies for the count that must be there, then a loop, or as many optional copies as are left.
    private mutating func compile(
        _ element: RegularExpression.Element, _ range: ClosedRange<Int>, _ greed: RegularExpression.Greed
    ) throws(RegularExpressionError) {
        for _ in 0..<range.lowerBound {
            let before = instructions.count
            try compile(element)
            // What takes no instruction matches nothing, however often.
            if instructions.count == before { break }
        }
        if range.upperBound == .max {
            let slot = slotCount
            slotCount += 1
            let split = instructions.count
            try emit(.split(0, 0))
            try emit(.save(slot))
            try compile(element)
            try emit(.failUnlessMoved(slot))
            try emit(.jump(split))
            instructions[split] = branch(split + 1, instructions.count, greed)
            return
        }
        var splits: [Int] = []
        for _ in range.lowerBound..<range.upperBound {
            splits.append(instructions.count)
            try emit(.split(0, 0))
            try compile(element)
        }
        for split in splits { instructions[split] = branch(split + 1, instructions.count, greed) }
    }

    private func branch(_ into: Int, _ past: Int, _ greed: RegularExpression.Greed) -> Instruction {
        greed == .lazy ? .split(past, into) : .split(into, past)
    }
}
