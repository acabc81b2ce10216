internal import API
internal import Core

/// Makes the input of an operation, in the types that it declares, of the parameters of a form.
struct QueryInput {
    let operation: Operation
    let flat: FlatNames
    private let action: String

    init(_ operation: Operation, _ flat: FlatNames) {
        self.operation = operation
        self.flat = flat
        action = operation.action
    }

    func input(_ form: QueryForm) -> JSON { structure(form.input, operation.input) }

    private func value(_ branch: QueryForm.Branch, _ shape: Shape) -> JSON {
        switch shape {
        case .list(let element, _): list(branch, element)
        case .map(let element, _, _): map(branch, element)
        case .structure(let fields): structure(branch, fields)
        case .any, .unsupported: anything(branch)
        case .string, .integer, .boolean, .timestamp, .blob:
            branch.names.isEmpty ? shape.value(ofText: branch.text ?? "") : anything(branch)
        }
    }

    private func list(_ branch: QueryForm.Branch, _ element: Shape) -> JSON {
        // Some lists are spelled without `member`.
        .array((branch.branches["member"] ?? branch).numbered.map { value($0, element) })
    }

    private func map(
        _ branch: QueryForm.Branch, _ element: Shape, named names: (key: String, value: String)? = nil
    ) -> JSON {
        var object = JSONObject()
        for entry in (branch.branches["entry"] ?? branch).numbered {
            // SNS calls them so in message attributes.
            let key = entry.branches[names?.key ?? "key"] ?? entry.branches["Name"]
            let content = entry.branches[names?.value ?? "value"] ?? entry.branches["Value"] ?? QueryForm.Branch()
            object.append(key?.text ?? "", value(content, element))
        }
        return .object(object)
    }

    private func structure(_ branch: QueryForm.Branch, _ fields: [Field]) -> JSON {
        var object = JSONObject()
        for name in branch.names {
            guard let content = branch.branches[name] else { continue }
            guard let member = flat.member(element: name, action: action, among: fields) else {
                object.append(name, value(content, shape(name, fields)))
                continue
            }
            let shape = shape(member.name, fields)
            if let entry = member.entry {
                let element = if case .map(let element, _, _) = shape { element } else { Shape.any }
                object.append(member.name, map(content, element, named: entry))
            } else {
                let element = if case .list(let element, _) = shape { element } else { Shape.any }
                object.append(member.name, list(content, element))
            }
        }
        return .object(object)
    }

    private func shape(_ name: String, _ fields: [Field]) -> Shape { fields.first { $0.name == name }?.shape ?? .any }

    /// A value of an undeclared type: its spelling tells what it is.
    private func anything(_ branch: QueryForm.Branch) -> JSON {
        if branch.names.isEmpty { return .string(branch.text ?? "") }
        if branch.names == ["member"] { return list(branch, .any) }
        if branch.names == ["entry"] { return map(branch, .any) }
        return structure(branch, [])
    }
}
