internal import API
internal import Core

extension Command {
    static let events = Command("events", "Put events on a bus.", subcommands: [putEvents])

    private static let putEvents = Command(
        "put", "Put one event, or all of a file.",
        discussion: """
            One event is described by options. A file holds one JSON object a line: an entry as PutEvents takes it \
            (Source, DetailType, Detail, ...) or a whole event (source, detail-type, detail, ...). Every line that is \
            not accepted is named, the others are put; the exit code is then 1.
            An event that was acknowledged is on the disk.
            """,
        examples: [
            Example(
                #"opsbus events put --source my.app --detail-type Started --detail '{"version": 7}'"#, "Put an event"),
            Example("opsbus events put events.jsonl", "Put every line of a file"),
            Example("producer | opsbus events put --bus orders -", "Put what another program prints, as it prints it"),
        ],
        options: [CommonOptions.bus, source, detailType, detail, resources, identifier],
        arguments: [file]
    ) { arguments, session in
        if let path = arguments[file] { return try await putFile(path, arguments[CommonOptions.bus], session) }
        let detail = try session.json(try arguments.required(detail), for: "--detail")
        let entry = input([
            ("Source", .string(try arguments.required(source))),
            ("DetailType", .string(try arguments.required(detailType))),
            ("Detail", .string(detail.text)),
            ("EventBusName", .text(arguments[CommonOptions.bus])),
            (
                "Resources",
                arguments.all(resources).isEmpty ? nil : .array(arguments.all(resources).map { .string($0) })
            ),
            ("OpsBusEventId", .text(arguments[identifier])),
        ])
        let output = try await session.connect().call("events:PutEvents", ["Entries": [entry]])
        if let error = output["Entries"]?[0], error["ErrorCode"] != nil {
            throw CommandError.failure("\(error.cell("ErrorCode")): \(error.cell("ErrorMessage"))")
        }
        session.output.result(output) { session.output.line(output["Entries"]?[0]?.cell("EventId") ?? "") }
        return .success
    }

    private static func putFile(_ path: String, _ bus: String?, _ session: Session) async throws -> ExitCode {
        var lines = LinePut(path: path, connection: try session.connect(), output: session.output)
        var batches = EntryBatches(try session.open(path), bus: bus)
        while let batch = try batches.next() {
            for problem in batch.problems { lines.fail(problem.line, problem.reason) }
            if !batch.entries.isEmpty { try await lines.put(batch.entries, from: batch.lines) }
        }
        if session.output.format == .table {
            session.output.line("\(lines.acceptedCount) put, \(lines.failedCount) failed")
        }
        return lines.failedCount == 0 ? .success : .failure
    }

    private static let source = Option("source", short: "s", "NAME", .text, "Who says it, such as my.app.")
    private static let detailType = Option("detail-type", short: "t", "TEXT", .text, "What kind of event it is.")
    private static let detail = Option("detail", short: "d", "JSON|@FILE|-", .text, "The event's content, an object.")
    private static let resources = Option(
        "resource", "ARN", .text, repeated: true, "What the event is about.")
    private static let identifier = Option(
        "id", "UUID", .uuid, "The event's id; sent again with the same one, it is put once.")
    private static let file = Argument("FILE", .file, count: 0...1, "Events, one a line; - for standard input.")
}

/// Puts the lines of a file, and says of each that is not accepted why.
private struct LinePut {
    let path: String
    let connection: any Connection
    let output: Output
    private(set) var acceptedCount = 0
    private(set) var failedCount = 0

    init(path: String, connection: any Connection, output: Output) {
        self.path = path
        self.connection = connection
        self.output = output
    }

    mutating func fail(_ line: Int, _ reason: String) {
        failedCount += 1
        output.remark("\(path):\(line): \(reason)")
    }

    /// Puts entries together, or one by one where the request is refused: an entry that is too large, or no entry at
    /// all, takes none of the others along.
    mutating func put(_ entries: [JSON], from lines: [Int]) async throws {
        let answer: JSON
        do {
            answer = try await connection.call("events:PutEvents", ["Entries": .array(entries)])
        } catch let error as ServiceError where error.code == .validation || error.code == .requestTooLarge {
            if entries.count == 1 { return fail(lines[0], error.description) }
            for (entry, line) in zip(entries, lines) { try await put([entry], from: [line]) }
            return
        }
        if output.format == .json { output.jsonLine(answer) }
        for (line, result) in zip(lines, answer["Entries"]?.array ?? []) {
            if result["ErrorCode"] != nil {
                fail(line, "\(result.cell("ErrorCode")): \(result.cell("ErrorMessage"))")
            } else {
                acceptedCount += 1
            }
        }
    }
}

extension ValueSyntax where Value == String {
    static let uuid = ValueSyntax { (text) throws(ValueError) in
        guard let identifier = Identifier(text) else {
            throw ValueError("is not a UUID such as 6f0c53ad-1d1f-4c5a-9a55-7f3a4c9d2b11")
        }
        return identifier.description
    }
}
