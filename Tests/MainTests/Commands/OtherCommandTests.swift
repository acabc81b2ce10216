import Core
import Foundation
import Testing

@testable import Main

/// Commands that pass their arguments to one operation and print its output.
struct OtherCommandTests {
    @Test func `Any operation can be called`() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "opsbus-\(UUID()).json")
        try #"{"from": "file"}"#.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let connection = FakeConnection(["x:Y": [["answer": 42.0]]])
        let outcome = await opsbus(["call", "x:Y"], connection)
        #expect(outcome.output == "{\"answer\":42}\n")
        _ = await opsbus(["call", "x:Y", #"{"a": 1}"#], connection)
        _ = await opsbus(["call", "x:Y", "@" + file.path()], connection)
        _ = await opsbus(["call", "x:Y", "-"], connection, input: #"{"from": "input"}"#)
        #expect(connection.inputs("x:Y") == [[:], ["a": 1], ["from": "file"], ["from": "input"]])
        #expect(await opsbus(["call", "ListRules"], connection).exitCode == .usage)
    }

    @Test func `Nodes are listed, tagged, activated and removed`() async throws {
        let connection = FakeConnection([
            "ssm:DescribeInstanceInformation": [
                [
                    "InstanceInformationList": [
                        [
                            "InstanceId": "mi-1", "PingStatus": "Online", "LastPingDateTime": 1_769_846_400,
                            "ComputerName": "web-1", "IPAddress": "10.0.0.7", "PlatformName": "Debian GNU/Linux",
                            "PlatformVersion": "13", "AgentVersion": "0.1.0",
                        ]
                    ]
                ]
            ],
            "ssm:AddTagsToResource": [[:]], "ssm:DeregisterManagedInstance": [[:]],
            "ssm:CreateActivation": [["ActivationId": "a-1", "ActivationCode": "secret"]],
        ])
        let list = await opsbus(["nodes", "list"], connection)
        #expect(
            list.output == """
                NODE  STATUS  LAST PING             COMPUTER  ADDRESS   PLATFORM             AGENT
                mi-1  Online  2026-01-31T08:00:00Z  web-1     10.0.0.7  Debian GNU/Linux 13  0.1.0

                """)
        _ = await opsbus(["nodes", "tag", "mi-1", "role=web", "stage="], connection)
        #expect(
            connection.inputs("ssm:AddTagsToResource") == [
                [
                    "ResourceType": "ManagedInstance", "ResourceId": "mi-1",
                    "Tags": [["Key": "role", "Value": "web"], ["Key": "stage", "Value": ""]],
                ]
            ])
        let activation = await opsbus(["nodes", "activate", "--name", "web", "--registrations", "3"], connection)
        #expect(activation.output == "Activation id    a-1\nActivation code  secret\n")
        let request = try #require(connection.inputs("ssm:CreateActivation").first)
        #expect(request["RegistrationLimit"] == 3 && request["DefaultInstanceName"] == "web")
        #expect(await opsbus(["nodes", "remove", "mi-1"], connection).output == "mi-1 removed\n")
    }

    @Test func `A message is published to a topic by its name or its ARN`() async {
        let arn = "arn:aws:sns:us-east-1:123456789012:on-call"
        let connection = FakeConnection([
            "sns:ListTopics": [["Topics": [["TopicArn": .string(arn)]]]], "sns:Publish": [["MessageId": "m-1"]],
            "sns:CreateTopic": [["TopicArn": .string(arn)]],
        ])
        _ = await opsbus(["topics", "publish", "on-call", "help", "--subject", "Disk"], connection)
        let outcome = await opsbus(["topics", "publish", arn, "-"], connection, input: "from\ninput")
        #expect(
            connection.inputs("sns:Publish") == [
                ["TopicArn": .string(arn), "Message": "help", "Subject": "Disk"],
                ["TopicArn": .string(arn), "Message": "from\ninput"],
            ])
        #expect(outcome.output == "m-1\n")
        let unknown = await opsbus(["topics", "publish", "oncall", "x"], connection)
        #expect(unknown.errors == "opsbus: there is no topic 'oncall': did you mean 'on-call'?\n")
        #expect(await opsbus(["topics", "list"], connection).lines.last == "on-call  \(arn)")
        #expect(await opsbus(["topics", "create", "on-call"], connection).output == arn + "\n")
    }

    @Test func `The newest log lines are printed with their times, the oldest first, from many pages`() async {
        let connection = FakeConnection([
            "logs:FilterLogEvents": [
                ["events": [["timestamp": 1_769_846_401_123, "message": "c"]], "nextToken": "t"],
                ["events": [["timestamp": 1_769_846_400_123, "message": "a\u{1B}b"]]],
            ]
        ])
        let outcome = await opsbus(["logs", "tail", "/opsbus/events", "-n", "5"], connection)
        #expect(outcome.output == "2026-01-31T08:00:00.123Z a\u{FFFD}b\n2026-01-31T08:00:01.123Z c\n")
        #expect(
            connection.inputs("logs:FilterLogEvents") == [
                ["logGroupName": "/opsbus/events", "startFromHead": false, "limit": 5],
                ["logGroupName": "/opsbus/events", "startFromHead": false, "limit": 4, "nextToken": "t"],
            ])
    }

    @Test func `Dead letters are listed, shown and redriven`() async {
        let letter: JSON = [
            "DeliveryId": "e/default/r/t", "EventId": "e", "RuleName": "r", "TargetId": "t", "ErrorCode": "NotFound",
            "ErrorMessage": "no topic", "RetryAttempts": 3, "Time": "2026-01-31T08:00:00.000Z", "Event": #"{"a":1}"#,
        ]
        let connection = FakeConnection([
            "events:ListDeadLetters": [["DeadLetters": [letter]]],
            "events:RedriveDeadLetters": [["RedrivenCount": 1]],
        ])
        let list = await opsbus(["dlq", "list", "--rule", "r"], connection)
        #expect(list.lines[1] == "e/default/r/t  2026-01-31T08:00:00Z  r     t             3  NotFound  no topic")
        let show = await opsbus(["dlq", "show", "e/default/r/t"], connection)
        #expect(show.output.hasSuffix("Event          {\n                 \"a\": 1\n               }\n"))
        #expect(
            connection.inputs("events:ListDeadLetters") == [["RuleName": "r"], ["DeliveryId": "e/default/r/t"]])
        for words in [["1", "2"], ["--rule", "r"], ["--all"]] {
            #expect(await opsbus(["dlq", "redrive"] + words, connection).output == "1 redriven\n")
        }
        #expect(
            connection.inputs("events:RedriveDeadLetters") == [
                ["DeliveryIds": ["1", "2"]], ["RuleName": "r"], ["All": true],
            ])
        #expect(await opsbus(["dlq", "redrive"], connection).exitCode == .usage)
        #expect(await opsbus(["dlq", "redrive", "1", "--all"], connection).exitCode == .usage)
    }

    @Test func `Keys are made, registered, listed and removed`() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "opsbus-\(UUID()).key").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let made = await opsbus(["keys", "generate", "--out", path])
        #expect(made.exitCode == .success)
        let key = try #require(made.lines.first)
        #expect(key.count == 40)
        #expect(await opsbus(["keys", "public", path]).output == key + "\n")
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        let again = await opsbus(["keys", "generate", "--out", path])
        #expect(again.exitCode == .failure)

        let connection = FakeConnection([
            "bus:PutKey": [[:]], "bus:DeleteKey": [[:]],
            "bus:ListKeys": [
                ["Keys": [["Name": "web", "PublicKey": .string(key), "Node": true, "Allow": ["a:B", "c:*"]]]]
            ],
        ])
        _ = await opsbus(["keys", "add", "web", "--public=\(key)", "--allow", "a:B", "--allow", "c:*"], connection)
        _ = await opsbus(["keys", "add", "web", "--public=\(key)", "--node"], connection)
        #expect(
            connection.inputs("bus:PutKey") == [
                ["Name": "web", "PublicKey": .string(key), "Allow": ["a:B", "c:*"], "Node": false],
                ["Name": "web", "PublicKey": .string(key), "Node": true],
            ])
        #expect(await opsbus(["keys", "add", "web", "--public", "short"], connection).exitCode == .usage)
        #expect(await opsbus(["keys", "list"], connection).lines.last == "web   \(key)  yes   a:B c:*")
        _ = await opsbus(["keys", "remove", "web"], connection)
        #expect(connection.inputs("bus:DeleteKey") == [["Name": "web"]])
    }
}
