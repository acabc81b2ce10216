import Core
import Testing

// The expected values were computed with Python's hashlib: blake2b with digest_size=32 and the previous link as key.
@Suite struct DigestTests {
    @Test func aChainIsKeyedWithTheLinkBefore() {
        let first = Digest(after: .zero, of: Array("abc".utf8))
        #expect(first.description == "bad705ff155af631f38dc6cafdda827a31595c802f3ff585c10691c58944d89b")
        let second = Digest(after: first, of: Array("def".utf8))
        #expect(second.description == "e20bf50a955e7311d7458325c8e355b0286572a1b44fe18e2a275aeb05ee8101")
    }

    @Test func emptyAndLongBodies() {
        #expect(Digest(after: .zero, of: []).description
            == "fd7b3e075ab7e245506323f1d1b55330ccd606fb3301f4caba25022a1de50b47")
        let key = Digest(bytes: Array(0..<32))
        #expect(Digest(after: key, of: DigestTests.long).description
            == "bf9c0d3a2590251349ad634ad07f03958d0be63d5f9533daf62752de734b2c76")
    }

    @Test func sha256OfKnownTexts() {
        #expect(sha256([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(sha256(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(sha256(DigestTests.long) == "4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d")
    }

    @Test func hexadecimalHasTwoDigitsAByte() {
        #expect([0x00, 0x0F, 0xA0, 0xFF].hexadecimal == "000fa0ff")
        #expect([UInt8]().hexadecimal == "")
    }

    private static let long = (0..<1000).map { UInt8($0 % 251) }
}
