public import Core

/// What an execution is called and where it runs: the values of `automation:` and `global:` references.
public struct RunbookContext: Sendable, Hashable {
    /// A UUID, as text.
    public var executionID: String
    /// Whose and where.
    public var account: Account
    /// The part after `arn:`.
    public var partition: String

    /// - Parameter executionID: As `{{ automation:EXECUTION_ID }}` shows it.
    public init(executionID: String, account: Account, partition: String = "aws") {
        self.executionID = executionID
        self.account = account
        self.partition = partition
    }
}

/// The names a runbook's step may refer to, with their values at one moment.
///
/// - Source: Systems Manager user guide, "Automation system variables".
struct RunbookScope {
    var parameters: Parameters
    var variables: JSONObject
    /// Outputs by step.
    var outputs: [String: JSONObject]
    var context: RunbookContext
    var now: Timestamp

    static let globals = [
        "global:DATE", "global:DATE_TIME", "global:REGION", "global:ACCOUNT_ID", "global:AWS_PARTITION",
        "automation:EXECUTION_ID",
    ]

    static func isGlobal(_ name: String) -> Bool { globals.contains(name) }

    /// Replaces every reference in a value; a string that is one reference becomes the typed value, and a list that is
    /// one reference to a list becomes that list.
    /// - Throws: `DocumentError` with `.unresolvedReference`, naming it.
    func resolve(_ value: JSON) throws(DocumentError) -> JSON {
        switch value {
        case .string(let text): return try resolve(text)
        case .array(let elements):
            if elements.count == 1, let text = elements[0].string, let name = Template(text).single {
                let value = try self.value(of: name)
                return value.array == nil ? .array([value]) : value
            }
            return .array(try elements.map { element throws(DocumentError) in try resolve(element) })
        case .object(let object):
            var resolved = JSONObject()
            for member in object { resolved.append(member.key, try resolve(member.value)) }
            return .object(resolved)
        default: return value
        }
    }

    private func resolve(_ text: String) throws(DocumentError) -> JSON {
        let template = Template(text)
        if let name = template.single { return try value(of: name) }
        var result = ""
        for part in template.parts {
            switch part {
            case .text(let text): result += text
            case .reference(let name, _): result += try value(of: name).insertedText
            }
        }
        return .string(result)
    }

    func value(of name: String) throws(DocumentError) -> JSON {
        guard let value = lookUp(name) else {
            let reason =
                name.contains(":") || !name.contains(".")
                ? "is not known here" : "has no value: its step did not run, or did not give it"
            throw DocumentError(.unresolvedReference, "{{ \(name) }} \(reason)")
        }
        return value
    }

    private func lookUp(_ name: String) -> JSON? {
        switch name {
        case "global:DATE": return .string(date)
        case "global:DATE_TIME": return .string(date + "_" + time)
        case "global:REGION": return .string(context.account.region)
        case "global:ACCOUNT_ID": return .string(context.account.id)
        case "global:AWS_PARTITION": return .string(context.partition)
        case "automation:EXECUTION_ID": return .string(context.executionID)
        case _ where name.hasPrefix("variable:"): return variables[String(name.dropFirst("variable:".count))]
        default: break
        }
        if let dot = name.firstIndex(of: ".") {
            return outputs[String(name[..<dot])]?[String(name[name.index(after: dot)...])]
        }
        return parameters[name]
    }

    /// `2026-02-03`, in UTC.
    private var date: String { String(now.description.prefix(10)) }

    /// `04.05.06`, in UTC.
    private var time: String { String(now.description.dropFirst(11).prefix(8).map { $0 == ":" ? "." : $0 }) }
}
