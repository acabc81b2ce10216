internal import Core

extension Command {
    static let functions = Command(
        "functions", "Register programs as functions, and run them.",
        discussion: """
            A function is a program on the server: it gets an event as JSON on standard input and answers JSON on \
            standard output; what it writes to standard error goes to the log group /aws/lambda/NAME. Rules, queues \
            and Lambda clients call it by its name or ARN.
            """,
        subcommands: [addFunction, listFunctions, invokeFunction, removeFunction])

    private static let addFunction = Command(
        "add", "Register a program as a function; one of that name is replaced.",
        examples: [
            Example("opsbus functions add resize /opt/resize/main.py --timeout 30", "A script"),
            Example("opsbus functions add greet /usr/bin/env python3 /opt/greet.py -e LEVEL=debug", "With arguments"),
        ],
        options: [timeout, memory, concurrency, variable, deadLetterTarget, description],
        arguments: [name, executable, words]
    ) { arguments, session in
        let name = try arguments.required(name)
        let variables = JSONObject(arguments.all(variable).map { .init(key: $0.key, value: .string($0.value)) })
        let words = arguments.all(words).map { JSON.string($0) }
        let output = try await session.connect().call(
            "functions:RegisterFunction",
            input([
                ("FunctionName", .string(name)), ("Executable", .string(try arguments.required(executable))),
                ("Arguments", words.isEmpty ? nil : .array(words)), ("Timeout", .number(of: arguments[timeout])),
                ("MemorySize", .number(of: arguments[memory])), ("Concurrency", .number(of: arguments[concurrency])),
                ("Environment", variables.isEmpty ? nil : .object(variables)),
                ("DeadLetterTargetArn", .text(arguments[deadLetterTarget])),
                ("Description", .text(arguments[description])),
            ]))
        session.output.result(output) { session.output.line(output.cell("FunctionArn")) }
        return .success
    }

    private static let listFunctions = Command(
        "list", "List the functions.", examples: [Example("opsbus functions list", "Every function")]
    ) { _, session in
        let connection = try session.connect()
        var output = try await connection.call("lambda:ListFunctions", [:])
        var functions = output["Functions"]?.array ?? []
        while let marker = output["NextMarker"] {
            output = try await connection.call("lambda:ListFunctions", ["Marker": marker])
            functions += output["Functions"]?.array ?? []
        }
        session.output.result(["Functions": .array(functions)]) {
            var table = Table(["FUNCTION", ">TIMEOUT", ">MEMORY", "PROGRAM", "DESCRIPTION"])
            for function in functions {
                table.add([
                    function.cell("FunctionName"), function.cell("Timeout"), function.cell("MemorySize"),
                    function.cell("Handler"), function.cell("Description"),
                ])
            }
            session.output.table(table, empty: "There are no functions.")
        }
        return .success
    }

    private static let invokeFunction = Command(
        "invoke", "Run a function with an event, and print its answer.",
        discussion: "Exits 1 where the function failed. With --async the event is queued, and nothing is waited for.",
        examples: [
            Example("opsbus functions invoke resize '{\"width\": 80}'", "Run it"),
            Example("opsbus functions invoke resize @event.json --async", "Let it run later"),
        ],
        options: [isAsynchronous], arguments: [name, event]
    ) { arguments, session in
        let content = try arguments[event].map { try session.text($0) } ?? Array("{}".utf8)
        guard let text = String(validating: content, as: UTF8.self) else {
            throw CommandError.usage("the event is not UTF-8 text", fix: "give JSON")
        }
        let output = try await session.connect().call(
            "lambda:Invoke",
            [
                "FunctionName": .string(try arguments.required(name)), "Payload": .string(text),
                "InvocationType": arguments[isAsynchronous] ? "Event" : "RequestResponse",
            ])
        session.output.result(output) { if let payload = output["Payload"] { session.output.text(payload.cell) } }
        return output["FunctionError"] == nil ? .success : .failure
    }

    private static let removeFunction = Command(
        "remove", "Remove a function; its program stays where it is.",
        examples: [Example("opsbus functions remove resize", "Remove it")], arguments: [name]
    ) { arguments, session in
        let name = try arguments.required(name)
        let output = try await session.connect().call("lambda:DeleteFunction", ["FunctionName": .string(name)])
        session.output.result(output) { session.output.line("\(name) removed") }
        return .success
    }

    private static let name = Argument("NAME", .text, "The function's name.")
    private static let executable = Argument("PROGRAM", .text, "Absolute path of a program on the server.")
    private static let words = Argument("ARGUMENT", .text, count: 0...100, "Arguments of the program.")
    private static let event = Argument("EVENT", .text, count: 0...1, "JSON, @FILE, or - for standard input. [{}]")
    private static let timeout = Option("timeout", "SECONDS", .integer(1...900), "How long it may run. [3]")
    private static let memory = Option(
        "memory", "MIB", .integer(1...1_048_576), "What it and each program it starts may allocate. [no limit]")
    private static let concurrency = Option(
        "concurrency", "N", .integer(1...1000), "How often it may run at a time. [10]")
    private static let variable = Option(
        "env", short: "e", "NAME=VALUE", .keyValue, repeated: true, "A variable of its environment.")
    private static let deadLetterTarget = Option(
        "dead-letters", "ARN", .text, "The queue or topic for events that it did not get done.")
    private static let description = Option("description", "TEXT", .text, "What it is for.")
    private static let isAsynchronous = Flag("async", "Queue the event and do not wait.")
}
