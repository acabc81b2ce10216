import API
import Core
import Testing

@testable import Main

@Suite struct RunCommandTests {
    private let sent: JSON = ["Command": ["CommandId": "c-1", "Status": "Pending"]]

    private func invocations(_ statuses: (String, String)...) -> JSON {
        [
            "CommandInvocations": .array(
                statuses.map { ["InstanceId": .string($0.0), "Status": .string($0.1)] })
        ]
    }

    private func commands(_ status: String) -> JSON {
        ["Commands": [["CommandId": "c-1", "StatusDetails": .string(status)]]]
    }

    @Test func `A document is sent with its parameters to nodes and targets`() async {
        let connection = FakeConnection(["ssm:SendCommand": [sent]])
        let outcome = await opsbus(
            [
                "run", "Restart", "--node", "mi-1,mi-2", "--node", "mi-3", "--targets", "tag:role=web,db",
                "-p", "service=nginx", "-p", "service=sshd", "-p", #"list=["x","y"]"#, "-p", "number=[1]",
                "--timeout", "2m", "--max-concurrency", "25%", "--max-errors", "1", "--comment", "why",
            ], connection)
        #expect(
            connection.inputs("ssm:SendCommand") == [
                [
                    "DocumentName": "Restart", "InstanceIds": ["mi-1", "mi-2", "mi-3"],
                    "Targets": [["Key": "tag:role", "Values": ["web", "db"]]],
                    "Parameters": ["service": ["nginx", "sshd"], "list": ["x", "y"], "number": ["[1]"]],
                    "TimeoutSeconds": 120, "MaxConcurrency": "25%", "MaxErrors": "1", "Comment": "why",
                ]
            ])
        #expect(outcome.output == "c-1\n")
    }

    @Test func `A shell command becomes the shell document, a command a line`() async {
        let connection = FakeConnection(["ssm:SendCommand": [sent]])
        _ = await opsbus(["run", "--shell", "df -h\nuptime", "--node", "mi-1"], connection)
        #expect(
            connection.inputs("ssm:SendCommand") == [
                [
                    "DocumentName": "AWS-RunShellScript", "InstanceIds": ["mi-1"],
                    "Parameters": ["commands": ["df -h", "uptime"]],
                ]
            ])
    }

    @Test(arguments: [
        (["run", "--targets", "tag:env=prod", "--", "uptime"], "uptime"),
        (["run", "--targets", "tag:env=prod", "--", "df -h | tail"], "df -h | tail"),
        (["run", "-t", "tag:env=prod", "--", "echo", "a b", "it's", "$HOME"], #"echo 'a b' 'it'\''s' '$HOME'"#),
        // What stands after the command is its own, unless no nodes were named before it.
        (["run", "--", "uptime", "--targets", "tag:env=prod"], "uptime"),
        (["run", "--", "uptime", "-p", "--targets=tag:env=prod"], "uptime -p"),
        (["run", "--targets", "tag:env=prod", "--", "kubectl", "--node", "x"], "kubectl --node x"),
    ])
    func `What follows -- is the command`(words: [String], line: String) async {
        let connection = FakeConnection(["ssm:SendCommand": [sent]])
        _ = await opsbus(words, connection)
        let input = connection.inputs("ssm:SendCommand").first
        #expect(input?["Parameters"] == ["commands": [.string(line)]])
        #expect(input?["Targets"] == [["Key": "tag:env", "Values": ["prod"]]])
    }

    @Test func `The command that follows -- is followed, unless it is to be left alone`() async {
        let answers: [String: [JSON]] = [
            "ssm:SendCommand": [sent], "ssm:ListCommands": [commands("Failed")],
            "ssm:ListCommandInvocations": [invocations(("mi-1", "Failed"))],
            "ssm:GetCommandInvocation": [
                ["Status": "Failed", "ResponseCode": 3, "StandardOutputContent": "oh\n"]
            ],
        ]
        let followed = await opsbus(["run", "--node", "mi-1", "--", "false"], FakeConnection(answers))
        #expect(followed.exitCode == .failure)
        #expect(followed.output == "mi-1 Failed (exit code 3)\n    oh\nc-1 Failed: 0 of 1 nodes succeeded\n")
        let quiet = await opsbus(
            ["run", "--node", "mi-1", "--show", "none", "--", "false"], FakeConnection(answers))
        #expect(!quiet.output.contains("oh"))
        let left = await opsbus(["run", "--node", "mi-1", "--detach", "--", "false"], FakeConnection(answers))
        #expect(left.output == "c-1\n" && left.exitCode == .success)
    }

    @Test func `Of a document with several steps each is shown`() async {
        let connection = FakeConnection([
            "ssm:ListCommandInvocations": [
                ["CommandInvocations": [["CommandPlugins": [["Name": "one"], ["Name": "two"]]]]]
            ],
            "ssm:GetCommandInvocation": [
                ["PluginName": "one", "Status": "Success", "StandardOutputContent": "1\n"],
                ["PluginName": "two", "Status": "Failed", "ResponseCode": 4, "StandardErrorContent": "2\n"],
            ],
        ])
        connection.failOnce("ssm:GetCommandInvocation", ServiceError(.invalidPluginName, "several"))
        let results = try? await CommandProgress.results(of: "c-1", on: "mi-1", connection)
        #expect(results?.count == 2)
        let terminal = RecordingTerminal()
        CommandProgress.show(results ?? [], Output(terminal: terminal))
        #expect(terminal.output == "  one Success\n    1\n  two Failed (exit code 4)\n    2\n")
    }

    @Test func `On a terminal a line counts below the nodes that are done`() async throws {
        let connection = FakeConnection([
            "ssm:ListCommands": [commands("InProgress"), commands("Success")],
            "ssm:ListCommandInvocations": [
                invocations(("mi-1", "InProgress"), ("mi-2", "Pending")),
                invocations(("mi-1", "Success"), ("mi-2", "Success")),
            ], "ssm:GetCommandInvocation": [["Status": "Success", "StandardOutputContent": "x\n"]],
        ])
        let terminal = RecordingTerminal(isInteractive: true)
        let progress = CommandProgress(
            identifier: "c-1", connection: connection, output: Output(terminal: terminal), shown: .none)
        #expect(try await progress.follow() == .success)
        #expect(terminal.output.contains("\r\u{1B}[K0 of 2 done, 0 failed, 1 running, 1 waiting"))
        #expect(terminal.output.hasSuffix("\r\u{1B}[Kc-1 Success: 2 of 2 nodes succeeded\n"))
    }

    @Test func `Output is printed to its end, page by page`() async {
        let connection = FakeConnection([
            "ssm:ListCommandInvocations": [invocations(("mi-1", "InProgress"))],
            "ssm:GetCommandOutput": [
                ["Content": "one ", "NextOffset": 4, "IsComplete": false],
                ["Content": "two\n", "NextOffset": 8, "IsComplete": true],
            ],
        ])
        let outcome = await opsbus(["commands", "output", "c-1"], connection)
        #expect(outcome.output == "one two\n")
        #expect(connection.inputs("ssm:GetCommandOutput").map { $0["Offset"] } == [nil, 4])
        let several = FakeConnection([
            "ssm:ListCommandInvocations": [invocations(("mi-1", "Success"), ("mi-2", "Success"))]
        ])
        let refused = await opsbus(["commands", "output", "c-1"], several)
        #expect(refused.exitCode == .usage)
    }

    @Test(arguments: [
        ["run", "--node", "mi-1"], ["run", "Doc"], ["run", "Doc", "--shell", "x", "--node", "mi-1"],
    ])
    func `What cannot be sent is refused before it is sent`(words: [String]) async {
        let connection = FakeConnection()
        #expect(await opsbus(words, connection).exitCode == .usage)
        #expect(connection.calls.isEmpty)
    }

    @Test func `Waiting prints each node's progress and output, and ends with the command`() async {
        let connection = FakeConnection(
            [
                "ssm:SendCommand": [sent],
                "ssm:ListCommands": [commands("Pending"), commands("InProgress"), commands("Success")],
                "ssm:ListCommandInvocations": [
                    invocations(("mi-1", "Pending")), invocations(("mi-1", "InProgress")),
                    invocations(("mi-1", "Success")),
                ],
                "ssm:GetCommandInvocation": [
                    ["Status": "Success", "StandardOutputContent": "one\ntwo\n", "StandardErrorContent": "oh\u{7}\n"]
                ],
            ],
            messages: (1...3).map {
                Message(topic: "command/c-1/", sequence: $0, previousSequence: 0, body: [:], checkpoint: 0)
            })
        let outcome = await opsbus(["run", "--shell", "x", "--node", "mi-1", "--wait"], connection)
        #expect(
            outcome.output == """
                mi-1 Pending
                mi-1 InProgress
                mi-1 Success
                    one
                    two
                    oh\u{FFFD}
                c-1 Success: 1 of 1 nodes succeeded

                """)
        #expect(connection.subscriptions.map(\.prefixes) == [["command/c-1/"]])
        #expect(connection.inputs("ssm:GetCommandInvocation") == [["CommandId": "c-1", "InstanceId": "mi-1"]])
        #expect(outcome.exitCode == .success)
    }

    @Test func `A node that failed makes the exit code 1`() async {
        let connection = FakeConnection([
            "ssm:SendCommand": [sent], "ssm:ListCommands": [commands("Failed")],
            "ssm:ListCommandInvocations": [invocations(("mi-1", "Success"), ("mi-2", "Failed"))],
            "ssm:GetCommandInvocation": [["Status": "Success"], ["Status": "Failed", "ResponseCode": 3]],
        ])
        let outcome = await opsbus(["run", "--shell", "x", "--node", "mi-1,mi-2", "-w"], connection)
        #expect(outcome.exitCode == .failure)
        #expect(outcome.lines.last == "c-1 Failed: 1 of 2 nodes succeeded")
    }

    @Test func `A command that reached no node is no success`() async {
        let connection = FakeConnection([
            "ssm:SendCommand": [sent], "ssm:ListCommands": [commands("NoInstancesInTag")],
            "ssm:ListCommandInvocations": [invocations()],
        ])
        let outcome = await opsbus(["run", "--shell", "x", "--targets", "tag:role=none", "-w"], connection)
        #expect(outcome.exitCode == .failure)
        #expect(outcome.lines.last == "c-1 NoInstancesInTag: 0 of 0 nodes succeeded")
    }

    @Test func `For programs each node's result is one line`() async {
        let result: JSON = ["Status": "Success", "StandardOutputContent": "x\n"]
        let connection = FakeConnection([
            "ssm:SendCommand": [sent], "ssm:ListCommands": [commands("Success")],
            "ssm:ListCommandInvocations": [invocations(("mi-1", "Success"))], "ssm:GetCommandInvocation": [result],
        ])
        let outcome = await opsbus(["run", "--shell", "x", "--node", "mi-1", "-w", "-o", "json"], connection)
        #expect(outcome.output == result.text + "\n")
    }

    @Test func `Without messages the progress is looked at now and then`() async {
        let connection = FakeConnection(
            [
                "ssm:SendCommand": [sent], "ssm:ListCommands": [commands("InProgress"), commands("Success")],
                "ssm:ListCommandInvocations": [invocations()],
            ], streamEnds: true)
        let outcome = await opsbus(["run", "--shell", "x", "--node", "mi-1", "-w"], connection)
        #expect(outcome.exitCode == .success)
    }

    @Test func `^C leaves the command running and says how to end it`() async {
        let connection = FakeConnection([
            "ssm:SendCommand": [sent], "ssm:ListCommands": [commands("InProgress")],
            "ssm:ListCommandInvocations": [invocations()],
        ])
        let outcome = await opsbus(["run", "--shell", "x", "--node", "mi-1", "-w"], connection, interrupted: true)
        #expect(outcome.exitCode == .interrupted)
        #expect(outcome.errors == "opsbus: the command goes on; to end it: opsbus commands cancel c-1\n")
    }

    @Test func `Commands are listed, shown and cancelled`() async {
        let connection = FakeConnection([
            "ssm:ListCommands": [
                [
                    "Commands": [
                        [
                            "CommandId": "c-1", "DocumentName": "Restart", "StatusDetails": "Success",
                            "TargetCount": 2, "CompletedCount": 2, "ErrorCount": 0, "RequestedDateTime": 1769846400.5,
                        ]
                    ]
                ]
            ],
            "ssm:ListCommandInvocations": [invocations(("mi-1", "Success"))],
            "ssm:GetCommandInvocation": [
                ["InstanceId": "mi-1", "Status": "Success", "StandardOutputContent": "done\n"]
            ],
            "ssm:CancelCommand": [[:]],
        ])
        let list = await opsbus(["commands", "list"], connection)
        #expect(
            list.output == """
                COMMAND  REQUESTED             STATUS   NODES  DONE  ERRORS  DOCUMENT
                c-1      2026-01-31T08:00:00Z  Success      2     2       0  Restart

                """)
        let show = await opsbus(["commands", "show", "c-1"], connection)
        #expect(show.output.hasSuffix("\nmi-1 Success\n    done\n"))
        #expect(await opsbus(["commands", "cancel", "c-1"], connection).exitCode == .success)
        #expect(connection.inputs("ssm:CancelCommand") == [["CommandId": "c-1"]])
    }

    @Test func `A command that is not there is named`() async {
        let outcome = await opsbus(
            ["commands", "show", "c-9"], FakeConnection(["ssm:ListCommands": [["Commands": []]]]))
        #expect(outcome.exitCode == .failure)
        #expect(outcome.errors == "opsbus: there is no command c-9: see 'opsbus commands list'\n")
    }
}
