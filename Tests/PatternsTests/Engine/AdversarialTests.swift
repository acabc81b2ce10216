internal import Core
import Testing

@testable internal import Patterns

/// No input makes matching or compiling take more than time in proportion to its size.
///
/// Each test compares a size with one eight times as large: ten times the time is allowed for noise, where anything
/// quadratic takes sixty-four.
@Suite(.serialized) struct AdversarialTests {
    @Test func `Five fields over ten thousand elements that never agree`() throws {
        let pattern = #"{"e":{"a":[1],"b":[1],"c":[1],"d":[1],"f":[1]}}"#
        try expectLinear(pattern) { size in
            // Each element satisfies four of the five fields.
            let elements = (0..<size).map { index in
                "{" + "abcdf".enumerated().map { "\"\($1)\":\($0 == index % 5 ? 0 : 1)" }.joined(separator: ",") + "}"
            }
            return "{\"e\":[\(elements.joined(separator: ","))]}"
        }
    }

    @Test func `Absence within ten thousand elements`() throws {
        try expectLinear(#"{"e":{"a":[1],"b":[{"exists":false}]},"f":{"g":[2],"h":[3]}}"#) { size in
            let elements = [String](repeating: #"{"a":1,"b":2}"#, count: size).joined(separator: ",")
            let others = [String](repeating: #"{"g":2},{"h":3}"#, count: size).joined(separator: ",")
            return "{\"e\":[\(elements)],\"f\":[\(others)]}"
        }
    }

    @Test func `Wildcards that nearly match everywhere`() throws {
        let pattern = #"{"a":[{"anything-but":{"wildcard":["*aaaaaaaab*","*a*a*a*a*a*a*b*a*c","*aaaaaaaa*c"]}},"x"]}"#
        // None of the excluded wildcards matches in the end.
        try expectLinear(pattern, matches: true) { "{\"a\":\"\(String(repeating: "a", count: $0 * 20))\"}" }
    }

    @Test func `Operands of sixty lengths`() throws {
        let lengths = (1...60).map { "{\"prefix\":\"\(String(repeating: "p", count: $0))\"}" }.joined(separator: ",")
        try expectLinear("{\"a\":[\(lengths)]}") { "{\"a\":\"\(String(repeating: "q", count: $0 * 20))\"}" }
    }

    @Test func `Arrays nested to the limit`() throws {
        let depth = Limits.jsonDepthMax - 1
        let text = "{\"a\":" + String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth) + "}"
        let snapshot = PatternSet([(try Pattern(parsing: #"{"a":[1]}"#), UInt32(1))].asRules).snapshot
        var matcher = Matcher()
        #expect(try matcher.matches(Array(text.utf8), with: snapshot) == [1])
        #expect(throws: PatternError.self) { try matcher.matches(Array("[\(text)]".utf8), with: snapshot) }
        let deeper = "{\"a\":[" + text.dropFirst(5).dropLast() + "]}"
        #expect(throws: PatternError.self) { try matcher.matches(Array(deeper.utf8), with: snapshot) }
    }

    @Test func `Overlapping ranges and thousands of rules on one value`() throws {
        var times: [Duration] = []
        for count in [500, 4000] {
            let rules = try (0..<count).map { index in
                (
                    try Pattern(parsing: "{\"a\":[{\"numeric\":[\">\",\(-index - 1),\"<\",\(index + 1)]}]}"),
                    UInt32(index)
                )
            }
            let snapshot = PatternSet(rules.asRules).snapshot
            var matcher = Matcher()
            var found = 0
            times.append(
                try fastest {
                    found = try matcher.matches(Array(#"{"a":0}"#.utf8), with: snapshot, validated: true).count
                })
            #expect(found == count)
        }
        #expect(times[1] < times[0] * 40, "\(times)")
    }

    @Test func `Too many combinations are refused quickly`() throws {
        let or = #""$or":[{"a":[1]},{"b":[1]},{"c":[1]},{"d":[1]}]"#
        let text = "{\"x\":{\(or)},\"y\":{\(or)},\"z\":{\(or)},\"u\":{\(or)},\"v\":{\(or)},\"w\":{\(or)}}"
        let error = #expect(throws: PatternError.self) { _ = try Pattern(parsing: text) }
        #expect(error?.code == .tooComplex)
    }

    private func expectLinear(_ text: String, matches: Bool = false, _ event: (Int) -> String) throws {
        let snapshot = PatternSet([(try Pattern(parsing: text), UInt32(1))].asRules).snapshot
        var matcher = Matcher()
        let times = try [1250, 10_000].map { (size) -> Duration in
            let bytes = Array(event(size).utf8)
            var found: [UInt32] = []
            let time = try fastest { found = try matcher.matches(bytes, with: snapshot, validated: true) }
            #expect(found.isEmpty != matches)
            return time
        }
        #expect(times[1] < times[0] * 24, "\(times)")
    }

    private func fastest(_ body: () throws -> Void) throws -> Duration {
        var best = Duration.seconds(1000)
        for _ in 0..<5 { best = min(best, try ContinuousClock().measure(body)) }
        return best
    }
}

extension Array where Element == (Pattern, UInt32) {
    var asRules: [(pattern: Pattern, rule: UInt32)] { map { (pattern: $0.0, rule: $0.1) } }
}
