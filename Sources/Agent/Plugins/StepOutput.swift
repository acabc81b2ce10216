internal import API
internal import Platform

/// What a step writes: the beginning of each output is kept for its report, all of it is streamed where the command
/// asks for that.
///
/// Belongs to the one task that runs the step.
final class StepOutput {
    private let agent: Agent
    private let isStreaming: Bool
    private var captures: [OutputStream: OutputCapture] = [:]
    private var streams: [OutputStream: StreamedOutput] = [:]

    init(_ command: NodeCommand, step: String, agent: Agent) {
        self.agent = agent
        isStreaming = command.streamsOutput
        for stream in OutputStream.allCases {
            captures[stream] = OutputCapture()
            streams[stream] = StreamedOutput(
                NodeOutput(command: command.id, step: step, stream: stream.rawValue, offset: 0))
        }
    }

    /// Takes bytes of a program's output; waits where the server takes no more in.
    func append(_ stream: OutputStream, _ bytes: [UInt8]) async {
        captures[stream]?.append(bytes)
        if isStreaming, let piece = streams[stream]?.take(bytes) { await agent.stream(piece) }
    }

    /// Adds a line of the plugin's own.
    func write(_ line: String, to stream: OutputStream = .standardOutput) async {
        await append(stream, Array((line + "\n").utf8))
    }

    /// Streams what is left of characters cut off at the end.
    func finish() async {
        for stream in OutputStream.allCases where isStreaming {
            if let rest = streams[stream]?.takeRest() { await agent.stream(rest) }
        }
    }

    /// The beginning of one output, for the report.
    func text(_ stream: OutputStream) -> String { captures[stream]?.text ?? "" }
}
