internal import Core
import Testing

@testable internal import Patterns

#if DEBUG
    /// No event makes matching, and no pattern makes compiling, take more than work in proportion to its size.
    ///
    /// Steps are counted, not timed, so the verdict is the same on a busy machine. Each case is counted at one size and
    /// at eight times that; ten times the steps are allowed, since numbers have more digits, too. Anything quadratic
    /// takes sixty-four times as many.
    @Suite struct AdversarialTests {
        private static let sizes = [1250, 10_000]

        // MARK: Events

        /// Counts the steps of matching one rule against an event of each size.
        private func expectLinearMatching(
            _ text: String, matches: Bool = false, _ event: (Int) -> String
        ) throws {
            let snapshot = PatternSet([(try Pattern(parsing: text), UInt32(1))].asRules).snapshot
            for validated in [false, true] {
                try expectLinear { size in
                    var matcher = Matcher()
                    let found = try matcher.matches(Array(event(size).utf8), with: snapshot, validated: validated)
                    #expect(found.isEmpty != matches)
                    return matcher.work.steps
                }
            }
        }

        private func expectLinear(_ steps: (Int) throws -> Int) throws {
            let counts = try Self.sizes.map(steps)
            #expect(counts[0] > 0)
            #expect(counts[1] < counts[0] * 10, "\(counts)")
        }

        @Test func `Five fields over ten thousand elements that never agree`() throws {
            try expectLinearMatching(#"{"e":{"a":[1],"b":[1],"c":[1],"d":[1],"f":[1]}}"#) { size in
                // Each element satisfies four of the five fields.
                let elements = (0..<size).map { index in
                    let fields = "abcdf".enumerated().map { "\"\($1)\":\($0 == index % 5 ? 0 : 1)" }
                    return "{\(fields.joined(separator: ","))}"
                }
                return "{\"e\":[\(elements.joined(separator: ","))]}"
            }
        }

        @Test func `Arrays in arrays that never agree`() throws {
            try expectLinearMatching(#"{"e":{"a":[1],"f":{"b":[1],"c":[1]}}}"#) { size in
                let inner = [String](repeating: #"{"b":1},{"c":1}"#, count: 5).joined(separator: ",")
                let elements = [String](repeating: "{\"f\":[\(inner)],\"a\":1}", count: size / 10)
                return "{\"e\":[\(elements.joined(separator: ","))]}"
            }
        }

        @Test func `Absence within ten thousand elements`() throws {
            try expectLinearMatching(#"{"e":{"a":[1],"b":[{"exists":false}]},"f":{"g":[2],"h":[3]}}"#) { size in
                let elements = [String](repeating: #"{"a":1,"b":2}"#, count: size).joined(separator: ",")
                let others = [String](repeating: #"{"g":2},{"h":3}"#, count: size).joined(separator: ",")
                return "{\"e\":[\(elements)],\"f\":[\(others)]}"
            }
        }

        @Test func `Elements that hit every alternative of a list, each of which could try the rule again`() throws {
            try expectLinear { size in
                let alternatives = (0..<size / 10).map { "\"v\($0)\"" }.joined(separator: ",")
                let pattern = try Pattern(parsing: "{\"e\":{\"a\":[\(alternatives)],\"b\":[\"x\"]}}")
                let elements = (0..<size / 10).map { "{\"a\":\"v\($0)\",\"b\":\"y\"}" } + [#"{"b":"x"}"#]
                var matcher = Matcher()
                let event = Array("{\"e\":[\(elements.joined(separator: ","))]}".utf8)
                #expect(try matcher.matches(event, with: PatternSet([(pattern, 1)].asRules).snapshot).isEmpty)
                return matcher.work.steps
            }
        }

        @Test func `Wildcards that nearly match everywhere`() throws {
            let wildcards = #"["*aaaaaaaab*","*a*a*a*a*a*a*b*a*c","*aaaaaaaa*c"]"#
            let pattern = "{\"a\":[{\"anything-but\":{\"wildcard\":\(wildcards)}},\"x\"]}"
            // None of the excluded wildcards matches in the end.
            try expectLinearMatching(pattern, matches: true) { "{\"a\":\"\(String(repeating: "a", count: $0 * 20))\"}" }
        }

        @Test func `Operands of sixty lengths`() throws {
            for key in ["prefix", "suffix"] {
                let operands = (1...60).map { "{\"\(key)\":\"\(String(repeating: "p", count: $0))\"}" }
                try expectLinearMatching("{\"a\":[\(operands.joined(separator: ","))]}") { size in
                    let values = [String](repeating: "\"\(String(repeating: "q", count: 30))\"", count: size)
                    return "{\"a\":[\(values.joined(separator: ","))]}"
                }
            }
        }

        @Test func `Many values against many excluded ones`() throws {
            let excluded = (0..<100).map { "\"v\($0)\"" }.joined(separator: ",")
            try expectLinearMatching("{\"a\":[{\"anything-but\":[\(excluded)]}]}") { size in
                "{\"a\":[\((0..<size).map { "\"v\($0 % 100)\"" }.joined(separator: ","))]}"
            }
        }

        @Test func `Keys with dots and escapes, and numbers without end`() throws {
            try expectLinearMatching(#"{"a":{"a":{"a":[1]}}}"#) { size in
                let keys = (0..<size).map { _ in #""a.a.a.a.a\u002ea":1"# }.joined(separator: ",")
                return "{\(keys),\"a\":{\"a\":{\"a\":0.\(String(repeating: "1", count: size))}}}"
            }
        }

        // MARK: Depth

        @Test func `Arrays nested to the limit`() throws {
            let depth = Limits.jsonDepthMax - 1
            let brackets = String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth)
            let text = "{\"a\":\(brackets)}"
            let snapshot = PatternSet([(try Pattern(parsing: #"{"a":[1]}"#), UInt32(1))].asRules).snapshot
            var matcher = Matcher()
            #expect(try matcher.matches(Array(text.utf8), with: snapshot) == [1])
            #expect(throws: PatternError.self) { try matcher.matches(Array("[\(text)]".utf8), with: snapshot) }
            let deeper = "{\"a\":[\(brackets)]}"
            #expect(throws: PatternError.self) { try matcher.matches(Array(deeper.utf8), with: snapshot) }
        }

        // MARK: Rules

        @Test func `Overlapping ranges, all of which hold`() throws {
            try expectLinear { size in
                let rules = try (0..<size / 4).map { index in
                    (
                        try Pattern(parsing: "{\"a\":[{\"numeric\":[\">\",\(-index - 1),\"<\",\(index + 1)]}]}"),
                        UInt32(index)
                    )
                }
                let snapshot = PatternSet(rules.asRules).snapshot
                var matcher = Matcher()
                let event = Array(#"{"a":0}"#.utf8)
                #expect(try matcher.matches(event, with: snapshot, validated: true).count == rules.count)
                return matcher.work.steps
            }
        }

        @Test(arguments: [
            (#"{"source":["one"],"a":["v#"]}"#, #"{"source":"one","a":"v7"}"#),
            (#"{"source":["one"],"a":[{"prefix":"path/#/"}]}"#, #"{"source":"one","a":"path/7/x"}"#),
            (#"{"source":["one"],"a":[{"wildcard":"*/#/file-*"}]}"#, #"{"source":"one","a":"x/7/file-1"}"#),
            (#"{"b":[{"anything-but":["x"]}],"a":["v#"]}"#, #"{"b":"y","a":"v7"}"#),
            (#"{"b":[{"exists":true}],"a":[{"numeric":["=",#]}]}"#, #"{"b":"y","a":7}"#),
        ])
        func `What rules share costs nothing, however many there are`(rule: String, event: String) throws {
            let counts = try [10, 5000].map { count in
                let rules = try (0..<count).map {
                    (try Pattern(parsing: rule.replacing("#", with: "\($0)")), UInt32($0))
                }
                let snapshot = PatternSet(rules.asRules).snapshot
                var matcher = Matcher()
                #expect(try matcher.matches(Array(event.utf8), with: snapshot) == [7])
                return matcher.work.steps
            }
            #expect(counts[1] < counts[0] * 3, "\(counts)")
        }

        // MARK: Compiling

        @Test(arguments: [
            "#", "*#", "aaaa#*", "#*a", "*aaaaaaaa#", "*x*#y", "*aaaaaaaaaaaa*#bbbbbbbbbb",
        ])
        func `Wildcards are measured and filed in proportion to their text`(_ shape: String) throws {
            try expectLinear { size in
                let wildcards = try (0..<size / 10).map { try Wildcard(shape.replacing("#", with: "\($0)")) }
                var work = WorkCount()
                work.add(size)
                _ = WildcardComplexity.measure(wildcards, &work)
                return work.steps
            }
            try expectLinear { size in
                var builder = SegmentBuilder(seed: 1)
                for index in 0..<size / 10 {
                    let text = shape.replacing("#", with: "\(index)")
                    builder.add(try Pattern(parsing: "{\"a\":[{\"anything-but\":{\"wildcard\":\"\(text)\"}}]}"), for: 0)
                }
                _ = builder.finish()
                return builder.work.steps
            }
        }

        @Test func `A wildcard that could be live with hundreds of others is measured with few of them`() throws {
            try expectLinear { size in
                let long = String(repeating: "ab", count: size / 2)
                let others = (0..<size / 10).map { "k\($0)*b" }
                var work = WorkCount()
                _ = WildcardComplexity.measure(try (["*b\(long)"] + others).map { try Wildcard($0) }, &work)
                return work.steps
            }
        }

        @Test func `Long lists and many rules compile in proportion to their text`() throws {
            try expectLinear { size in
                let list = (0..<size).map { "\"v\($0)\",{\"prefix\":\"p\($0)\"},\($0)" }.joined(separator: ",")
                var builder = SegmentBuilder(seed: 1)
                builder.add(try Pattern(parsing: "{\"a\":[\(list)]}"), for: 0)
                for index in 0..<size / 10 {
                    let text = "{\"a\":[\"v\(index)\"],\"k\(index)\":[\"x\"]}"
                    builder.add(try Pattern(parsing: text), for: UInt32(index))
                }
                _ = builder.finish()
                return builder.work.steps
            }
        }

        @Test func `Too many combinations are refused before they are made`() throws {
            let or = #""$or":[{"a":[1]},{"b":[1]},{"c":[1]},{"d":[1]}]"#
            let fields = "xyzuvw".map { "\"\($0)\":{\(or)}" }.joined(separator: ",")
            var compiler = PatternCompiler()
            let node = try Node(parsingJSON: Array("{\(fields)}".utf8))
            let error = #expect(throws: PatternError.self) { _ = try compiler.compile(node) }
            #expect(error?.code == .tooComplex)
            #expect(compiler.work.steps < 20 * Limits.orConjunctionsMax, "\(compiler.work.steps)")
        }
    }
#endif

extension Array where Element == (Pattern, UInt32) {
    var asRules: [(pattern: Pattern, rule: UInt32)] { map { (pattern: $0.0, rule: $0.1) } }
}
