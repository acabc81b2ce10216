import Testing

@testable import Main

struct ArgumentParserTests {
    private static let count = Option("count", short: "n", "N", .positive, "How many.")
    private static let tags = Option("tag", "KEY=VALUE", .keyValue, repeated: true, "Tags.")
    private static let wait = Flag("wait", short: "w", "Wait.")
    private static let verbose = Flag("verbose", short: "v", "Say more.")
    private static let name = Argument("NAME", .text, "A name.")
    private static let files = Argument("FILE", .file, count: 0...Int.max, "Files.")
    private static let color = Option("color", "WHEN", .choice(["auto", "never"]), "Colour.")

    private static let root = Command(
        "tool", "A tool.",
        subcommands: [
            Command("copy", "Copies.", options: [count, tags, wait, verbose], arguments: [name, files]) { _, _ in
                .success
            },
            Command("group", "A group.", subcommands: [Command("list", "Lists.") { _, _ in .success }]),
        ])

    private let parser = ArgumentParser(root: root, globals: [color])

    private func arguments(_ words: String...) throws -> Arguments { try parser.parse(words).arguments }

    private func problem(_ words: String...) -> String {
        do throws(CommandError) {
            _ = try parser.parse(words)
            return "no error"
        } catch {
            return error.exitCode == .usage ? error.description : "exit code \(error.exitCode)"
        }
    }

    @Test(arguments: [["--count=3"], ["--count", "3"], ["-n", "3"], ["-n3"], ["-n=3"], ["--count", "2", "-n", "3"]])
    func `An option's value may be written in each usual way, and the last one counts`(words: [String]) throws {
        let result = try parser.parse(["copy"] + words + ["a"])
        #expect(result.arguments[Self.count] == 3)
        #expect(result.arguments[Self.name] == "a")
    }

    @Test func `Options may stand between, before and after arguments`() throws {
        let arguments = try arguments("--color", "never", "copy", "a", "-w", "b", "--tag", "x=1", "c", "--tag=y=2=3")
        #expect(arguments[Self.color] == "never")
        #expect(arguments[Self.name] == "a")
        #expect(arguments.all(Self.files) == ["b", "c"])
        #expect(arguments[Self.wait])
        #expect(!arguments[Self.verbose])
        #expect(arguments.all(Self.tags) == [KeyValue(key: "x", value: "1"), KeyValue(key: "y", value: "2=3")])
    }

    @Test func `Short flags may be run together and end with an option and its value`() throws {
        let arguments = try arguments("copy", "-wvn7", "a")
        #expect(arguments[Self.wait] && arguments[Self.verbose])
        #expect(arguments[Self.count] == 7)
    }

    @Test func `After two dashes everything is an argument`() throws {
        let arguments = try arguments("copy", "--", "--wait", "-n")
        #expect(arguments[Self.name] == "--wait")
        #expect(arguments.all(Self.files) == ["-n"])
        #expect(!arguments[Self.wait])
    }

    @Test func `A single dash is an argument`() throws {
        #expect(try arguments("copy", "-")[Self.name] == "-")
    }

    @Test func `A value may begin with a dash`() throws {
        #expect(try arguments("copy", "a", "--tag", "-x=1").all(Self.tags) == [KeyValue(key: "-x", value: "1")])
    }

    @Test func `An optional argument leaves room for a required one after it`() throws {
        let first = Argument("FIRST", .text, count: 0...1, "May be left out.")
        let root = Command("tool", "", arguments: [first, Self.name]) { _, _ in .success }
        let parser = ArgumentParser(root: root, globals: [])
        let one = try parser.parse(["a"]).arguments
        #expect(one[first] == nil && one[Self.name] == "a")
        let two = try parser.parse(["a", "b"]).arguments
        #expect(two[first] == "a" && two[Self.name] == "b")
    }

    @Test func `Help is found among words that are wrong`() throws {
        let result = try parser.parse(["copy", "--nonsense", "-h"])
        #expect(result.wantsHelp)
        #expect(result.path.map(\.name) == ["tool", "copy"])
    }

    @Test func `Where there are many commands, the help lists them`() {
        let many = (0..<30).map { Command("command\($0)", "") { _, _ in .success } }
        let parser = ArgumentParser(root: Command("tool", "", subcommands: many), globals: [])
        for words in [[], ["zzzzzz"]] {
            let error = #expect(throws: CommandError.self) { try parser.parse(words) }
            #expect(error?.fix == "see 'tool --help'")
        }
    }

    @Test func `Mistakes are named with a way out`() {
        #expect(problem("cpy") == "there is no command 'tool cpy': did you mean 'copy'?")
        #expect(problem("zzzzzz") == "there is no command 'tool zzzzzz': choose one of copy, group")
        #expect(problem("group") == "'tool group' needs a command: choose one of list")
        #expect(problem("copy", "a", "--cuont", "3") == "unknown option '--cuont': did you mean '--count'?")
        #expect(problem("copy", "a", "-x") == "unknown option '-x': see 'tool copy --help'")
        #expect(problem("copy", "a", "--count") == "--count needs a value: write --count N")
        #expect(problem("copy", "a", "--wait=yes") == "--wait takes no value: write --wait alone")
        #expect(
            problem("copy", "a", "-n", "0") == "-n: '0' is not a whole number above 0: see 'tool copy --help'")
        #expect(
            problem("copy", "a", "--color", "nver")
                == "--color: 'nver' is not one of auto, never; did you mean 'never'?: see 'tool copy --help'")
        #expect(problem("copy") == "NAME is missing: see 'tool copy --help'")
        #expect(problem("group", "list", "x") == "'x' is one argument too many: see 'tool group list --help'")
    }
}
