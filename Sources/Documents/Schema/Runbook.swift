public import Core

/// The part of a document that is a runbook: a graph of steps.
public struct Runbook: Sendable, Hashable {
    /// The role the steps act as, references unresolved.
    public let assumeRole: String?
    /// Values that hold for all steps.
    public let variables: [DocumentParameter]
    /// In the order written; the first is where an execution starts.
    public let steps: [RunbookStep]
    /// What an execution answers at its end, each as `step.Name`.
    public let outputs: [String]

    init(reading node: Node) throws(DocumentError) {
        assumeRole = try node.present("assumeRole")?.text("assumeRole")
        variables = try DocumentParameter.list(in: node, key: "variables", schema: .runbook)
        let main = try node.required("mainSteps", of: "a runbook")
        var steps: [RunbookStep] = []
        for (index, step) in (try main.list("mainSteps")).enumerated() {
            steps.append(try RunbookStep(reading: step, index: index))
        }
        guard !steps.isEmpty else { throw DocumentError(.content, "mainSteps must not be empty", at: main.position) }
        self.steps = steps
        var outputs: [String] = []
        for output in try node.present("outputs")?.list("outputs") ?? [] {
            // Some authors write the reference form here as well.
            let text = try output.text("an output")
            outputs.append(Template(text).single ?? text)
        }
        self.outputs = outputs
    }

    /// The index of the step of that name.
    public func index(of name: String) -> Int? { steps.firstIndex { $0.name == name } }
}

/// One step of a runbook.
public struct RunbookStep: Sendable, Hashable {
    /// Where to go when all attempts of a step failed.
    public enum FailureRoute: Sendable, Hashable {
        case abort
        case proceed
        case step(String)
    }

    /// A value taken from an action's response for later steps.
    public struct Output: Sendable, Hashable {
        /// What references call it, after the step's name.
        public let name: String
        /// Applied to the action's response.
        public let selector: JSONPath
        /// Nil where the author declared no type.
        public let type: ParameterType?
    }

    /// Letters, digits and `_`; unique in the runbook.
    public let name: String
    /// Such as `aws:runCommand`.
    public let action: String
    /// As written, an object, references not yet resolved.
    public let inputs: JSON
    /// Declared by the author; actions have some of their own.
    public let outputs: [Output]
    /// 1 where the author set none.
    public let maxAttempts: Setting<Int>
    /// For each attempt; nil where the author set none.
    public let timeoutSeconds: Setting<Int>?
    /// `abort` where the author set none.
    public let onFailure: FailureRoute
    /// The step that cleans up after a cancel; nil for none.
    public let onCancel: String?
    /// Where to go after a success; nil for the next in the list.
    public let nextStep: String?
    /// Whether the execution ends with this step.
    public let isEnd: Setting<Bool>
    /// Nil where the author leaves it to the default, which depends on `onFailure`.
    public let isCritical: Setting<Bool>?
    /// Of the step.
    public let position: TextPosition
    let inputsNode: Node

    init(reading node: Node, index: Int) throws(DocumentError) {
        var place = "step \(index + 1)"
        _ = try node.map(place)
        let nameNode = try node.required("name", of: place)
        name = try nameNode.text("the name of \(place)")
        guard !name.isEmpty, name.utf8.allSatisfy(Self.isNameByte) else {
            throw DocumentError(
                .content, "the name of \(place), \"\(name)\", may hold letters, digits and '_' only",
                at: nameNode.position)
        }
        place = "step \"\(name)\""
        let actionNode = try node.required("action", of: place)
        action = try actionNode.text("the action of \(place)")
        guard let known = ActionSchema.runbook(action) else {
            throw .unknownAction(action, place, ActionSchema.runbooks, at: actionNode.position)
        }
        inputsNode = node["inputs"] ?? Node(.object([]), at: node.position)
        if inputsNode.value != .null { _ = try inputsNode.map("the inputs of \(place)") }
        inputs = inputsNode.members == nil ? [:] : inputsNode.json
        try known.check(inputsNode, place, at: node.position)
        outputs = try Output.list(node, place)
        maxAttempts = try node.present("maxAttempts")?.setting("maxAttempts of \(place)", Self.integer) ?? .value(1)
        timeoutSeconds = try node.present("timeoutSeconds")?.setting("timeoutSeconds of \(place)", Self.integer)
        isEnd = try node.present("isEnd")?.setting("isEnd of \(place)", Self.flag) ?? .value(false)
        isCritical = try node.present("isCritical")?.setting("isCritical of \(place)", Self.flag)
        nextStep = try node.present("nextStep")?.text("nextStep of \(place)")
        onFailure = try Self.failureRoute(node, place)
        onCancel = try Self.cancelRoute(node, place)
        position = node.position
    }

    private static func integer(_ node: Node, _ what: String) throws(DocumentError) -> Int { try node.integer(what) }
    private static func flag(_ node: Node, _ what: String) throws(DocumentError) -> Bool { try node.flag(what) }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        let character = Unicode.Scalar(byte)
        return character.isASCII && (character.properties.isAlphabetic || ("0"..."9").contains(character))
            || character == "_"
    }

    private static func failureRoute(_ node: Node, _ place: String) throws(DocumentError) -> FailureRoute {
        guard let route = node.present("onFailure") else { return .abort }
        let text = try route.text("onFailure of \(place)")
        switch text {
        case "Abort": return .abort
        case "Continue": return .proceed
        case _ where text.hasPrefix("step:"): return .step(stepName(text))
        default: throw route.mismatch("onFailure of \(place)", "Abort, Continue or step:NAME")
        }
    }

    private static func cancelRoute(_ node: Node, _ place: String) throws(DocumentError) -> String? {
        guard let route = node.present("onCancel") else { return nil }
        let text = try route.text("onCancel of \(place)")
        if text == "Abort" { return nil }
        guard text.hasPrefix("step:") else { throw route.mismatch("onCancel of \(place)", "Abort or step:NAME") }
        return stepName(text)
    }

    private static func stepName(_ route: String) -> String {
        String(route.dropFirst("step:".count).drop { $0 == " " })
    }
}

extension RunbookStep.Output {
    fileprivate static func list(_ step: Node, _ place: String) throws(DocumentError) -> [Self] {
        var outputs: [Self] = []
        for node in try step.present("outputs")?.list("outputs of \(place)") ?? [] {
            let owner = "an output of \(place)"
            let name = try (try node.required("Name", of: owner)).text("the name of \(owner)")
            let selector = try node.required("Selector", of: owner)
            let text = try selector.text("the selector of \(owner)")
            let path: JSONPath
            do throws(JSONPathError) {
                path = try JSONPath(parsing: text)
            } catch {
                throw DocumentError(.content, "the selector of \(owner): \(error)", at: selector.position)
            }
            var type: ParameterType?
            if let typeNode = node.present("Type") {
                type = ParameterType(name: try typeNode.text("the type of \(owner)"), schema: .runbook)
                if type == nil { throw typeNode.mismatch("the type of \(owner)", ParameterType.choices) }
            }
            outputs.append(Self(name: name, selector: path, type: type))
        }
        return outputs
    }
}
