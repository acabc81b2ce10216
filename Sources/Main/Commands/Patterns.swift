internal import Core
internal import Patterns

extension Command {
    static let patterns = Command(
        "patterns", "Check and try event patterns, without a server.", subcommands: [checkPatterns, testPattern])

    private static let checkPatterns = Command(
        "check", "Run a file of pattern tests.",
        discussion: """
            Each line is a JSON object with a pattern and what must come of it: "event" and "expect" (true or false), \
            or "valid" (true or false). Each failure is listed; the last line counts.
            """,
        examples: [Example("opsbus patterns check pattern-tests.jsonl", "Run every test of a file")],
        arguments: [files]
    ) { arguments, session in
        var results: [PatternVector.Result] = []
        for path in arguments.all(files) {
            results += PatternVector.run(lines: try session.read(path), of: path)
        }
        let failures = results.filter { $0.failure != nil }
        session.output.result(
            [
                "Passed": .integer(results.count - failures.count), "Failed": .integer(failures.count),
                "Failures": .array(failures.map(\.json)),
            ]
        ) {
            for result in failures { session.output.line("\(result.place): \(printable(result.failure ?? ""))") }
            session.output.line("\(results.count - failures.count) passed, \(failures.count) failed")
        }
        return failures.isEmpty ? .success : .failure
    }

    private static let testPattern = Command(
        "test", "Say whether a pattern matches an event, and why or why not.",
        discussion: "The exit code is 0 where it matches, 1 where it does not.",
        examples: [
            Example(
                #"opsbus patterns test '{"source": ["my.app"]}' '{"source": "my.app"}'"#, "Both on the command line"),
            Example("opsbus patterns test @pattern.json @event.json", "Both from files"),
        ],
        arguments: [pattern, event]
    ) { arguments, session in
        let pattern = try compile(try session.text(try arguments.required(pattern)))
        let event = try session.text(try arguments.required(event))
        do {
            let explanation = try pattern.explain(event)
            session.output.result(
                ["Result": .bool(explanation.matches), "Explanation": .string(explanation.description)]
            ) {
                for warning in pattern.warnings { session.output.remark(warning.description) }
                session.output.line(explanation.description)
            }
            return explanation.matches ? .success : .failure
        } catch {
            throw CommandError.usage("EVENT: \(error)", fix: "give one event as a JSON object")
        }
    }

    private static func compile(_ text: [UInt8]) throws(CommandError) -> Pattern {
        do {
            return try Pattern(parsing: text)
        } catch {
            throw .usage("PATTERN: \(error)", fix: error.suggestion ?? "see the syntax of event patterns")
        }
    }

    private static let files = Argument("FILE", .file, count: 1...Int.max, "Tests, one a line; - for standard input.")
    private static let pattern = Argument("PATTERN", .text, "The pattern: JSON, @FILE, or - for standard input.")
    private static let event = Argument("EVENT", .text, "The event: JSON, @FILE, or - for standard input.")
}

/// One line of a file of pattern tests.
private struct PatternVector {
    struct Result {
        /// File and line, and the test's own name where it has one.
        let place: String
        /// Why the test failed; nil where it passed.
        let failure: String?

        var json: JSON { ["Place": .string(place), "Failure": .string(failure ?? "")] }
    }

    let pattern: [UInt8]
    let event: [UInt8]?
    /// Whether the pattern must be accepted.
    let isValid: Bool
    /// Whether it must match the event, if there is one.
    let expected: Bool

    /// Runs every line that is not empty.
    static func run(lines: [UInt8], of path: String) -> [Result] {
        var results: [Result] = []
        for (index, line) in lines.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            guard line.contains(where: { $0 > UInt8(ascii: " ") }) else { continue }
            var place = "\(path):\(index + 1)"
            do throws(JSONError) {
                let value = try JSON(parsing: Array(line))
                if let identifier = value["id"] { place += " \(identifier.cell)" }
                let failure =
                    PatternVector(value).map { $0.failure() } ?? "needs pattern, and event and expect or valid"
                results.append(Result(place: place, failure: failure))
            } catch {
                results.append(Result(place: place, failure: "\(error.message) at column \(error.position.column)"))
            }
        }
        return results
    }

    /// Nil where members are missing.
    private init?(_ value: JSON) {
        guard let pattern = value["pattern"] else { return nil }
        // A pattern that is no JSON object, or repeats a key, is given as its text.
        self.pattern = pattern.string.map { Array($0.utf8) } ?? pattern.bytes
        if let event = value["event"], let expected = value["expect"]?.bool {
            self.event = event.bytes
            (self.expected, isValid) = (expected, true)
        } else if let isValid = value["valid"]?.bool {
            event = nil
            (self.isValid, expected) = (isValid, false)
        } else {
            return nil
        }
    }

    private func failure() -> String? {
        let compiled: Pattern
        do {
            compiled = try Pattern(parsing: pattern)
        } catch {
            return isValid ? "the pattern is refused: \(error.serviceCode): \(error)" : nil
        }
        guard isValid else { return "the pattern is accepted" }
        guard let event else { return nil }
        do {
            // The engine that the server matches with, not the one that explains.
            var matcher = Matcher()
            let set = PatternSet()
            set.add(compiled, for: 0)
            let isMatch = try !matcher.matches(event, with: set.snapshot).isEmpty
            return isMatch == expected ? nil : isMatch ? "matches, and must not" : "does not match, and must"
        } catch {
            return "the event is refused: \(error)"
        }
    }
}
