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

    /// How the script of a plugin spells a variable of its environment.
    enum Variables {
        case shell, powerShell

        init(of action: String) { self = action == "aws:runPowerShellScript" ? .powerShell : .shell }

        fileprivate func reference(_ name: String) -> String {
            self == .shell ? "${SSM_\(name)}" : "${env:SSM_\(name)}"
        }
    }

    /// Replaces the references in a step's inputs, or in each element of a list of inputs.
    ///
    /// In `runCommand` those to ENV_VAR arguments become references to variables, and lists within the list of lines
    /// are flattened.
    func resolve(inputs: JSON, of action: String) -> JSON {
        switch inputs {
        case .array(let elements): return .array(elements.map { resolve(inputs: $0, of: action) })
        case .object(let object):
            var resolved = JSONObject()
            for member in object {
                let isScript = member.key == "runCommand"
                let value = resolve(member.value, in: isScript ? Variables(of: action) : nil)
                resolved.append(member.key, isScript ? value.flattened : value)
            }
            return .object(resolved)
        default: return resolve(inputs, in: nil)
        }
    }

    /// Replaces the references in any other part of a step, such as a precondition.
    func resolve(_ value: JSON) -> JSON { resolve(value, in: nil) }

    /// - Parameter script: The variables of the script that the value is part of; nil for none.
    private func resolve(_ value: JSON, in script: Variables?) -> JSON {
        switch value {
        case .string(let text): return resolve(text, in: script)
        case .array(let elements): return .array(elements.map { resolve($0, in: script) })
        case .object(let object):
            var resolved = JSONObject()
            for member in object { resolved.append(member.key, resolve(member.value, in: script)) }
            return .object(resolved)
        default: return value
        }
    }

    private func resolve(_ text: String, in script: Variables?) -> JSON {
        let template = Template(text)
        if let name = template.single { return value(of: name, in: script) ?? .string(text) }
        var result = ""
        for part in template.parts {
            switch part {
            case .text(let text): result += text
            case .reference(let name, let spelled):
                result += value(of: name, in: script).map { collapsed($0.insertedText) } ?? spelled
            }
        }
        return .string(result)
    }

    private func value(of name: String, in script: Variables?) -> JSON? {
        if let script, parameters.environmentNames.contains(name) { return .string(script.reference(name)) }
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
