internal import Core
internal import Glibc
internal import Platform

/// How one run of a function ended.
struct FunctionResult: Sendable {
    /// What it answered, or what is told about its failure; JSON.
    let payload: String
    let isFailure: Bool
    /// What it wrote to standard error, with what is said about the run around it; oldest first.
    let lines: [(time: Timestamp, text: String)]

    /// The end of the lines, as much as a caller may ask for.
    var tail: String {
        let text = lines.map { $0.text + "\n" }.joined()
        return String(decoding: text.utf8.suffix(FunctionResult.tailBytesMax), as: UTF8.self)
    }

    private static let tailBytesMax = 4096
}

/// Runs a function once, in a process of its own: the event on standard input, the answer on standard output, whatever
/// is to be logged on standard error.
struct FunctionRunner: Sendable {
    let processes: ProcessLoop
    let account: Account
    /// Of the HTTP endpoint, where the function's own AWS client calls.
    let address: String
    let clock: any Clock

    private static let logBytesMax = 256 << 10
    private static let lineBytesMax = 200 << 10

    /// - Returns: Also where the program cannot be started: that is a failure of the function.
    func run(_ function: Function, _ payload: String, requestID: String) async -> FunctionResult {
        let start = clock.monotonic
        var output = Captured()
        output.add("START RequestId: \(requestID) Version: $LATEST", at: clock.now)
        let failure: JSON?
        do throws(ProcessError) {
            let process = try await processes.start(request(function, payload, requestID))
            let outcome = await capture(process, &output)
            failure = problem(outcome, output, function, requestID)
        } catch {
            failure = FunctionRunner.failure("Runtime.InvalidEntrypoint", "RequestId: \(requestID) Error: \(error)")
        }
        if let failure { output.add(failure["errorMessage"]?.string ?? "", at: clock.now) }
        let milliseconds = Double((clock.monotonic - start).microseconds / 10) / 100
        output.add("END RequestId: \(requestID)", at: clock.now)
        output.add("REPORT RequestId: \(requestID) Duration: \(milliseconds) ms", at: clock.now)
        return FunctionResult(
            payload: failure?.text ?? output.answer, isFailure: failure != nil, lines: output.lines)
    }

    /// What a run has written so far.
    private struct Captured {
        var standardOutput: [UInt8] = []
        var standardErrorBytes = 0
        var lines: [(time: Timestamp, text: String)] = []
        /// A line whose end has not come yet.
        private var rest: [UInt8] = []

        mutating func add(_ line: String, at time: Timestamp) {
            endLine(at: time)
            lines.append((time, line))
        }

        /// Lines of standard error, as far as they are kept.
        mutating func add(error bytes: [UInt8], at time: Timestamp) {
            let room = FunctionRunner.logBytesMax - standardErrorBytes
            standardErrorBytes += bytes.count
            for byte in bytes.prefix(max(0, room)) {
                if byte == UInt8(ascii: "\n") {
                    endLine(at: time, evenIfEmpty: true)
                } else {
                    rest.append(byte)
                    if rest.count == FunctionRunner.lineBytesMax { endLine(at: time) }
                }
            }
            if room >= 0 && bytes.count > room {
                add(
                    "What follows on standard error is not kept: it is more than \(FunctionRunner.logBytesMax) bytes.",
                    at: time)
            }
        }

        private mutating func endLine(at time: Timestamp, evenIfEmpty: Bool = false) {
            if rest.isEmpty && !evenIfEmpty { return }
            lines.append((time, String(decoding: rest, as: UTF8.self)))
            rest = []
        }

        /// Standard output without the blanks around it; nothing at all is null.
        var answer: String {
            let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
            let text = standardOutput.drop { blanks.contains($0) }
            let end = text.lastIndex { !blanks.contains($0) }
            return end.map { String(decoding: text[...$0], as: UTF8.self) } ?? "null"
        }
    }

    private func capture(_ process: ChildProcess, _ output: inout Captured) async -> ProcessOutcome {
        while let event = await process.next() {
            switch event {
            case .output(.standardOutput, let bytes):
                // One byte more than may be shows that it is too much.
                let room = Limits.functionPayloadBytesMax + 1 - output.standardOutput.count
                output.standardOutput.append(contentsOf: bytes.prefix(max(0, room)))
            case .output(.standardError, let bytes): output.add(error: bytes, at: clock.now)
            case .ended(let outcome): return outcome
            }
        }
        return ProcessOutcome(status: .signalled(SIGKILL), stopped: .cancelled, isOutputComplete: false)
    }

    /// What is wrong with how a run ended; nil for an answer.
    private func problem(
        _ outcome: ProcessOutcome, _ output: Captured, _ function: Function, _ requestID: String
    ) -> JSON? {
        if outcome.stopped == .timedOut {
            return FunctionRunner.failure(
                "Sandbox.Timedout",
                "\(clock.now.millisecondDescription) \(requestID) Task timed out after \(function.timeoutSeconds).00 "
                    + "seconds")
        }
        let isTooLarge = output.standardOutput.count > Limits.functionPayloadBytesMax
        let answer = isTooLarge ? nil : try? JSON(parsing: output.answer)
        switch outcome.status {
        case .exited(code: 0): break
        case .exited(let code):
            // A program that fails may say how.
            if let answer, answer["errorMessage"] != nil { return answer }
            return FunctionRunner.failure(
                "Runtime.ExitError",
                "RequestId: \(requestID) Error: Runtime exited with error: exit status \(code)")
        case .signalled(let signal):
            return FunctionRunner.failure(
                "Runtime.ExitError", "RequestId: \(requestID) Error: Runtime exited with error: signal: \(signal)")
        }
        if isTooLarge {
            return FunctionRunner.failure(
                "Function.ResponseSizeTooLarge",
                "Response payload size exceeded maximum allowed payload size "
                    + "(\(Limits.functionPayloadBytesMax) bytes).")
        }
        if answer == nil {
            return FunctionRunner.failure(
                "Runtime.InvalidResponse",
                "RequestId: \(requestID) Error: what the function wrote to standard output is no JSON")
        }
        return nil
    }

    private static func failure(_ type: String, _ message: String) -> JSON {
        ["errorMessage": .string(message), "errorType": .string(type)]
    }

    // MARK: The process

    private func request(_ function: Function, _ payload: String, _ requestID: String) -> ProcessRequest {
        let slash = function.executable.lastIndex(of: "/")
        let directory = slash.map { String(function.executable[..<$0]) } ?? ""
        var words = [function.executable] + function.arguments
        if let memory = function.memoryMiB {
            // The shell sets the limit and then becomes the function.
            words = ["/bin/sh", "-c", #"ulimit -d "$0" && exec "$@""#, String(memory * 1024)] + words
        }
        return ProcessRequest(
            words[0], Array(words.dropFirst()), environment: environment(of: function, requestID),
            directory: directory.isEmpty ? "/" : directory, input: Array(payload.utf8),
            timeout: .seconds(function.timeoutSeconds))
    }

    private func environment(of function: Function, _ requestID: String) -> [String: String] {
        var environment = [
            "LANG": "C.UTF-8", "HOME": "/tmp", "AWS_REGION": account.region, "AWS_DEFAULT_REGION": account.region,
            "AWS_LAMBDA_FUNCTION_NAME": function.name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.logGroup, "AWS_ENDPOINT_URL": address,
            "OPSBUS_REQUEST_ID": requestID,
        ]
        environment["PATH"] = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = function.memoryMiB.map(String.init)
        for member in function.environment.object ?? JSONObject() { environment[member.key] = member.value.string }
        return environment
    }
}
