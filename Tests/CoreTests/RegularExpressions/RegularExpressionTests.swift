import Testing

@testable import Core

@Suite struct RegularExpressionTests {
    @Test(
        "A text is searched for a match as Java and RE2 do",
        arguments: [
            ("abc", "xabcx", true), ("abc", "abx", false), ("", "anything", true), ("^$", "", true), ("^$", "a", false),
            ("a.c", "abc", true), ("a.c", "a\nc", false), ("(?s)a.c", "a\nc", true), ("^b", "a\nb", false),
            ("(?m)^b$", "a\nb\nc", true), ("^a$", "a\n", false), (#"^a\Z"#, "a\n", true), (#"^a\z"#, "a\n", false),
            (#"^\d{12}$"#, "123456789012", true), (#"^\d{12}$"#, "1234567890123", false), (#"^\d+$"#, "٣", false),
            (#"^[\w+=,.@-]+$"#, "role/x", false), (#"^[\w+=,.@-]+$"#, "a+b=c,d.e@f-g_h", true),
            ("^(?:aws|aws-cn):x$", "aws-cn:x", true), ("^(?:aws|aws-cn):x$", "aws-us:x", false),
            ("^[a-zA-Z0-9][a-zA-Z0-9-_]{0,5}$", "a-_", true), ("^[^a-c]+$", "def", true), ("^[^a-c]+$", "dae", false),
            ("^[]a]+$", "]a", true), ("^[a-]+$", "-a", true), (#"^[^"'\\ ]{0,5}$"#, "a\\", false),
            ("^[[:alpha:]]+$", "ab", true), ("^[[:^alpha:]]+$", "ab", false), ("^[a[0-9]]+$", "a1", true),
            ("^(?!.*--)[a-z][a-z0-9-]{0,62}(?<!-)$", "a-b", true),
            ("^(?!.*--)[a-z][a-z0-9-]{0,62}(?<!-)$", "a-b-", false),
            ("^(?!.*--)[a-z][a-z0-9-]{0,62}(?<!-)$", "a--b", false), ("(?<=a)b", "ab", true), ("(?<=a)b", "cb", false),
            ("(?<=a{1,3})b", "caab", true), ("(?=^.{3,5}$)a+", "aaaa", true), ("(?=^.{3,5}$)a+", "aa", false),
            ("(?i)ABC", "xabcx", true), ("^(?i:ab)c$", "ABc", true), ("^(?i:ab)c$", "ABC", false),
            ("(?i)[A-C]+", "b", true), (#"^(a+)-\1$"#, "aa-aa", true), (#"^(a+)-\1$"#, "aa-a", false),
            (#"^(?<x>a|b)\k<x>$"#, "bb", true), (#"^(?<x>a|b)\k<x>$"#, "ab", false), (#"\bcat\b"#, "a cat.", true),
            (#"\bcat\b"#, "concat", false), (#"\Bcat"#, "concat", true), ("^(a*)*$", "aaa", true),
            ("^(a*)*b$", "aac", false),
            ("^(?:a|ab)(?:c|bcd)$", "abcd", true), ("^a??b$", "ab", true), ("^a*+a$", "aaa", false),
            ("^(?>a|ab)c$", "abc", false),
            (#"^[\p{L}\p{Z}\p{N}]+$"#, "Grün 5\u{E9}", true), (#"^[\p{L}\p{N}]+$"#, "a b", false),
            (#"^\p{Lu}\pL$"#, "Aé", true), (#"^\P{Lu}$"#, "A", false), (#"^\P{Lu}$"#, "a", true),
            ("^a{2,3}$", "aaaa", false), ("^a{2,}$", "aaaa", true), ("^(ab){2}$", "abab", true),
            ("^(ab){2,3}?$", "ababab", true),
            ("^(ab){2}$", "ababab", false), ("a{,3}", "a{,3}", true), (#"^\x41\u0042\x{43}\t$"#, "ABC\t", true),
            ("^é$", "é", true), ("^.$", "😀", true), (#"^\.\-\/\$$"#, ".-/$", true), ("a|", "zzz", true),
            ("^(a|b|)$", "", true),
            (#"^[\d.]+$"#, "1.2", true), (#"^[^\d]+$"#, "a", true), (#"^[^\d]+$"#, "1", false),
            (#"^[a-\d]+$"#, "-5", true), (#"^\p{Alnum}+$"#, "a1", true), (#"^[\p{Punct}]$"#, "a", false),
            (#"^\P{ASCII}$"#, "é", true), (#"^a\h*b$"#, "a \tb", true), (#"^\H$"#, " ", false),
        ])
    func search(expression: String, text: String, expected: Bool) throws {
        #expect(try RegularExpression(expression).matches(text) == expected)
    }

    @Test(
        "What is no expression is refused with the character it fails at",
        arguments: [
            ("(", 2), (")", 1), ("a)", 2), ("[", 2), ("[a", 3), ("*a", 1), ("a{3,1}", 2), ("[z-a]", 3), ("\\", 2),
            (#"\q"#, 2), (#"\1"#, 3), ("(?<x>a)(?<x>b)", 13), ("(?z)", 3), (#"\xZZ"#, 3), (#"\u{110000}"#, 4),
            ("(?:a", 5),
        ])
    func refusals(expression: String, character: Int) {
        let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(expression) }
        #expect(error?.character == character, "\(String(describing: error))")
    }

    @Test(
        "An expression that would run for ever is given up", arguments: ["^(a+)+$", "^(a|aa)*$"])
    func exponential(expression: String) throws {
        #expect(try RegularExpression(expression).matches(String(repeating: "a", count: 40) + "!") == nil)
    }

    @Test("A long text needs no deep stack")
    func longText() throws {
        let text = String(repeating: "ab,", count: 20_000)
        #expect(try RegularExpression("^([a-z]+,)*$").matches(text) == true)
        #expect(try RegularExpression("^.*,$").matches(text) == true)
    }

    @Test("A group of nothing may be repeated without measure", .timeLimit(.minutes(1)))
    func nothing() throws {
        #expect(try RegularExpression("^(?:(?:(?:){90000}){90000}){90000}$").matches("") == true)
    }

    @Test("Groups nested or repeated without measure are refused")
    func tooLarge() {
        #expect(throws: RegularExpressionError.self) { try RegularExpression("(?>(?:ab){3000}){9000}") }
        #expect(throws: RegularExpressionError.self) { try RegularExpression("(?:(?=(?:ab){3000})){9000}") }
        #expect(throws: RegularExpressionError.self) { try RegularExpression(String(repeating: "(", count: 100_000)) }
        #expect(throws: RegularExpressionError.self) { try RegularExpression(String(repeating: "[a", count: 100_000)) }
        #expect(throws: RegularExpressionError.self) { try RegularExpression("((a{1,9}b){1000}){1000}") }
        #expect(throws: RegularExpressionError.self) { try RegularExpression("a{99999999999999999999}") }
    }
}
