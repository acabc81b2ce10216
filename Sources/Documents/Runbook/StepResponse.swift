internal import Core

/// Reading an action's response: the step's outputs, and what `aws:assertAwsResourceProperty` asks of it.
struct StepResponse {
    let step: RunbookStep
    let response: JSON

    /// The outputs the action always has, as far as they are there, then the declared ones.
    /// - Throws: `RunbookStepFailure` where a selector leads nowhere or to a value of another type.
    func outputs() throws(RunbookStepFailure) -> JSONObject {
        var outputs = JSONObject()
        for name in ActionSchema.runbook(step.action)?.outputs ?? [] {
            if let value = response[name] { outputs.append(name, value) }
        }
        for output in step.outputs {
            guard let value = output.selector.values(in: response) else {
                throw failure("output \"\(output.name)\" not found: the response has nothing at \(output.selector)")
            }
            outputs[output.name] = try typed(value, output)
        }
        return outputs
    }

    private func typed(_ value: JSON, _ output: RunbookStep.Output) throws(RunbookStepFailure) -> JSON {
        guard let type = output.type else { return value.isNull ? value : .string(value.insertedText) }
        guard type.accepts(value) else {
            let found = "\(value.typeName) \(value.text.prefix(60))"
            throw failure(
                "output \"\(output.name)\" is declared \(type.rawValue), and \(output.selector) is the \(found)")
        }
        return value
    }

    /// Checks the property that `PropertySelector` leads to against `DesiredValues`; of several, all must fit.
    func assert(_ inputs: JSON) throws(RunbookStepFailure) {
        guard let selector = inputs["PropertySelector"]?.string, let desired = inputs["DesiredValues"]?.array else {
            throw RunbookStepFailure(
                "PropertySelector must be a text and DesiredValues a list", stage: .inputValidation,
                isRetriable: false)
        }
        let path: JSONPath
        do throws(JSONPathError) {
            path = try JSONPath(parsing: selector)
        } catch {
            throw RunbookStepFailure("PropertySelector: \(error)", stage: .inputValidation, isRetriable: false)
        }
        let value = path.values(in: response)
        let found = path.isDefinite ? value.map { [$0] } ?? [] : value?.array ?? []
        guard !found.isEmpty else { throw failure("the response has nothing at \(selector)") }
        for value in found where !desired.contains(where: { Self.isSame($0, value) }) {
            throw failure("\(selector) is \(value.insertedText.prefix(200)), desired is \(JSON.array(desired).text)")
        }
    }

    /// By text, as authors write values; booleans in any letter case.
    private static func isSame(_ desired: JSON, _ value: JSON) -> Bool {
        if let flag = value.bool { return desired.plainText.flatMap(Bool.init(spelled:)) == flag }
        return desired == value || desired.insertedText == value.insertedText
    }

    private func failure(_ message: String) -> RunbookStepFailure {
        RunbookStepFailure(message, stage: .verification, kind: .verification)
    }
}
