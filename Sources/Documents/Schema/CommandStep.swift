public import Core

/// One step of a command document.
public struct CommandStep: Sendable, Hashable {
    /// Unique in the document; in schema 1.2 the plugin's.
    public let name: String
    /// The plugin, such as `aws:runShellScript`.
    public let action: String
    /// As written, references not yet resolved: an object; in schema 1.2 also a list of objects, each run in turn.
    public let inputs: JSON
    /// As written; evaluated on the node, where a malformed one fails the step.
    public let precondition: JSON?
    /// Of the step.
    public let position: TextPosition
}

extension CommandStep {
    /// The steps of schemas 2.0 and 2.2.
    static func list(mainSteps document: Node) throws(DocumentError) -> [CommandStep] {
        let main = try document.required("mainSteps", of: "a document of schema 2.2 or 2.0")
        let nodes = try main.list("mainSteps")
        guard !nodes.isEmpty else { throw DocumentError(.content, "mainSteps must not be empty", at: main.position) }
        var steps: [CommandStep] = []
        for (index, node) in nodes.enumerated() {
            let place = "step \(index + 1)"
            _ = try node.map(place)
            let name = try node.required("name", of: place)
            let step = CommandStep(
                name: try name.text("the name of \(place)"),
                action: try Self.action(node, place),
                inputs: (try Self.inputs(node)).json, precondition: node["precondition"]?.json, position: node.position)
            if steps.contains(where: { $0.name == step.name }) {
                throw DocumentError(.content, "two steps are named \"\(step.name)\"", at: name.position)
            }
            try ActionSchema.command(step.action)?.check(node["inputs"], "step \"\(step.name)\"", at: node.position)
            steps.append(step)
        }
        return steps
    }

    private static func action(_ node: Node, _ place: String) throws(DocumentError) -> String {
        let action = try node.required("action", of: place)
        let text = try action.text("the action of \(place)")
        guard ActionSchema.command(text) != nil else {
            throw .unknownAction(text, place, ActionSchema.commands, at: action.position)
        }
        return text
    }

    private static func inputs(_ node: Node) throws(DocumentError) -> Node {
        guard let inputs = node["inputs"], inputs.value != .null else { return Node(.object([]), at: node.position) }
        _ = try inputs.map("inputs")
        return inputs
    }

    /// The steps of schema 1.2: one for each plugin, whose inputs are its `properties`, a map or a list of maps.
    static func list(runtimeConfig document: Node) throws(DocumentError) -> [CommandStep] {
        let config = try document.required("runtimeConfig", of: "a document of schema 1.2")
        let plugins = try config.map("runtimeConfig")
        guard !plugins.isEmpty else {
            throw DocumentError(.content, "runtimeConfig must not be empty", at: config.position)
        }
        var steps: [CommandStep] = []
        for plugin in plugins {
            guard ActionSchema.command(plugin.key) != nil else {
                throw .unknownAction(plugin.key, "runtimeConfig", ActionSchema.commands, at: plugin.keyPosition)
            }
            let properties = try plugin.value.required("properties", of: "\"\(plugin.key)\"")
            // Some documents of the old schema pass all their inputs through one parameter.
            for node in properties.elements ?? [properties] where node.string == nil { _ = try node.map("properties") }
            steps.append(
                CommandStep(
                    name: plugin.key, action: plugin.key, inputs: properties.json, precondition: nil,
                    position: plugin.keyPosition))
        }
        return steps
    }
}

extension DocumentError {
    static func unknownAction(
        _ name: String, _ place: String, _ known: [String: ActionSchema], at position: TextPosition
    ) -> DocumentError {
        let names = known.keys.sorted()
        let near = nearest(to: name, among: names).map { " (did you mean \($0)?)" } ?? ""
        return DocumentError(
            .unknownAction,
            "\(place) uses \"\(name)\", which is no action of this schema\(near); it knows: "
                + names.joined(separator: ", "), at: position)
    }
}
