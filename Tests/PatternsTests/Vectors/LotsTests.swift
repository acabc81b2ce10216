internal import Core
internal import Foundation
@testable internal import Patterns
import Testing

/// A sample of the benchmark's records with the benchmark's rules; the numbers of matches were counted by a program of
/// a few lines in another language.
@Suite struct LotsTests {
    struct RuleSet: CustomTestStringConvertible, Sendable {
        let name: String
        let rules: [JSON]

        var testDescription: String { name }

        static func all() throws -> [RuleSet] {
            let json = try JSON(parsing: VectorFiles.bytes("lots-rules.json"))
            let plain = (json["sets"]?.object?.members ?? []).map { set in
                RuleSet(name: set.key, rules: set.value.array ?? [])
            }
            let combined = (json["combos"]?.object?.members ?? []).map { combo in
                let parts = combo.value.array?.compactMap(\.string) ?? []
                return RuleSet(name: combo.key, rules: parts.flatMap { json["sets"]?[$0]?.array ?? [] })
            }
            return plain + combined
        }
    }

    @Test(arguments: try RuleSet.all())
    func `Each rule matches as many records as it should`(_ set: RuleSet) throws {
        let rules = try set.rules.enumerated().map { index, rule in
            (try Pattern(parsing: rule["pattern"]?.text ?? ""), UInt32(index))
        }
        let snapshot = PatternSet(rules.asRules).snapshot
        var matcher = Matcher()
        var validator = JSONValidator()
        for stopsEarly in [false, true] {
            var counts = [Int](repeating: 0, count: rules.count)
            for line in VectorFiles.bytes("lots-sample.jsonl").split(separator: UInt8(ascii: "\n")) {
                let record = Array(line)
                #expect(try record.withUnsafeBytes { try validator.validateEvent($0) })
                for rule in try matcher.matches(record, with: snapshot, validated: stopsEarly) {
                    counts[Int(rule)] += 1
                }
            }
            #expect(counts == set.rules.map { $0["matches"]?.int ?? -1 })
        }
    }

    @Test func `All sets are there`() throws {
        #expect(try RuleSet.all().map(\.rules.count).reduce(0, +) == 14 * 5 + 7 + 1 + 40 + 45)
    }
}
