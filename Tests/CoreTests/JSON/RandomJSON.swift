import Core
import TestSupport

/// Random values of all types, with the characters and keys that trouble writers.
enum RandomJSON {
    static func value(depth: Int, using generator: inout SeededGenerator) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &generator) {
        case 0: nil
        case 1: .bool(.random(using: &generator))
        case 2: .integer(Int.random(in: .min ... .max, using: &generator))
        case 3: .number(JSONNumber(Double(bitPattern: generator.next())))
        case 4: .string(string(using: &generator))
        case 5, 6:
            .array((0..<Int.random(in: 0...4, using: &generator)).map { _ in
                value(depth: depth - 1, using: &generator)
            })
        default:
            .object(JSONObject((0..<Int.random(in: 0...4, using: &generator)).map { _ in
                JSONObject.Member(key: string(using: &generator), value: value(depth: depth - 1, using: &generator))
            }))
        }
    }

    static func string(using generator: inout SeededGenerator) -> String {
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...12, using: &generator) {
            let bounds: ClosedRange<UInt32> = [
                0...0x1F, 0x20...0x7F, 0x22...0x22, 0x5C...0x5C, 0x80...0x7FF, 0x800...0xFFFF, 0x10000...0x10FFFF,
            ].randomElement(using: &generator)!
            if let scalar = Unicode.Scalar(UInt32.random(in: bounds, using: &generator)) { scalars.append(scalar) }
        }
        return String(scalars)
    }
}
