internal import Core

/// What a valid document asks for that OpsBus cannot do yet. Creation refuses such a document, so that no run of it
/// ever fails half-way for that reason. The plugins of command documents are all known to the nodes: one that a node
/// does not have is skipped there or fails its step by name.
extension Document {
    /// Everything in the document that cannot run here, in the order of the text; empty for one that runs.
    public var unsupportedParts: [DocumentError] {
        var parts: [DocumentError] = []
        switch body {
        case .command(let steps):
            for step in steps where step.action != "aws:downloadContent" {
                parts += StoredParameters.names(in: step.inputs, space: .secret).map { misplaced($0, step.position) }
            }
        case .runbook(let runbook):
            for step in runbook.steps {
                if ActionSchema.runbook(step.action)?.isExecutable != true {
                    parts.append(unsupported(step))
                } else if step.action == "aws:executeScript" {
                    parts += unsupportedScript(step)
                }
            }
        }
        for parameter in parameters {
            guard let value = parameter.defaultValue else { continue }
            parts += StoredParameters.names(in: value, space: .secret).map { misplaced($0, parameter.position) }
        }
        return parts
    }

    private func misplaced(_ name: String, _ position: TextPosition) -> DocumentError {
        DocumentError(
            .unsupported, "{{ ssm-secure:\(name) }} may stand in the sourceInfo of aws:downloadContent alone",
            at: position)
    }

    /// - Throws: `DocumentError` with `.unsupported` and all ``unsupportedParts`` in its message, at the first of them.
    public func checkExecutable() throws(DocumentError) {
        let parts = unsupportedParts
        guard let first = parts.first else { return }
        guard parts.count > 1 else { throw first }
        throw DocumentError(.unsupported, parts.map(\.description).joined(separator: "; "), at: first.position)
    }

    private func unsupported(_ step: RunbookStep) -> DocumentError {
        let runs = ActionSchema.executable(in: ActionSchema.runbooks)
        return DocumentError(
            .unsupported,
            "step \"\(step.name)\" uses \(step.action), which OpsBus cannot run yet; it runs: \(runs)",
            at: step.position)
    }

    private func unsupportedScript(_ step: RunbookStep) -> [DocumentError] {
        var parts: [DocumentError] = []
        if let runtime = step.inputs["Runtime"]?.string, ScriptRuntime(name: runtime) == nil {
            parts.append(
                DocumentError(
                    .unsupported,
                    "step \"\(step.name)\" needs the runtime \(runtime), which OpsBus lacks; it has: python3, bash",
                    at: step.inputsNode["Runtime"]?.position))
        }
        if step.inputs["Attachment"] != nil {
            parts.append(
                DocumentError(
                    .unsupported, "step \"\(step.name)\" uses an attachment; put the script in Script",
                    at: step.inputsNode["Attachment"]?.position))
        }
        return parts
    }
}

/// The program that runs the script of `aws:executeScript`.
public enum ScriptRuntime: String, Sendable, Hashable {
    /// Any `python3` or `python3.N`: the node's own Python 3 runs them all.
    case python3
    /// An addition of OpsBus: the whole script is the body, its payload comes in the environment.
    case bash

    /// Nil for runtimes that OpsBus does not have.
    public init?(name: String) {
        if name == "bash" {
            self = .bash
        } else if name == "python3"
            || name.hasPrefix("python3.") && Int(name.dropFirst("python3.".count)) != nil
        {
            self = .python3
        } else {
            return nil
        }
    }
}
