/// Runs a program on one text, with its choices on a stack of its own so that no text is too long for it.
struct RegularExpressionMatcher {
    private let text: [UInt32]
    private let program: RegularExpressionProgram
    private var slots: [Int]
    private var stepsLeft: Int

    /// What to try, or to undo, once the present way fails.
    private enum Choice {
        case goOn(at: Int, position: Int)
        case restore(slot: Int, value: Int)
        /// Ends that a greedy run may still give back to.
        case shorter(at: Int, ends: ClosedRange<Int>)
        /// Ends that a lazy run may still reach.
        case longer(at: Int, ends: ClosedRange<Int>)
    }

    init(_ text: String, _ program: RegularExpressionProgram, stepsMax: Int) {
        self.text = text.unicodeScalars.map(\.value)
        self.program = program
        slots = Array(repeating: -1, count: program.slotCount)
        stepsLeft = stepsMax
    }

    /// Whether some part of the text matches; nil where the steps did not suffice.
    mutating func search() -> Bool? {
        for start in 0...(program.isAnchored ? 0 : text.count) {
            if run(program, at: start) != nil { return true }
            if stepsLeft <= 0 { return nil }
            for slot in slots.indices { slots[slot] = -1 }
        }
        return false
    }

    /// The end of a match that begins at `start`, and ends at `wantedEnd` where one is given.
    private mutating func run(_ program: RegularExpressionProgram, at start: Int, wantedEnd: Int? = nil) -> Int? {
        var choices: [Choice] = []
        var counter = 0
        var position = start
        while true {
            stepsLeft -= 1
            if stepsLeft <= 0 { return nil }
            var isAlive = true
            switch program.instructions[counter] {
            case .match:
                if wantedEnd == nil || wantedEnd == position { return position }
                isAlive = false
            case .scalar(let set):
                isAlive = position < text.count && set.contains(text[position])
                position += 1
            case .run(let set, let range, let greed):
                isAlive = take(set, range, greed, next: counter + 1, &position, &choices)
            case .split(let first, let second):
                choices.append(.goOn(at: second, position: position))
                counter = first - 1
            case .jump(let target): counter = target - 1
            case .save(let slot):
                choices.append(.restore(slot: slot, value: slots[slot]))
                slots[slot] = position
            case .failUnlessMoved(let slot): isAlive = slots[slot] != position
            case .look(let part, let ahead, let positive):
                let found = ahead ? run(part, at: position) != nil : looksBehind(part, position)
                isAlive = found == positive
            case .atomic(let part):
                let end = run(part, at: position)
                isAlive = end != nil
                position = end ?? position
            case .start(let ofLine): isAlive = position == 0 || ofLine && text[position - 1] == 0x0A
            case .end(let beforeLastLineFeed, let ofLine):
                isAlive =
                    position == text.count || ofLine && text[position] == 0x0A
                    || beforeLastLineFeed && position == text.count - 1 && text[position] == 0x0A
            case .wordBoundary(let wanted): isAlive = (isWord(position - 1) != isWord(position)) == wanted
            case .backReference(let number): isAlive = repeats(number, &position)
            }
            counter += 1
            if !isAlive {
                guard let choice = nextChoice(&choices) else { return nil }
                (counter, position) = choice
            }
        }
    }

    private mutating func take(
        _ set: ScalarSet, _ range: ClosedRange<Int>, _ greed: RegularExpression.Greed, next: Int, _ position: inout Int,
        _ choices: inout [Choice]
    ) -> Bool {
        let highest = range.upperBound < text.count - position ? position + range.upperBound : text.count
        var end = position
        while end < highest, set.contains(text[end]) { end += 1 }
        stepsLeft -= end - position
        let lowest = position + min(range.lowerBound, text.count + 1)
        guard end >= lowest else { return false }
        position = greed == .lazy ? lowest : end
        if end > lowest {
            choices.append(
                greed == .lazy
                    ? .longer(at: next, ends: lowest + 1...end) : .shorter(at: next, ends: lowest...end - 1))
        }
        return true
    }

    private mutating func nextChoice(_ choices: inout [Choice]) -> (counter: Int, position: Int)? {
        while let choice = choices.popLast() {
            switch choice {
            case .goOn(let counter, let position): return (counter, position)
            case .restore(let slot, let value): slots[slot] = value
            case .shorter(let counter, let ends):
                if ends.count > 1 { choices.append(.shorter(at: counter, ends: ends.lowerBound...ends.upperBound - 1)) }
                return (counter, ends.upperBound)
            case .longer(let counter, let ends):
                if ends.count > 1 { choices.append(.longer(at: counter, ends: ends.lowerBound + 1...ends.upperBound)) }
                return (counter, ends.lowerBound)
            }
        }
        return nil
    }

    private mutating func looksBehind(_ part: RegularExpressionProgram, _ end: Int) -> Bool {
        for start in stride(from: end, through: 0, by: -1) where run(part, at: start, wantedEnd: end) != nil {
            return true
        }
        return false
    }

    private func isWord(_ position: Int) -> Bool {
        text.indices.contains(position) && ScalarSet.word.contains(text[position])
    }

    private func repeats(_ group: Int, _ position: inout Int) -> Bool {
        let (start, end) = (slots[2 * group], slots[2 * group + 1])
        guard start >= 0, end >= start, text.count - position >= end - start else { return false }
        let isSame = text[start..<end].elementsEqual(text[position..<position + end - start])
        position += end - start
        return isSame
    }
}
