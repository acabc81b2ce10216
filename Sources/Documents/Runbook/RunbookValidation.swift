internal import Core

/// The checks of a runbook that need all its steps: names, jumps, cycles, references.
struct RunbookValidation {
    private let document: Document
    private let runbook: Runbook
    /// Steps by name, those in the bodies of loops included, with the names of their outputs.
    private var outputs: [String: Set<String>] = [:]
    private let indexes: [String: Int]

    /// Actions that are no use in cleaning up after a cancel.
    /// - Source: Systems Manager user guide, "Shared action properties".
    private static let notAfterCancel: Set<String> = [
        "aws:approve", "aws:copyImage", "aws:createImage", "aws:createStack", "aws:createTags", "aws:pause",
        "aws:runInstances", "aws:sleep",
    ]

    init(_ document: Document, _ runbook: Runbook) {
        self.document = document
        self.runbook = runbook
        indexes = Dictionary(
            runbook.steps.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    func run() throws(DocumentError) {
        var copy = self
        try copy.collectNames(runbook.steps)
        for step in runbook.steps { try copy.checkJumps(step) }
        try copy.checkCycles()
        try copy.checkReferences()
    }

    // MARK: Names

    private mutating func collectNames(_ steps: [RunbookStep]) throws(DocumentError) {
        for step in steps {
            var names = Set(ActionSchema.runbook(step.action)?.outputs ?? [])
            // Every action has its whole response under this name.
            names.formUnion(step.outputs.map(\.name) + ["Output"])
            if outputs.updateValue(names, forKey: step.name) != nil {
                throw DocumentError(.content, "two steps are named \"\(step.name)\"", at: step.position)
            }
            guard step.action == "aws:loop" else { continue }
            var body: [RunbookStep] = []
            for (index, node) in (try step.inputsNode["Steps"]?.list("Steps") ?? []).enumerated() {
                body.append(try RunbookStep(reading: node, index: index))
            }
            try collectNames(body)
        }
    }

    // MARK: Jumps

    private func checkJumps(_ step: RunbookStep) throws(DocumentError) {
        let owner = "step \"\(step.name)\""
        if let next = step.nextStep { try checkTarget(next, "nextStep of \(owner)", step.position) }
        if case .step(let target) = step.onFailure {
            try checkTarget(target, "onFailure of \(owner)", step.position)
        }
        if let target = step.onCancel {
            try checkTarget(target, "onCancel of \(owner)", step.position)
            if let index = indexes[target], Self.notAfterCancel.contains(runbook.steps[index].action) {
                throw DocumentError(
                    .content,
                    "onCancel of \(owner) leads to \(runbook.steps[index].action), which cannot follow a cancel",
                    at: step.position)
            }
        }
        guard step.action == "aws:branch" else { return }
        let branch = try Branch(reading: step.inputsNode, owner: owner)
        for target in branch.targets { try checkTarget(target.name, "a choice of \(owner)", target.position) }
    }

    private func checkTarget(_ name: String, _ place: String, _ position: TextPosition) throws(DocumentError) {
        guard indexes[name] != nil else {
            throw DocumentError(.content, "\(place) leads to \"\(name)\", and there is no such step", at: position)
        }
    }

    // MARK: Cycles

    /// Where an execution may go from a step, a cancel aside: that happens once.
    private func successors(_ index: Int) throws(DocumentError) -> [Int] {
        let step = runbook.steps[index]
        var names: [String] = []
        if case .step(let target) = step.onFailure { names.append(target) }
        var fallsThrough = true
        if step.action == "aws:branch" {
            let branch = try Branch(reading: step.inputsNode, owner: step.name)
            names += branch.targets.map(\.name)
            fallsThrough = branch.defaultStep == nil
        }
        var indexes = names.compactMap { self.indexes[$0] }
        if fallsThrough, step.isEnd.known != true {
            if let next = step.nextStep {
                indexes += self.indexes[next].map { [$0] } ?? []
            } else if index + 1 < runbook.steps.count {
                indexes.append(index + 1)
            }
        }
        return indexes
    }

    private func checkCycles() throws(DocumentError) {
        var isDone = Array(repeating: false, count: runbook.steps.count)
        for start in runbook.steps.indices where !isDone[start] {
            // The steps from the start to the present one, each with the successors not yet looked at.
            var path = [(index: start, successors: try successors(start))]
            while let (index, _) = path.last {
                guard let next = path[path.count - 1].successors.popLast() else {
                    isDone[index] = true
                    path.removeLast()
                    continue
                }
                if let first = path.firstIndex(where: { $0.index == next }) {
                    let names = (path[first...].map(\.index) + [next]).map { runbook.steps[$0].name }
                    throw DocumentError(
                        .content, "the steps form a loop that never ends: \(names.joined(separator: " -> "))",
                        at: runbook.steps[next].position)
                }
                if !isDone[next] { path.append((next, try successors(next))) }
            }
        }
    }

    // MARK: References

    private func checkReferences() throws(DocumentError) {
        for step in document.source["mainSteps"]?.elements ?? [] {
            // A description is for people, and may speak of references.
            for member in step.members ?? [] where member.key != "description" {
                try member.value.forEachText { (text, position) throws(DocumentError) in
                    for name in Template(text).references { try check(name, at: position) }
                }
            }
        }
        if let role = document.source["assumeRole"] {
            for name in Template(role.plainText ?? "").references {
                try check(name, at: role.position)
            }
        }
        for (output, node) in zip(runbook.outputs, document.source["outputs"]?.elements ?? []) {
            try checkOutput(output, at: node.position)
        }
    }

    private func check(_ name: String, at position: TextPosition) throws(DocumentError) {
        if name.hasPrefix("ssm:") || name.hasPrefix("ssm-secure:") {
            throw DocumentError(
                .content, "{{ \(name) }} may stand in the default of a parameter only; refer to that parameter here",
                at: position)
        }
        if name.hasPrefix("variable:") {
            guard runbook.variables.contains(where: { "variable:" + $0.name == name }) else {
                throw DocumentError(.content, "{{ \(name) }} is no declared variable", at: position)
            }
        } else if name.contains(":") {
            guard RunbookScope.isGlobal(name) else {
                throw DocumentError(
                    .content, "{{ \(name) }} is unknown; there are \(RunbookScope.globals.joined(separator: ", "))",
                    at: position)
            }
        } else if name.contains(".") {
            try checkOutput(name, at: position)
        } else if document[parameter: name] == nil {
            throw DocumentError(.content, "{{ \(name) }} is no declared parameter", at: position)
        }
    }

    private func checkOutput(_ name: String, at position: TextPosition) throws(DocumentError) {
        guard let dot = name.firstIndex(of: "."), let names = outputs[String(name[..<dot])] else {
            throw DocumentError(.content, "\"\(name)\" names no step; outputs are written as STEP.NAME", at: position)
        }
        let output = String(name[name.index(after: dot)...])
        guard names.contains(output) else {
            let known = names.sorted().joined(separator: ", ")
            throw DocumentError(
                .content, "step \"\(name[..<dot])\" has no output \"\(output)\"; it has: \(known)", at: position)
        }
    }
}
