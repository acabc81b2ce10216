import TestSupport
import Testing

@testable import Core

@Suite("Secrets")
struct MessageAuthenticationTests {
    @Test("HMAC-SHA256 is as in RFC 4231")
    func vectors() {
        let short = hmacSHA256(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(short.hexadecimal == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let long = hmacSHA256(
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            key: [UInt8](repeating: 0xAA, count: 131))
        #expect(long.hexadecimal == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test("Secrets are equal or not")
    func comparison() {
        #expect(isEqualInConstantTime([1, 2], [1, 2]))
        #expect(isEqualInConstantTime([], []))
        #expect(!isEqualInConstantTime([1, 2], [1, 3]))
        #expect(!isEqualInConstantTime([1, 2], [1]))
    }

    @Test("What is sealed is opened by the same key only, and unchanged only")
    func sealing() {
        var random = SeededGenerator(seed: 7)
        let key = SealingKey(bytes: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })
        let secret = Array("geheim".utf8)
        let sealed = key.seal(secret, using: &random)
        #expect(sealed.count == secret.count + 40)
        #expect(key.open(sealed) == secret)
        #expect(key.open(key.seal([], using: &random)) == [])
        #expect(key.seal(secret, using: &random) != sealed)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(key.open(changed) == nil)
        }
        #expect(key.open(Array(sealed.prefix(39))) == nil)
        #expect(SealingKey(bytes: [UInt8](repeating: 0, count: 32)).open(sealed) == nil)
    }
}

@Suite("Percent-encoding")
struct PercentEncodingTests {
    @Test("Every byte comes back")
    func roundTrip() {
        let all = (0...255).map { UInt8($0) }
        #expect(PercentEncoding.decode(PercentEncoding.encode(all).utf8) == all)
        #expect(PercentEncoding.encode("aZ09-._~ /+é".utf8) == "aZ09-._~%20%2F%2B%C3%A9")
        #expect(PercentEncoding.encode("a/b".utf8, keepingSlash: true) == "a/b")
    }

    @Test("What is broken is nothing", arguments: ["%", "%1", "a%zz", "%ff", "%C3"])
    func broken(_ text: String) {
        let decoded: String? = PercentEncoding.decode(text)
        #expect(decoded == nil)
    }

    @Test("A plus is a space in forms only")
    func plus() {
        #expect(PercentEncoding.decode("a+b%2B") == "a+b+")
        #expect(PercentEncoding.decode("a+b%2B", plusIsSpace: true) == "a b+")
    }

    @Test("Hexadecimal digits are bytes in pairs")
    func hexadecimal() {
        #expect(bytes(hexadecimal: "00ffA1") == [0, 255, 0xA1])
        #expect(bytes(hexadecimal: "0") == nil)
        #expect(bytes(hexadecimal: "0g") == nil)
    }
}
