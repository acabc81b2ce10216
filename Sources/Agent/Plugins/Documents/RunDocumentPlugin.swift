internal import API
internal import Core
internal import Documents
internal import Platform

/// `aws:runDocument`: the steps of another command document run as part of this step.
///
/// Their outputs are this step's, one after the other. A document within a document may hold such a step again, up to
/// a depth.
/// - Source: Systems Manager user guide, "aws:runDocument"; amazon-ssm-agent, `rundocument.go`.
struct RunDocumentPlugin: Plugin {
    /// Documents within documents.
    static let depthMax = 3

    func run(_ inputs: JSON, in context: StepContext) async throws(StepEnd) -> CommandStepEnding {
        let inputs = PluginInputs(inputs, of: "aws:runDocument")
        guard context.depth < Self.depthMax else {
            throw .failure("documents may run documents \(Self.depthMax) deep, and this one is deeper")
        }
        let path = try inputs.required("documentPath")
        let text: [UInt8]
        let format: DocumentFormat
        switch try inputs.required("documentType") {
        case "SSMDocument":
            let (piece, content) = try await context.document(DocumentReference(path))
            text = content
            format = DocumentFormat(rawValue: piece.format) ?? .json
        case "LocalPath":
            let file = try Self.file(try context.path(path))
            text = try context.files { () throws(FileError) in
                try Files.read(file, bytesMax: Limits.documentBytesMax)
            }
            format = file.hasSuffix(".json") ? .json : .yaml
        case let other:
            throw .failure("documentType must be SSMDocument or LocalPath, not \(other)")
        }
        let machine = try Self.machine(text, format, path, try inputs.map("documentParameters"))
        let stored = try await StoredParameters(
            for: machine, in: context.command.id, agent: context.agent, clock: context.clock)
        return await Self.run(machine, stored, path, context)
    }

    /// The file itself, or the only document in a directory.
    private static func file(_ path: String) throws(StepEnd) -> String {
        guard Files.isDirectory(path) else { return path }
        let names: [String]
        do throws(FileError) {
            names = try Files.names(in: path)
        } catch {
            throw .failure(error.description)
        }
        let documents = names.filter { name in [".json", ".yaml", ".yml"].contains { name.hasSuffix($0) } }
        guard documents.count == 1 else {
            let found = documents.isEmpty ? "none" : documents.joined(separator: ", ")
            throw .failure("\(path) is a directory, which must hold one document in JSON or YAML; it holds: \(found)")
        }
        return path + "/" + documents[0]
    }

    private static func machine(
        _ text: [UInt8], _ format: DocumentFormat, _ name: String, _ arguments: JSON
    ) throws(StepEnd) -> CommandDocumentMachine {
        do throws(DocumentError) {
            let document = try Document(parsing: text, fileName: format.fileName)
            guard document.runbook == nil else {
                throw DocumentError(.content, "it is a runbook, and only command documents run on nodes")
            }
            try document.checkExecutable()
            let parameters = try Parameters(binding: arguments.object ?? JSONObject(), to: document)
            return CommandDocumentMachine(
                document: document, parameters: parameters, platform: Machine.platformType, isNested: true)
        } catch {
            throw .failure("the document \(name): \(error)")
        }
    }

    private static func run(
        _ machine: CommandDocumentMachine, _ stored: StoredParameters, _ name: String, _ context: StepContext
    ) async -> CommandStepEnding {
        var machine = machine
        var action = machine.start()
        var told = 0
        while true {
            if case .run(let step) = action {
                let ending =
                    await context.agent.isCancelled(context.command.id)
                    ? .cancelled : await execute(step, stored, context)
                if ending == .cancelled { _ = machine.cancel() }
                action = machine.stepEnded(ending)
            }
            while told < machine.results.count, machine.results[told].isOver {
                let result = machine.results[told]
                if !result.message.isEmpty {
                    await context.output.write(
                        "\(machine.document.commandSteps[told].name): \(result.message)",
                        to: result.isGood ? .standardOutput : .standardError)
                }
                told += 1
            }
            if case .finish(let status, let code) = action { return ending(status, code, name) }
        }
    }

    private static func execute(
        _ step: CommandStepRun, _ stored: StoredParameters, _ context: StepContext
    ) async -> CommandStepEnding {
        do throws(DocumentError) {
            let step = try step.resolving(stored)
            return await StepExecution(run: step, context: context.nested(step, number: step.index)).execute()
        } catch {
            return .failed(message: "\(error)")
        }
    }

    /// How the step ended whose document ended so. Exit codes that speak to the inner document say nothing to the
    /// outer one.
    private static func ending(
        _ status: CommandStepResult.Status, _ code: Int, _ name: String
    ) -> CommandStepEnding {
        switch status {
        case .success, .skipped: return .exited(code: 0)
        case .timedOut: return .timedOut
        case .cancelled: return .cancelled
        case .failed, .notStarted, .inProgress:
            let isPlain = code > 0 && ![137, 168, 169, 194].contains(code)
            return isPlain ? .exited(code: code) : .failed(message: "the document \(name) failed")
        }
    }
}
