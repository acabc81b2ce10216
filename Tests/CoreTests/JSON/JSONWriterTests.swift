import Core
import Foundation
import TestSupport
import Testing

@Suite struct JSONWriterTests {
    @Test("Random values survive writing and reading, compact and pretty", arguments: [1, 2, 3] as [UInt64])
    func roundTrips(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let value = RandomJSON.value(depth: 5, using: &generator)
            let bytes = value.bytes
            // Bytes are compared as well, because strings compare by canonical equivalence.
            let read = try JSON(parsing: bytes)
            #expect(read == value && read.bytes == bytes, "seed \(seed)")
            let pretty = try JSON(parsing: value.prettyText)
            #expect(pretty == value && pretty.bytes == bytes, "seed \(seed)")
        }
    }

    @Test("Another reader agrees", arguments: [4] as [UInt64])
    func foundationReadsIt(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let text = RandomJSON.string(using: &generator)
            let data = Data(JSON.array([.string(text)]).bytes)
            let read = try #require(try JSONSerialization.jsonObject(with: data) as? [String])
            #expect(Array(read[0].utf8) == Array(text.utf8), "seed \(seed)")
        }
    }

    @Test func prettyTextIndentsByTwoSpaces() {
        let value: JSON = ["a": [1, [], [:], ["b": nil]], "c": "x"]
        #expect(value.prettyText == """
            {
              "a": [
                1,
                [],
                {},
                {
                  "b": null
                }
              ],
              "c": "x"
            }
            """)
    }

    @Test func membersAreReadByTheirLastOccurrenceAndSetInPlace() throws {
        var value = try JSON(parsing: #"{"a":1,"b":2,"a":3}"#)
        #expect(value["a"] == 3)
        value["a"] = 4
        value["c"] = 5
        #expect(value.text == #"{"a":1,"b":2,"a":4,"c":5}"#)
        value["a"] = nil
        #expect(value.text == #"{"b":2,"c":5}"#)
        var other: JSON = "text"
        other["a"] = [1, 2]
        #expect(other.text == #"{"a":[1,2]}"#)
        #expect(other["a"]?[1] == 2)
        #expect(other["a"]?[2] == nil && other["a"]?[-1] == nil && other[0] == nil && other["b"] == nil)
    }
}
