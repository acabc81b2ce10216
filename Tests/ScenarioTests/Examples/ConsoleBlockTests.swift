import Testing

@Suite("Console blocks and their output")
struct ConsoleBlockTests {
    @Test("Commands are read with their outputs, and the lines of other blocks are not")
    func commands() {
        let page = """
            Text
            $ not a command
            ```sh
            $ nor this
            ```
            ```console
            $ first
            one
              two
            $ cat <<'E'
            $ part of it
            E
            $ last
            ```
            more
            """
        let commands = ConsoleBlock.commands(in: page) { !$0.contains("<<") || $0.hasSuffix("\nE") }
        #expect(commands.map(\.text) == ["first", "cat <<'E'\n$ part of it\nE", "last"])
        #expect(commands.map(\.output) == [["one", "  two"], [], []])
        #expect(commands.map(\.line) == [7, 10, 13])
    }

    @Test("What differs in shape alone agrees", arguments: [
        (["id c025f1d4-e45b-4f57-9e95-966bc7d663b4 x"], ["id 00000000-0000-4000-8000-000000000000 x"]),
        (["mi-0123456789abcdef0 ok"], ["mi-fd40fe13b3c77f1f9 ok"]),
        (["2026-11-24T05:15:20.103Z a"], ["2027-01-01T00:00:00Z a"]),
        (["up 2 hours, 25 minutes"], ["up 1 day, 3 hours, 1 minute"]), (["ready in 17 ms"], ["ready in 9 ms"]),
        (["│     +0.000s a"], ["│     +12.345s a"]), (["a   b"], ["a b"]), (["a … c"], ["a b b c"]),
        (["begin", "…", "end"], ["begin", "end"]), (["begin", "…", "end"], ["begin", "x", "end", "y", "end"]),
        (["…"], []), ([], []),
    ])
    func agree(shown: [String], printed: [String]) {
        #expect(ShownOutput.difference(shown: shown, printed: printed) == nil)
    }

    @Test("What differs otherwise does not", arguments: [
        (["a"], ["b"]), (["a"], []), ([], ["a"]), (["a", "b"], ["b", "a"]), (["id 1"], ["id 2"]),
        (["c025f1d4-e45b-4f57-9e95-966bc7d663b4"], ["c025f1d4-e45b-4f57-9e95"]), (["3 rules"], ["4 rules"]),
        (["up 2 hours"], ["up"]), (["a … c"], ["a b d"]), (["a … c"], ["b c"]), (["begin", "…", "end"], ["begin"]),
        (["ab"], ["a b"]), (["x …"], ["y"]),
    ])
    func disagree(shown: [String], printed: [String]) {
        #expect(ShownOutput.difference(shown: shown, printed: printed) != nil)
    }
}
