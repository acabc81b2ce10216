internal import Core
@testable internal import Patterns
import TestSupport
import Testing

@Suite struct PatternSetTests {
    private func pattern(_ value: Int) throws -> Pattern { try Pattern(parsing: "{\"a\":[\"v\(value)\",\"all\"]}") }

    private func matches(_ text: String, _ set: PatternSet) throws -> [UInt32] {
        var matcher = Matcher()
        return try matcher.matches(Array(text.utf8), with: set.snapshot)
    }

    @Test func `Added, replaced and removed rules are those that match`() throws {
        let set = PatternSet()
        var expected: [UInt32: Int] = [:]
        var generator = SeededGenerator(seed: 7)
        for step in 0..<3000 {
            let rule = UInt32.random(in: 0..<400, using: &generator)
            if Bool.random(using: &generator) || step < 300 {
                let value = Int.random(in: 0..<50, using: &generator)
                set.add(try pattern(value), for: rule)
                expected[rule] = value
            } else {
                #expect(set.remove(rule) == (expected.removeValue(forKey: rule) != nil))
            }
            if step % 100 == 0 {
                #expect(try matches(#"{"a":"all"}"#, set) == expected.keys.sorted())
                #expect(try matches(#"{"a":"v7"}"#, set) == expected.filter { $0.value == 7 }.keys.sorted())
                #expect(set.count == expected.count)
                #expect(set.snapshot.ruleCount == expected.count)
            }
        }
        for rule in expected.keys { set.remove(rule) }
        #expect(try matches(#"{"a":"all"}"#, set).isEmpty)
    }

    @Test func `A snapshot stays as it was`() throws {
        let set = PatternSet()
        set.add(try pattern(1), for: 1)
        let before = set.snapshot
        set.remove(1)
        set.add(try pattern(1), for: 2)
        var matcher = Matcher()
        #expect(try matcher.matches(Array(#"{"a":"v1"}"#.utf8), with: before) == [1])
        #expect(try matcher.matches(Array(#"{"a":"v1"}"#.utf8), with: set.snapshot) == [2])
    }

    @Test func `Of a rule given twice at once the last pattern counts`() throws {
        let set = PatternSet([(try pattern(1), UInt32(5)), (try pattern(2), UInt32(5))].asRules)
        #expect(try matches(#"{"a":"v1"}"#, set).isEmpty)
        #expect(try matches(#"{"a":"v2"}"#, set) == [5])
    }

    @Test func `Readers and a writer work at once`() async throws {
        let set = PatternSet()
        let patterns = try (0..<50).map { try pattern($0) }
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for round in 0..<400 { set.add(patterns[round % 50], for: UInt32(round % 120)) }
                return true
            }
            for _ in 0..<2 {
                group.addTask {
                    var matcher = Matcher()
                    for _ in 0..<400 {
                        let snapshot = set.snapshot
                        let found = try? matcher.matches(Array(#"{"a":"all"}"#.utf8), with: snapshot)
                        if found?.count != snapshot.ruleCount { return false }
                    }
                    return true
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test func `A malformed event throws and a validated one may end early`() throws {
        let set = PatternSet([(try pattern(1), UInt32(1))].asRules)
        let broken = Array(#"{"a":"v1","b":oops}"#.utf8)
        var matcher = Matcher()
        let error = #expect(throws: PatternError.self) { try matcher.matches(broken, with: set.snapshot) }
        #expect(error?.code == .invalidEvent)
        #expect(error?.position == TextPosition(line: 1, column: 15))
        #expect(try matcher.matches(broken, with: set.snapshot, validated: true) == [1])
    }
}
