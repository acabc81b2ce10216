import Core
import Testing

@testable import Agent

@Suite struct ShellScriptTests {
    @Test(arguments: [
        (["echo 1", "echo 2"] as JSON, "echo 1\necho 2\n"), ("echo 1", "echo 1\n"),
        ([["a", "b"], "c"], "a\nb\nc\n"), ([], "\n"), (["x", 5, true], "x\n5\ntrue\n"),
    ] as [(JSON, String)])
    func linesBecomeOneScript(_ runCommand: JSON, _ text: String) {
        #expect(ShellScript(inputs: ["runCommand": runCommand])?.text == text)
    }

    @Test(arguments: [["a": "b"], nil, [["a": "b"]]] as [JSON])
    func otherThingsAreNoScript(_ runCommand: JSON) {
        #expect(ShellScript(inputs: ["runCommand": runCommand]) == nil)
    }

    @Test(arguments: [
        (nil as JSON, 3600), (5, 5), (4, 3600), (172_800, 172_800), (172_801, 3600), ("60", 60), ("60.9", 60),
        (60.9, 60), ("x", 3600), ("", 3600), (-1, 3600), (true, 3600), ("1e300", 3600), ("nan", 3600),
    ] as [(JSON, Int)])
    func timeoutsOutOfRangeMeanAnHour(_ timeout: JSON, _ seconds: Int) {
        let script = ShellScript(inputs: ["runCommand": "x", "timeoutSeconds": timeout])
        #expect(script?.timeoutSeconds == seconds)
    }

    @Test func pathsAreOneWordOfTheShell() {
        #expect(ShellScript.quote("/a b/c") == "'/a b/c'")
        #expect(ShellScript.quote("/it's") == #"'/it'\''s'"#)
    }

    @Test func theNameAndVersionOfThePlatformAreRead() {
        let values = Machine.osRelease("# c\nNAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\nID=debian\nBROKEN\n")
        #expect(values == ["NAME": "Debian GNU/Linux", "VERSION_ID": "12", "ID": "debian"])
        #expect(!Machine.current.computerName.isEmpty)
    }
}
