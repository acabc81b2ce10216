import TestSupport
import Testing

@testable import Bus

@Suite struct PrefixSetTests {
    private func matches(_ set: PrefixSet, _ topic: [UInt8]) -> Bool { topic.withUnsafeBytes { set.matches($0) } }

    @Test("The empty prefix matches every topic, and nothing matches the empty set")
    func emptyPrefix() {
        var set = PrefixSet()
        #expect(!matches(set, [UInt8]("a")))
        #expect(!matches(set, []))
        set.insert([])
        #expect(matches(set, [UInt8]("a")))
        #expect(matches(set, []))
        set.remove([])
        #expect(!matches(set, [UInt8]("a")))
        #expect(set.isEmpty)
    }

    @Test(
        "A random history of additions and removals answers as a plain list does", arguments: [1, 2, 3, 4] as [UInt64])
    func history(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func word() -> [UInt8] {
            (0..<Int.random(in: 0...4, using: &generator)).map { _ in UInt8.random(in: 97...99, using: &generator) }
        }
        var set = PrefixSet()
        var list: [[UInt8]] = []
        for _ in 0..<4000 {
            let prefix = word()
            if Bool.random(using: &generator) {
                set.insert(prefix)
                list.append(prefix)
            } else {
                set.remove(prefix)
                if let index = list.firstIndex(of: prefix) { list.remove(at: index) }
            }
            let topic = word() + word()
            #expect(matches(set, topic) == list.contains { topic.starts(with: $0) }, "seed \(seed)")
            #expect(set.count == Set(list).count, "seed \(seed)")
        }
    }
}
