internal import CShims
internal import Core
import TestSupport
import Testing

@testable internal import Patterns

/// The judge that reads 64 bytes at a time, against the reader that takes them one by one.
@Suite struct JSONScanTests {
    private struct Verdict: Equatable {
        var isVouchedFor: Bool
        /// The end of each container and the number of the next one after it.
        var containers: [[UInt32]] = []
    }

    private typealias Scan = (
        UnsafePointer<UInt8>, Int, UInt32, UnsafeMutablePointer<ops_container>?
    ) -> Int32

    private func verdict(_ bytes: [UInt8], by scan: Scan, depthMax: Int = Limits.jsonDepthMax) -> Verdict {
        var containers = [ops_container](repeating: ops_container(), count: bytes.count)
        let isRight = bytes.withUnsafeBufferPointer { scan($0.baseAddress!, $0.count, UInt32(depthMax), &containers) }
        guard isRight == 1 else { return Verdict(isVouchedFor: false) }
        let opened = containers.prefix { $0.end > 0 }
        return Verdict(isVouchedFor: true, containers: opened.map { [$0.end, $0.next] })
    }

    /// The containers of a text, found bracket by bracket.
    private func containers(_ bytes: [UInt8]) -> [[UInt32]] {
        var found: [[UInt32]] = []
        var open: [Int] = []
        var inString = false
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\\") where inString: index += 1
            case UInt8(ascii: "\""): inString.toggle()
            case UInt8(ascii: "{") where !inString, UInt8(ascii: "[") where !inString:
                open.append(found.count)
                found.append([])
            case UInt8(ascii: "}") where !inString, UInt8(ascii: "]") where !inString:
                found[open.removeLast()] = [UInt32(index + 1), UInt32(found.count)]
            default: break
            }
            index += 1
        }
        return found
    }

    private func isRight(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { JSONWalk.check($0, .any, keys: nil) } == nil
    }

    @Test func `Ordinary events are vouched for, and their containers are known`() throws {
        var vocabulary = Vocabulary(generator: SeededGenerator(seed: 7))
        for _ in 0..<2000 {
            let bytes = vocabulary.event().bytes
            let text = String(decoding: bytes, as: UTF8.self)
            let found = verdict(bytes, by: ops_json_scan)
            // Exponents are left to the careful reader.
            try #require(found.isVouchedFor || text.contains(/[0-9][eE]/), "\(text)")
            if found.isVouchedFor { try #require(found.containers == containers(bytes), "\(text)") }
            try #require(verdict(bytes, by: ops_json_scan_portable) == found)
        }
    }

    /// Pieces that matter to the grammar, so that damage is often small.
    private static let pieces: [[UInt8]] =
        [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\\"", "\\u", "\\ud800", "\\udc00", "0", "-", ".", "1.5", "e",
            "true", "fals", "null", " ", "\n", "\t", "\r", "a", "é", "😀", "{}", "[]", "\"\"", "\"k\":", ",\"k\":1",
        ].map { Array($0.utf8) } + [[0x80], [0xC3], [0xED, 0xA0, 0x80], [0xF0, 0x9F], [0xFF], [0x00], [0x1F], [0x7F]]

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `What it vouches for is right, however texts are damaged`(seed: UInt64) throws {
        var vocabulary = Vocabulary(generator: SeededGenerator(seed: seed))
        for _ in 0..<4000 {
            var bytes = vocabulary.event().bytes
            let offset = Int.random(in: 0...70, using: &vocabulary.generator)
            // Every place of a block gets its turn.
            bytes.insert(contentsOf: Array(repeating: UInt8(ascii: " "), count: offset), at: 1)
            for _ in 0..<Int.random(in: 1...3, using: &vocabulary.generator) where !bytes.isEmpty {
                let index = Int.random(in: bytes.indices, using: &vocabulary.generator)
                let piece = vocabulary.pick(Self.pieces)
                switch Int.random(in: 0..<4, using: &vocabulary.generator) {
                case 0: bytes.remove(at: index)
                case 1: bytes.insert(contentsOf: piece, at: index)
                case 2: bytes.replaceSubrange(index..<min(index + piece.count, bytes.count), with: piece)
                default: bytes.removeLast(bytes.count - index)
                }
            }
            if bytes.isEmpty { continue }
            let found = verdict(bytes, by: ops_json_scan)
            if found.isVouchedFor {
                try #require(isRight(bytes), "seed \(seed): \(bytes)")
                try #require(found.containers == containers(bytes), "seed \(seed): \(bytes)")
            }
            try #require(verdict(bytes, by: ops_json_scan_portable) == found, "seed \(seed): \(bytes)")
        }
    }

    @Test(arguments: [
        #"{"a":1,}"#, #"{,"a":1}"#, #"{"a":1 "b":2}"#, #"{"a"}"#, #"{"a":}"#, #"{"a":1:2}"#, #"{1:2}"#, #"{"a","b"}"#,
        #"["a":1]"#, "[1,]", "[,1]", "[1 2]", "[01]", "[-]", "[-01]", "[1.]", "[.5]", "[1.2.3]", "[--1]", "[1-1]",
        "[nul]", "[nulll]", "[true1]", "[1true]", "[\"a\"\"b\"]", "[\"a\"1]", "[1\"a\"]", "[{}{}]", "[[][]]", "[}",
        "{]", "[1]]", "[[1]", "{\"a\":1", "[] []", "[],", "{} 1", #"["\x"]"#, #"["\u12g4"]"#, #"["\ud800"]"#,
        #"["\udc00"]"#, #"["\ud800\u0041"]"#, #"["\u"]"#, "[\"\u{1}\"]", "[\u{B}1]", "[\u{0}]", "['a']", "[+1]",
        "[NaN]", "[1_0]", "[\\n]",
    ])
    func `What is no JSON is not vouched for, at any place of a block`(text: String) {
        for offset in 0..<130 {
            let blank = String(repeating: " ", count: offset)
            let moved = Array("[\(blank)\(text)]".utf8)
            #expect(!verdict(moved, by: ops_json_scan).isVouchedFor, "\(offset): \(text)")
            #expect(!verdict(moved, by: ops_json_scan_portable).isVouchedFor, "\(offset): \(text)")
        }
        #expect(!verdict(Array(text.utf8), by: ops_json_scan).isVouchedFor)
    }

    @Test(arguments: [
        "{}", "[]", "[ ]", "{ }", #"{"":""}"#, #"{ "a" : [ 1 , -2.50 , 0 , -0 , 0.0 , true , false , null , "x" ] }"#,
        "\n\t{\r\n}\n", #"["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é€😀"]"#, #"[[[]],[{}],{"a":{},"b":[]}]"#,
        #"{"a\\":"\\\\","b\"":"\\\""}"#,
    ])
    func `What is ordinary JSON is vouched for, at any place of a block`(text: String) {
        #expect(verdict(Array(text.utf8), by: ops_json_scan).isVouchedFor)
        for offset in 0..<130 {
            let moved = Array("[\(String(repeating: " ", count: offset))\(text)]".utf8)
            #expect(
                verdict(moved, by: ops_json_scan) == Verdict(isVouchedFor: true, containers: containers(moved)),
                "\(offset): \(text)")
        }
    }

    @Test func `Nesting is vouched for up to the limit`() {
        func nested(_ depth: Int) -> [UInt8] {
            Array(repeating: UInt8(ascii: "["), count: depth) + Array(repeating: UInt8(ascii: "]"), count: depth)
        }
        for depthMax in [1, 2, 63, 64, 1000] {
            #expect(verdict(nested(depthMax), by: ops_json_scan, depthMax: depthMax).isVouchedFor)
            #expect(!verdict(nested(depthMax + 1), by: ops_json_scan, depthMax: depthMax).isVouchedFor)
        }
        // Whatever is asked for, the stack is bounded.
        #expect(!verdict(nested(5000), by: ops_json_scan, depthMax: 1 << 30).isVouchedFor)
    }
}
