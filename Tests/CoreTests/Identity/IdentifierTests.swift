import Core
import TestSupport
import Testing

@Suite struct IdentifierTests {
    @Test func readsBothCasesAndWritesLowerCase() throws {
        let identifier = try #require(Identifier("01234567-89aB-CDef-0123-456789abcdef"))
        #expect(identifier.high == 0x0123_4567_89AB_CDEF && identifier.low == 0x0123_4567_89AB_CDEF)
        #expect(identifier.description == "01234567-89ab-cdef-0123-456789abcdef")
        #expect(Identifier(high: .max, low: 0).description == "ffffffff-ffff-ffff-0000-000000000000")
    }

    @Test("No identifier", arguments: [
        "", "0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcde",
        "01234567-89ab-cdef-0123-456789abcdeff",
        "01234567-89ab-cdef-0123-456789abcdeg", "0123456-789ab-cdef-0123-456789abcdef",
        "{1234567-89ab-cdef-0123-456789abcde}",
        "01234567-89ab-cdef-0123_456789abcdef", "01234567--9ab-cdef-0123-456789abcdef",
        "01234567-89ab-cdef-0123-456789abcdé",
    ])
    func refuses(text: String) {
        #expect(Identifier(text) == nil)
    }

    @Test func randomOnesAreVersion4AndSurviveARoundTrip() {
        var generator = SeededGenerator(seed: 1)
        var seen: Set<Identifier> = []
        for _ in 0..<1000 {
            let identifier = Identifier(using: &generator)
            let text = Array(identifier.description)
            #expect(text[14] == "4" && "89ab".contains(text[19]))
            #expect(Identifier(identifier.description) == identifier)
            seen.insert(identifier)
        }
        #expect(seen.count == 1000)
    }
}
