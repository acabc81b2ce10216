import Testing

import Core

@Suite struct PrintableTests {
    @Test(
        "Control characters become visible, and nothing else changes",
        arguments: [
            ("plain, ünïcode 日本 🎉", "plain, ünïcode 日本 🎉"), ("", ""),
            ("one\ntwo\r\nthree\tfour", "one\\ntwo\\r\\nthree four"),
            ("\u{1B}[31mred\u{7F}\u{9B}\0", "\u{FFFD}[31mred\u{FFFD}\u{FFFD}\u{FFFD}"),
        ])
    func printed(text: String, expected: String) {
        #expect(printable(text) == expected)
    }
}
