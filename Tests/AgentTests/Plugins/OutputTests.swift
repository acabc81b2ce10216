import API
import Core
import Testing

@testable import Agent

@Suite struct OutputTests {
    private func captured(_ chunks: [[UInt8]], bytesMax: Int = OutputCapture.bytesMax) -> String {
        var capture = OutputCapture(bytesMax: bytesMax)
        for chunk in chunks { capture.append(chunk) }
        return capture.text
    }

    @Test func shortOutputIsKeptWhole() {
        #expect(captured([Array("a\n".utf8), Array("b".utf8)]) == "a\nb")
        #expect(captured([]) == "")
        #expect(captured([[0xFF, 0x61]]) == "\u{FFFD}a")
    }

    @Test(arguments: [23_999, 24_000, 24_001, 1_000_000])
    func longOutputEndsInAMarkWithinTheLimit(_ count: Int) {
        let chunks = [[UInt8](repeating: 120, count: count / 2), [UInt8](repeating: 120, count: count - count / 2)]
        let exact = captured(chunks)
        if count < 24_000 {
            #expect(exact == String(repeating: "x", count: count))
        } else {
            #expect(exact == String(repeating: "x", count: 23_980) + "--output truncated--")
        }
    }

    @Test func theCutIsOnABorderOfCharacters() {
        // The limit would cut the second byte of an ä.
        let text = captured([Array(("x" + String(repeating: "ä", count: 50)).utf8)], bytesMax: 41)
        #expect(text == "x" + String(repeating: "ä", count: 10) + "--output truncated--")
        #expect(text.utf8.count == 41)
        let cut = captured([Array(String(repeating: "ä", count: 50).utf8)], bytesMax: 41)
        #expect(cut == String(repeating: "ä", count: 10) + "--output truncated--")
        // Bytes that are no text grow when replaced: the limit is on what is sent.
        #expect(captured([[UInt8](repeating: 0xFF, count: 60)], bytesMax: 60).utf8.count <= 60)
    }

    private func first(_ offset: Int = 0) -> NodeOutput {
        NodeOutput(command: Identifier(high: 1, low: 2), step: "s", stream: "stdout", offset: offset)
    }

    @Test func streamedOutputIsNumberedAndNeverCutsACharacter() {
        var output = StreamedOutput(first())
        let bytes = Array("a€b".utf8)
        #expect(output.take(Array(bytes[..<2])) == StreamedOutput.Piece(output: first(), bytes: [97]))
        #expect(output.take([bytes[2]]) == nil)
        #expect(output.take(Array(bytes[3...])) == StreamedOutput.Piece(output: first(1), bytes: Array("€b".utf8)))
        #expect(output.takeRest() == nil)
        #expect(output.take([0xF0, 0x9F]) == nil)
        #expect(output.takeRest() == StreamedOutput.Piece(output: first(5), bytes: [0xF0, 0x9F]))
    }

    @Test func binaryOutputPassesThrough() {
        var output = StreamedOutput(first())
        #expect(output.take([0x80, 0x80, 0x80, 0x80])?.bytes == [0x80, 0x80, 0x80, 0x80])
        // A byte that begins no character, and one that looks like a beginning until the output ends.
        #expect(output.take([0x41, 0xFF]).map(\.bytes) == [0x41])
        #expect(output.takeRest()?.bytes == [0xFF])
    }
}
