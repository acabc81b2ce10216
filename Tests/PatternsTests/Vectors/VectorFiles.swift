internal import Core
internal import Foundation
@testable internal import Patterns
import Testing

/// One line of a file in the conformance format, or one verdict of `event-pattern-vectors.json`.
struct Vector: CustomTestStringConvertible, Sendable {
    enum Expectation: Sendable {
        case invalid(reason: String)
        case valid
        case matches(event: [UInt8], Bool)
    }

    let identifier: String
    let pattern: [UInt8]
    let expectation: Expectation

    var testDescription: String { "\(identifier) \(String(decoding: pattern.prefix(200), as: UTF8.self))" }
}

enum VectorFiles {
    static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Data")

    static func bytes(_ name: String) -> [UInt8] {
        Array((try? Data(contentsOf: directory.appendingPathComponent(name))) ?? Data())
    }

    static func conformance(_ name: String) throws -> [Vector] {
        try bytes(name).split(separator: UInt8(ascii: "\n")).map { line in
            let json = try JSON(parsing: Array(line))
            // A pattern given as a string is the pattern's text.
            let pattern = json["pattern"]?.string.map { Array($0.utf8) } ?? json["pattern"]?.bytes ?? []
            let expectation: Vector.Expectation =
                if let event = json["event"], let expect = json["expect"]?.bool {
                    .matches(event: event.bytes, expect)
                } else if json["valid"]?.bool == true {
                    .valid
                } else {
                    .invalid(reason: json["why"]?.string ?? "")
                }
            return Vector(identifier: json["id"]?.string ?? "?", pattern: pattern, expectation: expectation)
        }
    }

    /// The vectors of the specification: patterns and events are strings.
    static func specification() throws -> [Vector] {
        let entries = try JSON(parsing: bytes("event-pattern-vectors.json")).array ?? []
        return entries.enumerated().flatMap { index, entry -> [Vector] in
            let pattern = Array((entry["pattern"]?.string ?? "").utf8)
            if let reason = entry["invalid"]?.string {
                return [Vector(identifier: "spec-\(index)", pattern: pattern, expectation: .invalid(reason: reason))]
            }
            return (entry["events"]?.array ?? []).map { verdict in
                Vector(
                    identifier: "spec-\(index)", pattern: pattern,
                    expectation: .matches(
                        event: Array((verdict[0]?.string ?? "").utf8), verdict[1]?.bool ?? false))
            }
        }
    }
}
