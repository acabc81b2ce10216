internal import Core
internal import Foundation
@testable internal import Patterns
import TestSupport
import Testing

/// The engine against the naive matcher, on random patterns and events.
///
/// `OPSBUS_FUZZ_PAIRS` sets the number of pairs of the long run (a million, say); `OPSBUS_FUZZ_SEED` replays one.
@Suite struct DifferentialTests {
    private static let environment = ProcessInfo.processInfo.environment

    static let seed = environment["OPSBUS_FUZZ_SEED"].flatMap { UInt64($0) } ?? 20_261_123
    static let pairs = environment["OPSBUS_FUZZ_PAIRS"].flatMap { Int($0) } ?? 4_000

    @Test(arguments: [false, true])
    func `The engine and the naive matcher agree`(hasOddKeys: Bool) throws {
        var vocabulary = Vocabulary(generator: SeededGenerator(seed: Self.seed), hasOddKeys: hasOddKeys)
        var matcher = Matcher()
        var validator = JSONValidator()
        var pairs = 0
        var matches = 0
        while pairs < Self.pairs / 2 {
            let patterns = (0..<20).map { _ in vocabulary.pattern() }
            let set = PatternSet()
            var accepted: [Int] = []
            for (index, json) in patterns.enumerated() {
                // Random wildcards may be malformed or too complex.
                guard let pattern = try? Pattern(parsing: json.text) else { continue }
                accepted.append(index)
                set.add(pattern, for: UInt32(index))
            }
            for _ in 0..<20 {
                let event = vocabulary.event()
                let bytes = event.bytes
                let expected = accepted.filter { NaiveMatcher.matches(pattern: patterns[$0], event: event) }
                let found = try matcher.matches(bytes, with: set.snapshot).map(Int.init)
                try #require(
                    found == expected,
                    "seed \(Self.seed): \(Self.difference(found, expected, patterns)) on \(event.text)")
                let mayStopEarly = try bytes.withUnsafeBytes { try validator.validateEvent($0) }
                let early = try matcher.matches(bytes, with: set.snapshot, validated: mayStopEarly).map(Int.init)
                try #require(early == expected, "seed \(Self.seed), stopping early, on \(event.text)")
                pairs += accepted.count
                matches += expected.count
            }
        }
        // The vocabulary is meant to make both outcomes common.
        #expect(matches * 50 > pairs && matches * 2 < pairs, "\(matches) of \(pairs) matched")
    }

    @Test func `Lists of numbers close to each other and to the bounds of ranges`() throws {
        var vocabulary = Vocabulary(generator: SeededGenerator(seed: Self.seed &+ 2))
        func number() -> String {
            let digits = Int.random(in: 0...3, using: &vocabulary.generator)
            return "-122.41600944012\(["424", "4241", "42410", "5", "0", "4240000000001"][digits])"
        }
        // Operands have to be numbers that doubles keep.
        func operand() -> String { "-122.41600944012\(vocabulary.pick(["424", "42", "5", "0"]))" }
        func coordinates() -> String {
            let lists = (0..<4).map { _ in
                "[\((0..<6).map { _ in "{\"x\":\(number()),\"y\":\(number())}" }.joined(separator: ","))]"
            }
            let plain = (0..<6).map { _ in number() }.joined(separator: ",")
            return #"{"p":[\#(lists.joined(separator: ","))],"x":[\#(plain)],"y":\#(number())}"#
        }
        var matcher = Matcher()
        for _ in 0..<100 {
            let set = PatternSet()
            let patterns = try (0..<12).map { _ in
                let sign = vocabulary.pick(["<", "<=", ">", ">=", "="])
                let test = #"[{"numeric":["\#(sign)",\#(operand())]}]"#
                let other = #"[{"numeric":["\#(vocabulary.pick(["<", ">"]))",\#(operand())]}]"#
                let shape = vocabulary.pick([
                    #"{"x":T}"#, #"{"p":{"x":T}}"#, #"{"p":{"x":T,"y":O}}"#, #"{"x":T,"y":O}"#, #"{"p":{"x":T},"x":O}"#,
                ])
                return try JSON(
                    parsing: shape.replacing("T", with: test).replacing("O", with: other))
            }
            for (index, pattern) in patterns.enumerated() {
                set.add(try Pattern(parsing: pattern.text), for: UInt32(index))
            }
            for _ in 0..<10 {
                let event = try JSON(parsing: coordinates())
                let expected = patterns.indices.filter { NaiveMatcher.matches(pattern: patterns[$0], event: event) }
                for validated in [false, true] {
                    let found = try matcher.matches(event.bytes, with: set.snapshot, validated: validated)
                        .map(Int.init)
                    let difference = Self.difference(found, expected, patterns)
                    try #require(found == expected, "seed \(Self.seed): \(difference) on \(event.text)")
                }
            }
        }
    }

    /// Scalars between the elements of arrays, and absence: what a value around an array satisfies, no element must.
    @Test func `Arrays that hold scalars and objects at the paths of one pattern`() throws {
        var vocabulary = Vocabulary(generator: SeededGenerator(seed: Self.seed &+ 3))
        func tests() -> String {
            vocabulary.pick([
                "[1]", "[2]", "[1,{\"exists\":false}]", "[{\"exists\":false}]", "[{\"anything-but\":[1]}]",
                "[{\"anything-but\":[2]},{\"exists\":false}]", "[{\"numeric\":[\">\",1]}]",
            ])
        }
        func value(_ depth: Int) -> String {
            let shape = depth > 3 ? 0 : Int.random(in: 0..<6, using: &vocabulary.generator)
            if shape < 2 { return vocabulary.pick(["1", "2", "null"]) }
            if shape < 4 {
                let count = Int.random(in: 0...3, using: &vocabulary.generator)
                return "[\((0..<count).map { _ in value(depth + 1) }.joined(separator: ","))]"
            }
            return object(depth + 1)
        }
        func object(_ depth: Int) -> String {
            let keys = ["k", "l"].filter { _ in vocabulary.chance(75) }
            return "{\(keys.map { "\"\($0)\":\(value(depth))" }.joined(separator: ","))}"
        }
        let paths = ["k", "k.k", "k.k.k", "k.k.l", "k.l", "l", "l.k"]
        var matcher = Matcher()
        var matches = 0
        for _ in 0..<Self.pairs / 8 {
            let chosen = paths.filter { _ in vocabulary.chance(45) }
            if chosen.isEmpty { continue }
            let fields = chosen.map { "\"\($0)\":\(tests())" }.joined(separator: ",")
            let json = try JSON(parsing: "{\(fields)}")
            let set = PatternSet([(try Pattern(parsing: json.text), UInt32(0))].asRules)
            for _ in 0..<8 {
                let event = try JSON(parsing: object(0))
                let expected = NaiveMatcher.matches(pattern: json, event: event)
                let found = try !matcher.matches(event.bytes, with: set.snapshot).isEmpty
                try #require(found == expected, "seed \(Self.seed): \(json.text) on \(event.text)")
                matches += found ? 1 : 0
            }
        }
        #expect(matches > 0)
    }

    @Test func `An explanation agrees with the engine`() throws {
        var vocabulary = Vocabulary(generator: SeededGenerator(seed: Self.seed &+ 1))
        for _ in 0..<300 {
            let json = vocabulary.pattern()
            guard let pattern = try? Pattern(parsing: json.text) else { continue }
            let event = vocabulary.event()
            let explanation = try pattern.explain(event.bytes)
            try #require(
                explanation.matches == NaiveMatcher.matches(pattern: json, event: event), "\(json) on \(event)")
            for branch in explanation.branches {
                let fields = try Self.pattern(branch.fields)
                try #require(
                    branch.matches == NaiveMatcher.matches(pattern: fields, event: event),
                    "\(branch) of \(json.text) on \(event.text)")
                for field in branch.fields {
                    for alternative in field.alternatives {
                        let alone: JSON = [field.path: .array([try Self.member(alternative)])]
                        try #require(
                            alternative.matches == NaiveMatcher.matches(pattern: alone, event: event),
                            "\(alone.text) of \(json.text) on \(event.text)")
                    }
                    let isMatch = branch.matches || field.alternatives.contains { $0.matches }
                    #expect(field.matches == isMatch)
                    #expect(field.values.count == min(field.valueCount, Explanation.Field.valuesMax))
                    let found = NaiveMatcher.values(at: field.path, of: event).map(\.text)
                    try #require(found.count == field.valueCount && found.starts(with: field.values.map(\.text)))
                }
            }
        }
    }

    /// The pattern that an explanation's fields were.
    private static func pattern(_ fields: [Explanation.Field]) throws -> JSON {
        let members = try fields.map { field in
            JSONObject.Member(key: field.path, value: .array(try field.alternatives.map(member)))
        }
        return .object(JSONObject(members))
    }

    private static func member(_ alternative: Explanation.Alternative) throws -> JSON {
        // JSON texts are containers here.
        let operand = try JSON(parsing: "[\(alternative.operand)]")[0] ?? .null
        return alternative.operatorName == "equals" ? operand : [alternative.operatorName: operand]
    }

    private static func difference(_ found: [Int], _ expected: [Int], _ patterns: [JSON]) -> String {
        let index = Set(found).symmetricDifference(expected).min() ?? 0
        return "\(found.contains(index) ? "matched" : "missed") \(patterns[index].text)"
    }
}
