import Core
import Testing

@testable import Main

struct CompletionTests {
    private func complete(_ words: String..., connection: FakeConnection? = nil) async -> [String] {
        await opsbus(["__complete", "--"] + words, connection).lines
    }

    @Test func `Commands are offered by what is typed of them`() async {
        #expect(await complete("au") == ["automation", "audit"])
        #expect(await complete("dlq", "") == ["list", "show", "redrive"])
        #expect(await complete("nonsense", "").contains("serve"))
    }

    @Test func `Options are offered after a dash`() async {
        #expect(await complete("automation", "stop", "--c") == ["--client-key", "--color", "--complete", "--config"])
    }

    @Test func `Values of an option are offered, also behind an equals sign`() async {
        #expect(await complete("--output", "") == ["table", "json"])
        #expect(await complete("rules", "list", "-o", "j") == ["json"])
        #expect(await complete("--output=t") == ["--output=table"])
    }

    @Test func `Names that a server knows are offered`() async {
        let connection = FakeConnection([
            "events:ListRules": [["Rules": [["Name": "disk-full"], ["Name": "file-drift"], ["Name": "disk-slow"]]]]
        ])
        #expect(await complete("rules", "describe", "disk", connection: connection) == ["disk-full", "disk-slow"])
        #expect(await complete("dlq", "list", "--rule", "", connection: connection).count == 3)
    }

    @Test func `Without a server no names are offered and nothing is said`() async {
        let outcome = await opsbus(["__complete", "--", "rules", "describe", ""])
        #expect(outcome.output.isEmpty && outcome.errors.isEmpty)
        #expect(outcome.exitCode == .success)
    }

    @Test func `Files are left to the shell`() {
        let completer = Completer(parser: ArgumentParser(root: .opsbus, globals: GlobalOptions.all))
        #expect(completer.answer(["events", "put", ""]) == .files)
        #expect(completer.answer(["serve", "--data", ""]) == .files)
    }

    @Test(arguments: CompletionScripts.shells)
    func `Each shell's script calls the hidden verb`(shell: String) async {
        let outcome = await opsbus(["completions", shell])
        #expect(outcome.exitCode == .success)
        #expect(outcome.output.contains("opsbus __complete"))
    }
}
