internal import Core
import Testing

@testable internal import Patterns

@Suite struct PatternErrorTests {
    private func error(_ text: String) -> PatternError? {
        #expect(throws: PatternError.self) { _ = try Pattern(parsing: text) }
    }

    @Test func `An error names path, line, column and what was meant`() {
        let error = error("{\n  \"detail\": {\n    \"state\": [\"a\", {\"equals_ignore_case\": \"b\"}]\n  }\n}")
        #expect(error?.code == .unknownOperator)
        #expect(error?.serviceCode == "InvalidEventPatternException")
        #expect(error?.path == ["detail", "state", "1"])
        #expect(error?.position == TextPosition(line: 3, column: 21))
        #expect(
            error?.description
                == "Event pattern is not valid. Reason: Unrecognized match type equals_ignore_case "
                + "at line 3, column 21 "
                + "(detail.state[1]); did you mean \"equals-ignore-case\"?")
    }

    @Test(arguments: [
        ("prefx", "prefix"), ("sufix", "suffix"), ("EXISTS", "exists"), ("anything_but", "anything-but"),
        ("numerics", "numeric"), ("wildcrad", "wildcard"),
    ])
    func `A misspelt operator is guessed`(_ written: String, _ meant: String) {
        #expect(error("{\"a\":[{\"\(written)\":\"x\"}]}")?.suggestion == "did you mean \"\(meant)\"?")
    }

    @Test func `A scalar is shown as the list it should be`() {
        #expect(error(#"{"a":{"b":"x"}}"#)?.suggestion == #"write the value as a list: ["x"]"#)
    }

    @Test(arguments: [
        (#"{"a":["x"],"a":["y"]}"#, "repeated"), (#"{"a":[{"cidr":"10.0.0.0/0"}]}"#, "/0"),
        (#"{"a":[{"anything-but":"x"},{"anything-but":"y"}]}"#, "nearly everything"),
        (#"{"resources":[{"anything-but":"x"}]}"#, "array"), (#"{"a":[{"cidr":"::/0"}]}"#, "every address"),
        (#"{"$or":[{"resources":[{"anything-but":"x"}]},{"a":[1]}]}"#, "array"),
        (#"{"detail_type":["x"]}"#, "detail-type"),
        (#"{"a":[{"wildcard":"x"}]}"#, "without *"), (#"{"a":["x"]} }"#, "closing brace"),
        (#"{"a":[{"exists":true},"x"]}"#, "superfluous"),
        (#"{"source":["s"],"$or":{"a":["x"],"b":["y"]}}"#, "name of a field"),
    ])
    func `What is surely a mistake is warned of`(_ text: String, _ part: String) throws {
        let warnings = try Pattern(parsing: text).warnings
        #expect(warnings.contains { $0.description.contains(part) }, "\(warnings)")
    }

    @Test func `A good pattern has no warnings`() throws {
        let text = #"{"source":["aws.ec2"],"detail-type":[{"prefix":"EC2"}],"detail":{"state":["a",{"exists":false}]}}"#
        #expect(try Pattern(parsing: text).warnings.isEmpty)
    }

    private func measure(_ wildcards: [Wildcard]) -> Int {
        var work = WorkCount()
        return WildcardComplexity.measure(wildcards, &work)
    }

    @Test(arguments: [
        ("dir/*.png", 2), ("*a*", 3), ("*/lib/*", 4), ("*aaaa", 5), ("/Users/*/dir/dir/dir/dir/dir/doc.txt", 7),
        ("arn:*:events:*:*:event-bus/*", 8), ("*:*:*:*:event-bus/*", 9), ("*aaaaaaaaaa", 11),
        ("*:*:*:*:*:event-bus/*", 11), ("*" + String(repeating: "a", count: 20), 21),
    ])
    func `The complexity of a wildcard is the service's`(_ text: String, _ complexity: Int) throws {
        #expect(complexity == measure([try Wildcard(text)]))
    }

    @Test func `Wildcards of one path add up over the members of an or`() throws {
        func branches(_ texts: [String], _ other: (Int) -> String) -> String {
            let members = texts.enumerated().map { "{\"b\":[{\"wildcard\":\"\($1)\"}]\(other($0))}" }
            return "{\"$or\":[\(members.joined(separator: ","))]}"
        }
        // Two stars and one letter each: four of them make nine, five eleven.
        let texts = ["*v*", "*w*", "*x*", "*y*", "*z*"]
        _ = try Pattern(parsing: branches(Array(texts.prefix(4))) { _ in "" })
        #expect(error(branches(texts) { _ in "" })?.code == .tooComplex)
        #expect(error(branches(texts) { ",\"c\":[\($0)]" })?.code == .tooComplex)
        // What comes before in order of path keeps them apart.
        _ = try Pattern(parsing: branches(texts) { ",\"a\":[\($0)]" })
        #expect(error(branches(texts) { _ in ",\"a\":[1]" })?.path == ["b"])
    }

    @Test func `Wildcards that exclude each other do not add up`() throws {
        let wildcards = try (0..<40).map { try Wildcard("prod\($0)-*-x*") }
        #expect(measure(wildcards) <= 4)
        let stacks = try (0..<3).map { try Wildcard("*:stack/N\($0)/*") }
        #expect(measure(stacks) == 9)
    }
}
