import Testing

@testable import Main

struct PatternsCommandTests {
    @Test func `Vectors are run, failures listed, and the last line counts`() async {
        let lines = """
            {"id": "a", "pattern": {"x": [1]}, "event": {"x": 1}, "expect": true}
            {"id": "b", "pattern": {"x": [1]}, "event": {"x": 1}, "expect": false}
            {"id": "c", "pattern": {"x": 1}, "valid": false}
            {"id": "d", "pattern": {"x": [1]}, "valid": false}

            {"pattern": "{\\"x\\": [1", "valid": false}
            {"id": "f", "pattern": {"x": []}, "valid": true}
            {"id": "g"}
            nonsense
            """
        let outcome = await opsbus(["patterns", "check", "-"], input: lines)
        #expect(outcome.exitCode == .failure)
        #expect(outcome.lines.last == "3 passed, 5 failed")
        #expect(outcome.lines[0] == "-:2 b: matches, and must not")
        #expect(outcome.lines[1] == "-:4 d: the pattern is accepted")
        #expect(outcome.lines[2].hasPrefix("-:7 f: the pattern is refused: "))
        #expect(outcome.lines[3] == "-:8 g: needs pattern, and event and expect or valid")
        #expect(outcome.lines[4] == "-:9: expected a JSON value, found 'n' at column 1")
    }

    @Test func `A file whose tests all pass is a success`() async {
        let outcome = await opsbus(
            ["patterns", "check", "-"], input: #"{"pattern": {"x": [1]}, "event": {"x": 2}, "expect": false}"#)
        #expect(outcome.exitCode == .success)
        #expect(outcome.output == "1 passed, 0 failed\n")
    }

    @Test func `One pattern is tried on one event`() async {
        let match = await opsbus(["patterns", "test", #"{"x": ["a"]}"#, #"{"x": "a"}"#])
        #expect(match.exitCode == .success)
        let other = await opsbus(["patterns", "test", #"{"x": ["a"]}"#, "-", "-o", "json"], input: #"{"x": "b"}"#)
        #expect(other.exitCode == .failure)
        #expect(other.output.hasPrefix(#"{"Result":false,"Explanation":""#))
    }

    @Test func `A pattern or an event that is malformed is named`() async {
        let pattern = await opsbus(["patterns", "test", #"{"x": "a"}"#, "{}"])
        #expect(pattern.exitCode == .usage)
        #expect(pattern.errors.hasPrefix("opsbus: PATTERN: "))
        let event = await opsbus(["patterns", "test", #"{"x": ["a"]}"#, "[]"])
        #expect(event.exitCode == .usage)
        #expect(event.errors.hasPrefix("opsbus: EVENT: "))
    }
}
