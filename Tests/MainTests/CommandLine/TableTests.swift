import Testing

@testable import Main

struct TableTests {
    private let plain = Style(isColored: false)

    @Test func `Columns are as wide as their widest cell, numbers to the right`() {
        var table = Table(["NAME", ">COUNT", "*STATUS"])
        table.add(["a", "1", "Success"])
        table.add(["longer", "10000", "Failed"])
        #expect(
            table.text(style: plain, width: nil) == """
                NAME    COUNT  STATUS
                a           1  Success
                longer  10000  Failed

                """)
    }

    @Test func `Wide and combining characters count as the columns they take`() {
        var table = Table(["A", "B"])
        table.add(["日本", "x"])
        table.add(["e\u{301}", "y"])
        table.add(["👍", "z"])
        #expect(table.text(style: plain, width: nil) == "A     B\n日本  x\ne\u{301}     y\n👍    z\n")
    }

    @Test func `The last column is cut to the width of the terminal`() {
        var table = Table(["A", "B"])
        table.add(["abc", "0123456789abcdef"])
        #expect(table.text(style: plain, width: 15) == "A    B\nabc  012345678…\n")
        #expect(table.text(style: plain, width: nil) == "A    B\nabc  0123456789abcdef\n")
    }

    @Test func `Statuses are coloured by their meaning, without moving the columns`() {
        var table = Table(["*S", "T"])
        table.add(["Success", "x"])
        table.add(["Failed", "y"])
        #expect(
            table.text(style: Style(isColored: true), width: nil)
                == "\u{1B}[1mS\u{1B}[0m        \u{1B}[1mT\u{1B}[0m\n\u{1B}[32mSuccess\u{1B}[0m  x\n"
                + "\u{1B}[31mFailed\u{1B}[0m   y\n")
    }

    @Test func `Control characters from elsewhere cannot command the terminal`() {
        var table = Table(["A"])
        table.add(["a\u{1B}[2Jb c\td\u{9B}1m"])
        table.add(["first\nsecond"])
        #expect(table.text(style: plain, width: nil) == "A\na\u{FFFD}[2Jb c d\u{FFFD}1m\nfirst…\n")
    }

    @Test(arguments: [
        ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本語", 4, "日…"), ("日本語", 5, "日本…"), ("abc", 0, ""),
    ])
    func `Text is cut at whole characters`(text: String, width: Int, expected: String) {
        #expect(truncated(text, to: width) == expected)
    }
}
