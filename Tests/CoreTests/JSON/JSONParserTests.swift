import Core
import Foundation
import TestSupport
import Testing

@Suite struct JSONParserTests {
    @Test("Accepted, with the compact form", arguments: [
        ("null", "null"), ("true", "true"), ("false", "false"), ("0", "0"), ("-0", "-0"), ("\"\"", "\"\""),
        ("[]", "[]"), ("{}", "{}"), (" \t\r\n[ ] \t\r\n", "[]"), ("{ \"a\" : [ 1 , 2 ] }", "{\"a\":[1,2]}"),
        // Numbers keep their spelling.
        ("1.0", "1.0"), ("-12.50", "-12.50"), ("1e5", "1e5"), ("1E+05", "1E+05"), ("0.1e-10", "0.1e-10"),
        ("0e0", "0e0"),
        ("123456789012345678901234567890", "123456789012345678901234567890"), ("1e999", "1e999"),
        // Repeated keys and order survive.
        (#"{"b":1,"a":2,"b":3,"":4}"#, #"{"b":1,"a":2,"b":3,"":4}"#),
        // Escapes.
        (#""\"\\\/\b\f\n\r\t""#, #""\"\\/\u0008\u000c\n\r\t""#), (#""\u0041\u00e9\u20AC""#, "\"Aé€\""),
        (#""\u0000\u001f\u007f""#, "\"\\u0000\\u001f\u{7F}\""), (#""\ud83d\ude00\uD83D\uDE00""#, "\"😀😀\""),
        (#""\ud800\udc00\udbff\udfff""#, "\"\u{10000}\u{10FFFF}\""), (#""\uFFFE\uffff""#, "\"\u{FFFE}\u{FFFF}\""),
        // What needs no escape.
        ("\"\u{7F}\u{80}\u{2028}é😀\u{FEFF}\"", "\"\u{7F}\u{80}\u{2028}é😀\u{FEFF}\""),
        (#"{"é\n":"\u0022"}"#, #"{"é\n":"\""}"#),
    ])
    func accepts(text: String, compact: String) throws {
        // Bytes, because strings that differ in Unicode normalisation are equal in Swift.
        #expect(try JSON(parsing: text).bytes == Array(compact.utf8))
        #expect(try JSON(parsing: Array(text.utf8)).bytes == Array(compact.utf8))
    }

    static let refusals: [(text: String, message: String, line: Int, column: Int)] = [
        ("", "the text ends where a value is expected", 1, 1),
        (" \n ", "the text ends where a value is expected", 2, 2),
        ("\u{FEFF}1", "a byte order mark is not allowed in JSON", 1, 1),
        // Words.
        ("nul", "expected a JSON value, found 'n'", 1, 1),
        ("True", "expected a JSON value, found 'T'", 1, 1),
        ("truex", "unexpected text after the JSON value", 1, 5),
        ("NaN", "expected a JSON value, found 'N'", 1, 1),
        ("undefined", "expected a JSON value, found 'u'", 1, 1),
        ("é", "expected a JSON value, found byte 0xc3", 1, 1),
        ("\u{A0}1", "expected a JSON value, found byte 0xc2", 1, 1),
        ("\u{B}1", "expected a JSON value, found byte 0xb", 1, 1),
        // Numbers.
        ("01", "a number may not begin with 0", 1, 2),
        ("-01", "a number may not begin with 0", 1, 3),
        ("-", "expected a digit, found the end of the text", 1, 2),
        ("+1", "expected a JSON value, found '+'", 1, 1),
        (".5", "expected a JSON value, found '.'", 1, 1),
        ("1.", "expected a digit, found the end of the text", 1, 3),
        ("1.e5", "expected a digit, found 'e'", 1, 3),
        ("1e", "expected a digit, found the end of the text", 1, 3),
        ("1e+", "expected a digit, found the end of the text", 1, 4),
        ("1e+-5", "expected a digit, found '-'", 1, 4),
        ("--1", "expected a digit, found '-'", 1, 2),
        ("0x10", "unexpected text after the JSON value", 1, 2),
        ("1_000", "unexpected text after the JSON value", 1, 2),
        ("-Infinity", "expected a digit, found 'I'", 1, 2),
        // Arrays.
        ("[", "the text ends where a value is expected", 1, 2),
        ("[1", "expected ',' or ']', found the end of the text", 1, 3),
        ("[1,]", "expected a JSON value, found ']'", 1, 4),
        ("[,1]", "expected a JSON value, found ','", 1, 2),
        ("[1 2]", "expected ',' or ']', found '2'", 1, 4),
        ("[1}", "expected ',' or ']', found '}'", 1, 3),
        ("[1]]", "unexpected text after the JSON value", 1, 4),
        ("]", "expected a JSON value, found ']'", 1, 1),
        // Objects.
        ("{", "expected a key in double quotes, found the end of the text", 1, 2),
        ("{a:1}", "expected a key in double quotes, found 'a'", 1, 2),
        ("{'a':1}", "expected a key in double quotes, found '''", 1, 2),
        ("{\"a\"}", "expected ':' after the key \"a\", found '}'", 1, 5),
        ("{\"a\":}", "expected a JSON value, found '}'", 1, 6),
        ("{\"a\":1,}", "expected a key in double quotes, found '}'", 1, 8),
        ("{\"a\":1 \"b\":2}", "expected ',' or '}', found '\"'", 1, 8),
        ("{\"a\":1]", "expected ',' or '}', found ']'", 1, 7),
        ("{1:1}", "expected a key in double quotes, found '1'", 1, 2),
        ("{\"a\":1}{}", "unexpected text after the JSON value", 1, 8),
        ("[1] // comment", "unexpected text after the JSON value", 1, 5),
        ("/* */1", "expected a JSON value, found '/'", 1, 1),
        // Strings.
        ("\"", "the string is not closed", 1, 2),
        ("\"abc", "the string is not closed", 1, 5),
        ("\"abc\\", "the string is not closed", 1, 6),
        ("'a'", "expected a JSON value, found '''", 1, 1),
        ("\"a\nb\"", "control characters must be escaped in strings; found byte 0xa", 1, 3),
        ("\"a\tb\"", "control characters must be escaped in strings; found byte 0x9", 1, 3),
        ("\"\0\"", "control characters must be escaped in strings; found byte 0x0", 1, 2),
        ("\"\\a\"", "unknown escape: a backslash before 'a'", 1, 3),
        ("\"\\'\"", "unknown escape: a backslash before '''", 1, 3),
        ("\"\\é\"", "unknown escape: a backslash before byte 0xc3", 1, 3),
        ("\"\\U0041\"", "unknown escape: a backslash before 'U'", 1, 3),
        ("\"\\u004\"", "expected four hexadecimal digits after \\u", 1, 4),
        ("\"\\u00g0\"", "expected four hexadecimal digits after \\u", 1, 4),
        ("\"\\u+041\"", "expected four hexadecimal digits after \\u", 1, 4),
        ("\"\\u", "expected four hexadecimal digits after \\u", 1, 4),
        // Surrogates.
        ("\"\\ud800\"", "unpaired surrogate in a \\u escape", 1, 8),
        ("\"\\udc00\"", "unpaired surrogate in a \\u escape", 1, 8),
        ("\"\\udc00\\ud800\"", "unpaired surrogate in a \\u escape", 1, 8),
        ("\"\\ud800\\n\"", "unpaired surrogate in a \\u escape", 1, 9),
        ("\"\\ud800\\u0041\"", "unpaired surrogate in a \\u escape", 1, 14),
        ("\"\\ud800\\ud800\"", "unpaired surrogate in a \\u escape", 1, 14),
        ("\"\\ud800\\uffff\"", "unpaired surrogate in a \\u escape", 1, 14),
        ("\"\\ud800x\"", "unpaired surrogate in a \\u escape", 1, 8),
        // Columns count characters, not bytes; lines end with a line feed.
        ("[\"é😀\", x]", "expected a JSON value, found 'x'", 1, 8),
        ("[\"é😀\",\r\n \"€€\" x]", "expected ',' or ']', found 'x'", 2, 7),
        ("{\"😀\":1,\n\n\"é\" 2}", "expected ':' after the key \"é\", found '2'", 3, 5),
        ("[\"e\u{301}\" x]", "expected ',' or ']', found 'x'", 1, 7),
    ]

    @Test("Refused, with the place", arguments: refusals)
    func refuses(text: String, message: String, line: Int, column: Int) {
        let error = JSONError(.syntax, message, at: TextPosition(line: line, column: column))
        #expect(throws: error) { try JSON(parsing: text) }
        // The reader must not depend on what lies behind the text it is given.
        #expect(throws: JSONError.self) { try JSON(parsing: Array(text.utf8)) }
    }

    @Test("Strings that are not UTF-8 are refused at the byte", arguments: [
        ([0x80], 0), ([0xC3], 0), ([0x41, 0xFF], 1), ([0xC3, 0xA9, 0xC3, 0x28], 1),
        // Overlong forms, surrogates, beyond the last character, cut short.
        ([0xC0, 0xAF], 0), ([0xE0, 0x80, 0xAF], 0), ([0xED, 0xA0, 0x80], 0), ([0xF4, 0x90, 0x80, 0x80], 0),
        ([0xF0, 0x9F, 0x98], 0), ([0x5C, 0x6E, 0xC3, 0x5C, 0x6E], 2),
    ] as [([UInt8], Int)])
    func refusesBytes(bytes: [UInt8], charactersBefore: Int) {
        let quote = UInt8(ascii: "\"")
        let error = #expect(throws: JSONError.self) { try JSON(parsing: [quote] + bytes + [quote]) }
        #expect(error?.code == .invalidUTF8)
        #expect(error?.position == TextPosition(line: 1, column: charactersBefore + 2))
        let keyError = #expect(throws: JSONError.self) {
            try JSON(parsing: Array("{\"".utf8) + bytes + Array("\":1}".utf8))
        }
        #expect(keyError?.code == .invalidUTF8)
    }

    @Test("Nesting up to the limit is read, compared and written", arguments: [("[", "]"), ("{\"k\":", "}")])
    func readsToTheDepthLimit(opening: String, closing: String) async {
        let text = String(repeating: opening, count: 1024) + "1" + String(repeating: closing, count: 1024)
        let copy = await onThread {
            guard let value = try? JSON(parsing: text), let again = try? JSON(parsing: value.bytes) else { return "" }
            return value == again ? again.text : ""
        }
        #expect(Limits.jsonDepthMax == 1024)
        #expect(copy == text)
    }

    @Test("Nesting past the limit is refused, however deep", arguments: ["[", "{\"k\":"], [1025, 1_000_000])
    func refusesPastTheDepthLimit(opening: String, depth: Int) async {
        let text = String(repeating: opening, count: depth)
        let result = await onThread { () -> Result<JSON, JSONError> in
            do throws(JSONError) { return .success(try JSON(parsing: text)) } catch { return .failure(error) }
        }
        let place = TextPosition(line: 1, column: opening.utf8.count * 1024 + 1)
        #expect(result == .failure(JSONError(.tooDeep, "nesting is deeper than 1024 levels", at: place)))
    }

    /// Runs with as much stack as the threads of the system have.
    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let thread = Thread { continuation.resume(returning: body()) }
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    @Test func aLongLineIsReadInTimeInProportionToItsLength() throws {
        let bytes = Array(("[" + String(repeating: "0,", count: 40_000) + "0]").utf8)
        let elapsed = try ContinuousClock().measure { _ = try JSON(parsing: bytes) }
        // About 0.05 s in a debug build. Counting columns from the start of the line for each value would look at
        // bytes 1.6 thousand million times.
        #expect(elapsed < .seconds(4))
    }

    @Test("Cutting, swapping and replacing bytes never crashes the reader", arguments: [1, 2] as [UInt64])
    func mutations(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let seedText = #"{"a":[1,-2.5e+3,true,null,"\u00e9\ud83d\ude00é😀\n"],"b":{"":[[],{}]}}"#
        var refused = 0
        for _ in 0..<3000 {
            var bytes = Array(seedText.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes.removeSubrange(index...)
                case 1: bytes.remove(at: index)
                case 2: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                default: bytes.swapAt(index, Int.random(in: 0..<bytes.count, using: &generator))
                }
            }
            do {
                let value = try JSON(parsing: bytes)
                #expect(try JSON(parsing: value.bytes) == value)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 1000 && refused < 3000)
    }
}
