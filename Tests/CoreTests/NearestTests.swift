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

    @Test func theFirstOfEquallyCloseOnesWins() {
        #expect(nearest(to: "cat", among: ["bat", "hat"]) == "bat")
        #expect(nearest(to: "cat", among: []) == nil)
    }
}
