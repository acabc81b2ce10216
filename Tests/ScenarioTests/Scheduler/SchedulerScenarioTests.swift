import Core
import Foundation
import Testing

@Suite("Scheduler and pipes, seen by clients of AWS")
struct SchedulerScenarioTests {
    @Test("boto3's schedules run commands, send to queues and fill dead-letter queues, and the trace shows it")
    func schedules() throws {
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer()
            let command = try scenario.python("schedules.py", endpoint).output
                .trimmingCharacters(in: .whitespacesAndNewlines)
            let trace = try scenario.opsbus("audit", "trace", command)
            #expect(trace.exitCode == 0, "\(trace.errorOutput)")
            #expect(trace.output.hasPrefix("execution/"), "\(trace.output)")
            #expect(trace.output.contains("InvokeTarget success"), "\(trace.output)")
            #expect(trace.output.contains("command/\(command)"), "\(trace.output)")
            let whole = try scenario.opsbus("audit", "trace", "schedule/default/command")
            #expect(whole.output.contains("command/\(command)"), "\(whole.output)")
        }
    }

    @Test("boto3's pipe takes what its filter lets pass from a queue to a log group")
    func pipes() throws {
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer()
            try scenario.python("pipes.py", endpoint)
        }
    }

    /// Registers a Python program as a function.
    private func function(_ scenario: Scenario, _ name: String, _ program: String) throws {
        try scenario.write(
            "#!/usr/bin/env python3\nimport json, sys\nevent = json.load(sys.stdin)\n" + program, to: name)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scenario.path(name))
        _ = try scenario.call(
            "functions:RegisterFunction",
            ["FunctionName": .string(name), "Executable": .string(scenario.path(name)), "Timeout": 20])
    }

    @Test(
        "A function enriches, another takes batches and names what failed, which comes again; a schedule calls a third")
    func functions() throws {
        try Scenario.run { scenario in
            try scenario.startServer()
            let seen = scenario.path("seen")
            try function(
                scenario, "enrich",
                "json.dump([{**record, 'price': 2 * json.loads(record['body'])['n']} for record in event], sys.stdout)")
            try function(
                scenario, "take",
                """
                failed = [r for r in event if r['price'] == 4 and r['attributes']['ApproximateReceiveCount'] == '1']
                with open('\(seen)', 'a') as file:
                    print(*[r['price'] for r in event if r not in failed], sep='\\n', file=file)
                json.dump({'batchItemFailures': [{'itemIdentifier': r['messageId']} for r in failed]}, sys.stdout)
                """)
            try function(scenario, "tick", "open('\(seen)', 'a').write('tick ' + event['at'] + '\\n')")
            let url = try scenario.call(
                "sqs:CreateQueue", ["QueueName": "q", "Attributes": ["VisibilityTimeout": "2"]])["QueueUrl"]
            for number in 1...3 {
                _ = try scenario.call(
                    "sqs:SendMessage", ["QueueUrl": url ?? .null, "MessageBody": .string("{\"n\": \(number)}")])
            }
            let role: JSON = "arn:aws:iam::123456789012:role/r"
            _ = try scenario.call(
                "pipes:CreatePipe",
                [
                    "Name": "p", "Source": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": role,
                    "Enrichment": "arn:aws:lambda:us-east-1:123456789012:function:enrich",
                    "Target": "arn:aws:lambda:us-east-1:123456789012:function:take",
                ])
            let due = Timestamp(seconds: Int64(Date().timeIntervalSince1970) + 1).description
            _ = try scenario.call(
                "scheduler:CreateSchedule",
                [
                    "Name": "s", "ScheduleExpression": .string("at(\(due.dropLast()))"),
                    "FlexibleTimeWindow": ["Mode": "OFF"],
                    "Target": [
                        "Arn": "arn:aws:lambda:us-east-1:123456789012:function:tick", "RoleArn": role,
                        "Input": #"{"at": "<aws.scheduler.scheduled-time>"}"#,
                    ],
                ])
            let expected = ["2", "4", "6", "tick \(due)"]
            try eventually("all have been called") {
                scenario.text("seen").split(separator: "\n").map(String.init).sorted() == expected
            }
            try eventually("the queue is empty") {
                let attributes = try scenario.call(
                    "sqs:GetQueueAttributes", ["QueueUrl": url ?? .null, "AttributeNames": ["All"]])["Attributes"]
                return attributes?["ApproximateNumberOfMessages"] == "0"
                    && attributes?["ApproximateNumberOfMessagesNotVisible"] == "0"
            }
        }
    }

    @Test("The next times of an expression are shown with the clocks of its zone")
    func next() throws {
        try Scenario.run { scenario in
            try scenario.startServer()
            let next = try scenario.opsbus(
                "schedules", "next", "--expression", "at(2096-07-01T09:00:00)", "--timezone", "Europe/Berlin")
            #expect(next.output.contains("2096-07-01T09:00:00+02:00  2096-07-01T07:00:00Z"), "\(next.output)")
            let wrong = try scenario.opsbus("schedules", "next", "--expression", "rate(1 minute)", "-z", "Mars")
            #expect(wrong.exitCode == 1 && wrong.errorOutput.contains("no time zone 'Mars'"), "\(wrong.errorOutput)")
        }
    }
}

