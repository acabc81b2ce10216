internal import Core

/// The substitution of arguments into the steps of a command document.
///
/// Made in a single pass: what is inserted is not looked through again. A name that is no parameter stays as written,
/// since scripts have other uses for braces.
/// - Source: amazon-ssm-agent, `docparser/parameters`; user guide, "interpolationType".
struct CommandScope {
    var parameters: Parameters

    /// Variables that the scripts find their ENV_VAR arguments in.
    var environment: [String: String] {
        var environment: [String: String] = [:]
        for name in parameters.environmentNames { environment["SSM_" + name] = parameters[name]?.insertedText }
        return environment
    }

    /// Replaces the references in a step's inputs; in `runCommand` those to ENV_VAR arguments become `${SSM_NAME}`, and
    /// lists within the list of lines are flattened.
    func resolve(inputs: JSON) -> JSON {
        guard let object = inputs.object else { return resolve(inputs, inScript: false) }
        var resolved = JSONObject()
        for member in object {
            let isScript = member.key == "runCommand"
            let value = resolve(member.value, inScript: isScript)
            resolved.append(member.key, isScript ? value.flattened : value)
        }
        return .object(resolved)
    }

    /// Replaces the references in any other part of a step, such as a precondition.
    func resolve(_ value: JSON) -> JSON { resolve(value, inScript: false) }

    private func resolve(_ value: JSON, inScript: Bool) -> JSON {
        switch value {
        case .string(let text): return resolve(text, inScript: inScript)
        case .array(let elements): return .array(elements.map { resolve($0, inScript: inScript) })
        case .object(let object):
            var resolved = JSONObject()
            for member in object { resolved.append(member.key, resolve(member.value, inScript: inScript)) }
            return .object(resolved)
        default: return value
        }
    }

    private func resolve(_ text: String, inScript: Bool) -> JSON {
        let template = Template(text)
        if let name = template.single { return value(of: name, inScript: inScript) ?? .string(text) }
        var result = ""
        for part in template.parts {
            switch part {
            case .text(let text): result += text
            case .reference(let name, let spelled):
                result += value(of: name, inScript: inScript).map { collapsed($0.insertedText) } ?? spelled
            }
        }
        return .string(result)
    }

    private func value(of name: String, inScript: Bool) -> JSON? {
        if inScript, parameters.environmentNames.contains(name) { return .string("${SSM_\(name)}") }
        return parameters[name]
    }

    /// `$$` as `$`: a legacy of text insertion that authors have come to double their dollars for.
    private func collapsed(_ text: String) -> String {
        var result: [UInt8] = []
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            result.append(bytes[index])
            let isPair =
                bytes[index] == UInt8(ascii: "$") && index + 1 < bytes.count && bytes[index + 1] == bytes[index]
            index += isPair ? 2 : 1
        }
        return String(decoding: result, as: UTF8.self)
    }
}

extension JSON {
    /// The list with the elements of the lists in it, at any depth, in their place.
    fileprivate var flattened: JSON {
        guard let elements = array else { return self }
        return .array(elements.flatMap { $0.flattened.array ?? [$0] })
    }
}
