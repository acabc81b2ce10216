import Core
import Testing

@testable import Systems

@Suite struct CommandOutputTests {
    private func text(_ count: Int, _ character: String = "o") -> String { String(repeating: character, count: count) }

    @Test func bothOutputsFitUpToTheLimit() {
        #expect(CommandOutput.combined("a", "") == "a")
        #expect(CommandOutput.combined("a", "b") == "a\n----------ERROR-------\nb")
        #expect(CommandOutput.combined(text(2500), "") == text(2500))
        let full = CommandOutput.combined(text(2000), text(477, "e"))
        #expect(full.utf8.count == 2500)
        #expect(full.hasSuffix("\n" + text(477, "e")))
    }

    @Test(arguments: [(2501, 0), (9000, 9000), (2400, 200), (100, 9000), (9000, 100), (1300, 1300)])
    func whatDoesNotFitIsMarkedAndNeverLonger(_ output: Int, _ error: Int) {
        let combined = CommandOutput.combined(text(output), text(error, "e"))
        #expect(combined.utf8.count <= 2500)
        #expect(combined.utf8.count >= 2490)
        let half = (2500 - 23) / 2
        #expect(combined.contains("---Output truncated---") == (error == 0 || output > half))
        #expect(combined.contains("---Error truncated----") == (error > half))
        // The short one of the two stays whole.
        if error > 0 && error <= half { #expect(combined.hasSuffix("\n" + text(error, "e"))) }
        if output <= half { #expect(combined.hasPrefix(text(output) + "\n")) }
    }

    @Test func cutsAreOnBordersOfCharacters() {
        let combined = CommandOutput.combined("x" + text(3000, "ä"), text(3000, "€"))
        #expect(combined.utf8.count <= 2500)
        #expect(!combined.contains("\u{FFFD}"))
        #expect(CommandOutput.first(3, of: "ä€xyz") == "ä€x")
    }

    @Test func timesTakenAreISO8601() {
        let start = Timestamp(seconds: 100)
        #expect(CommandOutput.elapsed(from: start, to: start + .milliseconds(1234)) == "PT1.234S")
        #expect(CommandOutput.elapsed(from: start, to: start + .milliseconds(5)) == "PT0.005S")
        #expect(CommandOutput.elapsed(from: start, to: start - .seconds(1)) == "PT0.000S")
    }
}