@Suite("A server dies while schedules are due and pipes carry")
struct SchedulerCrashTests {
    private func create(_ scenario: Scenario, _ name: String, at due: String) throws {
        _ = try scenario.call(
            "scheduler:CreateSchedule",
            [
                "Name": .string(name), "ScheduleExpression": .string("at(\(due))"),
                "FlexibleTimeWindow": ["Mode": "OFF"],
                "Target": [
                    "Arn": "arn:aws:sqs:us-east-1:123456789012:due", "RoleArn": "arn:aws:iam::123456789012:role/r",
                    "Input": .string(name),
                ],
            ])
    }

    private func queue(_ scenario: Scenario, _ name: String) throws -> JSON {
        try scenario.call("sqs:CreateQueue", ["QueueName": .string(name)])["QueueUrl"] ?? .null
    }

    /// All messages of a queue, until none comes for a second.
    private func drain(_ scenario: Scenario, _ url: JSON) throws -> [String] {
        var bodies: [String] = []
        while true {
            let output = try scenario.call(
                "sqs:ReceiveMessage",
                ["QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1, "VisibilityTimeout": 600])
            let messages = output["Messages"]?.array ?? []
            if messages.isEmpty { return bodies }
            bodies += messages.compactMap { $0["Body"]?.string }
        }
    }

    private func moment(in seconds: Double) -> (text: String, date: Date) {
        let date = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 + seconds).rounded(.up))
        let text = Timestamp(seconds: Int64(date.timeIntervalSince1970)).description
        return (String(text.dropLast()), date)
    }

    @Test("Whenever it dies, every schedule calls its target once", arguments: [-0.3, 0, 0.005, 0.015, 0.03, 0.08])
    func schedules(delay: Double) throws {
        try Scenario.run { scenario in
            var server = try scenario.startServer()
            let url = try queue(scenario, "due")
            let names = (0..<12).map { "s\($0)" }
            let due = moment(in: 4)
            for name in names { try create(scenario, name, at: due.text) }
            Thread.sleep(until: due.date.addingTimeInterval(delay))
            server.kill()
            server = try scenario.startServer()
            try eventually("all have fired") {
                let records = try scenario.opsbus("audit", "list", "--action", "InvokeTarget", "--output", "json")
                return records.output.components(separatedBy: "InvokeTarget").count > names.count
            }
            #expect(try drain(scenario, url).sorted() == names.sorted())
        }
    }

    @Test("Whenever it dies, every message that a pipe carries arrives once", arguments: [0.005, 0.02, 0.05, 0.1])
    func pipes(delay: Double) throws {
        try Scenario.run { scenario in
            var server = try scenario.startServer()
            let source = try scenario.call(
                "sqs:CreateQueue", ["QueueName": "from", "Attributes": ["VisibilityTimeout": "2"]])["QueueUrl"]
            let target = try queue(scenario, "to")
            let names = (0..<40).map { "m\($0)" }
            for start in stride(from: 0, to: names.count, by: 10) {
                let entries = names[start..<start + 10].map { name -> JSON in
                    ["Id": .string(name), "MessageBody": .string(name)]
                }
                _ = try scenario.call(
                    "sqs:SendMessageBatch", ["QueueUrl": source ?? .null, "Entries": .array(entries)])
            }
            _ = try scenario.call(
                "pipes:CreatePipe",
                [
                    "Name": "p", "Source": "arn:aws:sqs:us-east-1:123456789012:from",
                    "Target": "arn:aws:sqs:us-east-1:123456789012:to", "RoleArn": "arn:aws:iam::123456789012:role/r",
                    "TargetParameters": ["InputTemplate": "<$.body>"], "DesiredState": "STOPPED",
                ])
            let starting = try scenario.start(
                Scenario.program, ["call", "pipes:StartPipe", #"{"Name": "p"}"#], name: "start")
            Thread.sleep(forTimeInterval: delay)
            server.kill()
            // Where it had not connected yet, it would wait for a server as long as this test waits for it.
            starting.kill()
            server = try scenario.startServer()
            _ = try scenario.call("pipes:StartPipe", ["Name": "p"])
            try eventually("the source is empty") {
                let attributes = try scenario.call(
                    "sqs:GetQueueAttributes", ["QueueUrl": source ?? .null, "AttributeNames": ["All"]])["Attributes"]
                return attributes?["ApproximateNumberOfMessages"] == "0"
                    && attributes?["ApproximateNumberOfMessagesNotVisible"] == "0"
            }
            #expect(try drain(scenario, target).sorted() == names.sorted())
        }
    }
}
