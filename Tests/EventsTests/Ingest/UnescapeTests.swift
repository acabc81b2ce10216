import Core
import Testing

@testable import Events

@Suite("Escapes undone")
struct UnescapeTests {
    private func unescaped(_ raw: [UInt8], after start: [UInt8] = []) -> [UInt8] {
        var output = start
        raw.withUnsafeBytes { appendUnescaped($0, to: &output) }
        return output
    }

    @Test("Every escape, among texts of every length around a block", arguments: 0...40)
    func escapes(length: Int) throws {
        let plain = String((0..<length).map { Character(Unicode.Scalar(UInt8(97 + $0 % 26))) })
        for escape in [#"\""#, #"\\"#, #"\/"#, #"\b\f\n\r\t"#, #"\u00e9"#, #"\u20AC"#, #"\ud83D\uDe00"#, "é€😀"] {
            for raw in [plain + escape, escape + plain, plain + escape + escape + plain] {
                let expected = try #require(try JSON(parsing: Array("\"\(raw)\"".utf8)).string)
                #expect(unescaped(Array(raw.utf8), after: [1, 2]) == [1, 2] + Array(expected.utf8), "\(raw)")
            }
        }
    }

    @Test("Random text comes out as the parser has it", arguments: 1...20 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        var state = seed
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let pieces = [
            #"\""#, #"\\"#, #"\n"#, #"\u0041"#, #"\ud83d\ude00"#, "a", "bc", "é", "a long piece of plain text",
        ]
        for _ in 0..<200 {
            let raw = (0..<next(30)).map { _ in pieces[next(pieces.count)] }.joined()
            let expected = try #require(try JSON(parsing: Array("\"\(raw)\"".utf8)).string)
            #expect(String(decoding: unescaped(Array(raw.utf8)), as: UTF8.self) == expected, "seed \(seed): \(raw)")
        }
    }

    @Test("What is cut off in the middle of an escape ends there")
    func truncated() {
        let whole = Array(#"0123456789abcdef\ud83d\ude00x"#.utf8)
        for count in 0...whole.count {
            #expect(unescaped(Array(whole[..<count])).count <= count)
        }
        #expect(unescaped(Array(#"ab\"#.utf8)) == Array("ab".utf8))
        #expect(unescaped(Array(#"ab\u00"#.utf8)) == Array("ab".utf8))
    }
}
