internal import Core
import TestSupport
import Testing

@testable internal import Patterns

@Suite struct JSONValidatorTests {
    @Test(arguments: [
        "{}", "[]", "0", "-0.5e+10", "\"\"", "null", " [1 , {\"a\" : [ ] } ]\n", "\"\\ud83d\\ude00 \u{E9} \u{1F600}\"",
        "[12345678,123456789.12345678e1]", "{\"a\":{\"b\":[{}]}}",
    ])
    func `JSON is accepted`(_ text: String) throws { try JSONValidator.validate(Array(text.utf8)) }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "1e", "+1", "nul", "truex", "\"a", "\"\\x\"",
        "\"\\ud800\"", "\"\\u12g4\"", "\"\t\"", "[1 2]", "{} {}", "{\"a\" 1}", "[}", "{]", "-", "\u{FEFF}{}",
        "{\"a\":1]",
    ])
    func `What is not JSON is refused`(_ text: String) {
        #expect(throws: JSONError.self) { try JSONValidator.validate(Array(text.utf8)) }
    }

    @Test(arguments: [
        [0x22, 0x80, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
        [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22],
        [0x22, 0xE2, 0x82, 0x22], [0x22, 0xF0, 0x8F, 0x80, 0x80, 0x22],
    ])
    func `Malformed UTF-8 is refused`(_ bytes: [UInt8]) {
        let error = #expect(throws: JSONError.self) { try JSONValidator.validate(bytes) }
        #expect(error?.code == .invalidUTF8)
    }

    @Test func `It agrees with the tree parser on mutated events`() {
        var vocabulary = Vocabulary(generator: SeededGenerator(seed: 5))
        for _ in 0..<3000 {
            var bytes = vocabulary.event().bytes
            for _ in 0..<Int.random(in: 0...3, using: &vocabulary.generator) where !bytes.isEmpty {
                let index = Int.random(in: bytes.indices, using: &vocabulary.generator)
                switch Int.random(in: 0..<3, using: &vocabulary.generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &vocabulary.generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert(vocabulary.pick(Array("{}[],:\"\\0e-".utf8)), at: index)
                }
            }
            let isTree = (try? JSON(parsing: bytes)) != nil
            let isValid = (try? JSONValidator.validate(bytes)) != nil
            #expect(isTree == isValid, "\(String(decoding: bytes, as: UTF8.self))")
        }
    }

    @Test(arguments: [
        (#"{"a":1,"b":{"a":2}}"#, true), (#"{"a":1,"a":2}"#, false), (#"{"a.b":1}"#, false), (#"{"\u0061":1}"#, false),
        (#"{"k":[{"x":1},{"x":2}]}"#, true),
        (#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"a":1}"#, false),
    ])
    func `Only events of unique plain keys may be read in part`(_ text: String, _ expected: Bool) throws {
        var validator = JSONValidator()
        let mayStop = try Array(text.utf8).withUnsafeBytes { try validator.validateEvent($0) }
        #expect(mayStop == expected)
    }

    @Test func `An event must be an object`() {
        #expect(throws: JSONError.self) { try JSONValidator.validate(Array("[]".utf8), topLevel: .object) }
    }
}
