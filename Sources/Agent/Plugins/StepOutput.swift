internal import API
internal import Platform

/// What a step writes: the beginning of each output is kept for its report, all of it goes to the server.
///
/// Belongs to the one task that runs the step.
final class StepOutput {
    private let agent: Agent
    private var captures: [OutputStream: OutputCapture] = [:]
    private var streams: [OutputStream: StreamedOutput] = [:]

    /// - Parameter first: Where each output begins: not at 0 for a step that runs once more after a reboot.
    init(_ first: [NodeOutput], agent: Agent) {
        self.agent = agent
        for output in first {
            guard let stream = OutputStream(rawValue: output.stream) else { continue }
            captures[stream] = OutputCapture()
            streams[stream] = StreamedOutput(output)
        }
    }

    /// Takes bytes of a program's output; waits where the server takes no more in.
    func append(_ stream: OutputStream, _ bytes: [UInt8]) async {
        captures[stream]?.append(bytes)
        if let piece = streams[stream]?.take(bytes) { await agent.stream(piece) }
    }

    /// Adds a line of the plugin's own.
    func write(_ line: String, to stream: OutputStream = .standardOutput) async {
        await append(stream, Array((line + "\n").utf8))
    }

    /// Sends what is left of characters cut off at the end.
    func finish() async {
        for stream in OutputStream.allCases {
            if let rest = streams[stream]?.takeRest() { await agent.stream(rest) }
        }
    }

    /// The beginning of one output, for the report.
    func text(_ stream: OutputStream) -> String { captures[stream]?.text ?? "" }
}
