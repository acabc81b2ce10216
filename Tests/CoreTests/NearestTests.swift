import Core
import Testing

@Suite struct NearestTests {
    @Test("The word meant", arguments: [
        ("prefx", "prefix"), ("Prefix", "prefix"), ("perfix", "prefix"), ("prefixx", "prefix"), ("sufix", "suffix"),
        ("numerik", "numeric"), ("xyz", nil), ("", nil), ("anything", nil),
    ] as [(String, String?)])
    func suggests(word: String, meant: String?) {
        #expect(nearest(to: word, among: ["prefix", "suffix", "numeric", "exists"]) == meant)
    }

    @Test("A word that is far longer than any candidate is not compared letter by letter", .timeLimit(.minutes(1)))
    func longWord() {
        let candidates = (0..<1000).map { "candidate\($0)" }
        #expect(nearest(to: String(repeating: "x", count: 1_000_000), among: candidates) == nil)
    }

    @Test func theFirstOfEquallyCloseOnesWins() {
        #expect(nearest(to: "cat", among: ["bat", "hat"]) == "bat")
        #expect(nearest(to: "cat", among: []) == nil)
    }
}
