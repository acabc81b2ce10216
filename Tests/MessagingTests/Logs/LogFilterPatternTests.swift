import API
import Core
import TestSupport
import Testing

@testable import Messaging

@Suite struct LogFilterPatternTests {
    @Test(
        "Terms are wanted, optional or excluded, and may be expressions",
        arguments: [
            ("", "anything", true), ("error disk", "disk error", true), ("error disk", "error", false),
            ("?error ?warning", "a warning", true), ("?error ?warning", "fine", false),
            ("error -debug", "error in debug", false), (#""two words""#, "two words", true),
            (#""two words""#, "words two", false), (#"-"a \"b\"""#, #"say a "b""#, false), ("Error", "error", false),
            ("%4[0-9]{2}%", "status 404", true), ("%4[0-9]{2}%", "status 200", false),
            ("error -%^a%", "a error", false), ("100%", "at 100% now", true),
        ])
    func terms(pattern: String, line: String, matches: Bool) throws {
        #expect(try LogFilterPattern(pattern).matches(line) == matches)
    }

    static let object = """
        {"level": "ERROR", "took": 12.5, "ok": false, "gone": null, "user": {"id": "u-17", "ip": "10.0.0.1"},
         "tags": ["red", "blue"], "items": [{"n": 1}, {"n": 22}], "status": 404, "a.b": "dotted", "text": "7"}
        """

    @Test(
        "Members of a JSON object are compared",
        arguments: [
            (#"{ $.level = "ERROR" }"#, true), ("{$.level=ERROR}", true), (#"{ $.level != "ERROR" }"#, false),
            (#"{ $.level = "ERR*" }"#, true), ("{ $.level = *RO* }", true), ("{ $.level = *x* }", false),
            ("{ $.took > 12 }", true), ("{ $.took >= 12.5 && $.took < 1.3e1 }", true), ("{ $.took <= 12 }", false),
            ("{ $.ok IS FALSE }", true), ("{ $.ok IS TRUE }", false), ("{ $.gone IS NULL }", true),
            ("{ $.level IS NULL }", false), ("{ $.none NOT EXISTS }", true), ("{ $.gone NOT EXISTS }", false),
            ("{ $.user.id = u-17 }", true), (#"{ $.user.ip = %^10\.0\.% }"#, true), ("{ $.tags[1] = blue }", true),
            ("{ $.tags[2] = blue }", false), ("{ $.tags[*] = blue }", true), ("{ $.items[*].n > 20 }", true),
            ("{ $.items[0].n > 20 }", false), ("{ $.status = 4* }", true), ("{ $.status = 404 }", true),
            (#"{ $["a.b"] = "dotted" }"#, true), ("{ $.text = 7 }", true), ("{ $.none != 5 }", false),
            (#"{ ($.status = 500 || $.status = 404) && $.level = "ERROR" }"#, true),
            (#"{ $.status = 500 || $.status = 404 && $.level = "INFO" }"#, false),
            ("{ $.level = 5 || (($.took = 12.5)) }", true),
        ])
    func json(pattern: String, matches: Bool) throws {
        #expect(try LogFilterPattern(pattern).matches(Self.object) == matches)
        #expect(try LogFilterPattern(pattern).matches("no object") == false)
    }

    static let line = #"127.0.0.1 - frank [10/Oct/2030:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#

    @Test(
        "Fields of a line are compared, each by the place of its column",
        arguments: [
            ("[ip, id, user, time, request, status, bytes]", true), ("[ip, id, user]", false), ("[...]", true),
            ("[ip, ..., status = 4*, bytes > 1000]", true), ("[ip, ..., status = 5*, bytes]", false),
            ("[..., status_code = 404 || status_code = 410, bytes]", true),
            (#"[ip = 127.0.0.*, ..., request = "GET *", status, bytes]"#, true),
            (#"[ip != "127.0.0.1", ...]"#, false), ("[a, b, c, d, request = %html%, ...]", true),
            ("[..., bytes > 1000 && bytes < 2000]", true), ("[..., bytes > 1000 && bytes < 1500]", false),
            ("[a, b, c, d, e, f, g, ..., h]", false),
        ])
    func fields(pattern: String, matches: Bool) throws {
        #expect(try LogFilterPattern(pattern).matches(Self.line) == matches)
    }

    @Test(
        "A pattern that makes no sense is refused with the place",
        arguments: [
            ("a \"b", "At character 3: nothing closes this quotation mark."),
            ("%(%", "At character 1: the regular expression is not valid: "),
            ("a - b", "At character 4: a term is missing."), ("%a", "At character 1: a regular expression ends with"),
            ("{ $.a }", "At character 7: one of = != < <= > >= is missing."),
            ("{ $.a = 1", "At character 10: '}' is missing."), ("{ a = 1 }", "At character 3: '$' is missing."),
            ("{ $.a > x }", "At character 10: > compares with a number."), ("{ $ = 1 }", "a selector is written as $.name"),
            ("{ $.a == 1 }", "a single = compares"), ("{ $.a IS 5 }", "IS is followed by TRUE, FALSE or NULL."),
            ("{ $.a[x] = 1 }", "brackets hold the number of an element"),
            ("{ $.a = 1 } b", "At character 13: the pattern should have ended."),
            ("[a, ..., ...]", "'...' may stand once"), ("[a, b = 1 && c = 2]", "the condition of b names c"),
            ("[a,]", "the name of a field is missing"),
        ])
    func refusals(pattern: String, message: String) {
        let error = #expect(throws: ServiceError.self) { try LogFilterPattern(pattern) }
        #expect(error?.code == .invalidParameterException)
        #expect(error?.message.hasPrefix("Invalid filter pattern: \(pattern). ") == true)
        #expect(error?.message.contains(message) == true, "\(String(describing: error?.message))")
    }

    @Test("Any text is read or refused, and any line compared, never more", arguments: 1...4 as ClosedRange<UInt64>)
    func fuzz(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "{", "}", "[", "]", "(", ")", "$", ".", "a", "*", "%", "\"", "\\", " ", "=", "!=", "<", ">=", "&&", "||", ",",
            "...", "IS", "NOT", "EXISTS", "NULL", "1", "-", "?", "é", "[*]",
        ]
        for _ in 0..<5000 {
            let count = Int.random(in: 0...12, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            guard let pattern = try? LogFilterPattern(text) else { continue }
            for line in [Self.object, Self.line, text, ""] { _ = pattern.matches(line) }
        }
    }
}
