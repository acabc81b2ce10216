internal import Core
internal import Documents
internal import Events

/// Compares what rules and runbooks give to the documents of a directory with what those declare.
///
/// Documents that are not in the directory, and values that only an event or an earlier step decides, are left to the
/// checks made at run time.
struct ArgumentCheck {
    private let directory: RuleDirectory
    private let documents: [String: Document]
    private var problems: [RuleProblem] = []

    /// - Returns: An error for every parameter that is unknown, missing or has a value that its document refuses, and
    ///   for every document started as what it is not.
    static func problems(_ directory: RuleDirectory) -> [RuleProblem] {
        var check = ArgumentCheck(directory)
        for target in directory.arguments { check.checkTarget(target) }
        for file in directory.documents { check.checkSteps(file) }
        return check.problems
    }

    private init(_ directory: RuleDirectory) {
        self.directory = directory
        let parsed = directory.documents.map { file in
            // What cannot be read is reported where documents are checked by themselves.
            (file.name, try? Document(parsing: file.content, fileName: file.file))
        }
        documents = Dictionary(uniqueKeysWithValues: parsed).compactMapValues { $0 }
    }

    private mutating func fail(_ message: String, _ file: String, _ position: TextPosition) {
        problems.append(RuleProblem(message, file: file, at: position))
    }

    private mutating func checkTarget(_ target: TargetArguments) {
        // A version by its number is one that a server holds; the file is the newest.
        guard let document = documents[target.document], target.version.map({ $0.hasPrefix("$") }) ?? true else {
            return
        }
        let owner = "target \(target.target) of rule \(target.rule)"
        guard (document.runbook != nil) == target.isRunbook else {
            let fix =
                target.isRunbook
                ? "a command document; write arn:aws:ssm:::document/"
                : "a runbook; write arn:aws:ssm:::automation-definition/"
            fail("\(owner): \(target.document) is \(fix)\(target.document)", target.file, target.position)
            return
        }
        guard let arguments = target.arguments else { return }
        check(
            arguments, of: document, named: target.document, owner, file: target.file, position: target.inputPosition)
    }

    private mutating func checkSteps(_ file: RuleDirectory.DocumentFile) {
        guard documents[file.name]?.runbook != nil,
            let root = try? Node(parsing: file.content, fileName: file.file)
        else { return }
        for step in root["mainSteps"]?.elements ?? [] where step["action"]?.string == "aws:runCommand" {
            guard let inputs = step["inputs"], inputs["DocumentVersion"] == nil,
                let name = inputs["DocumentName"]?.string, let document = documents[name]
            else { continue }
            let owner = "step \"\(step["name"]?.string ?? "")\""
            guard document.runbook == nil else {
                fail(
                    "\(owner): \(name) is a runbook; aws:runCommand runs command documents", file.file,
                    inputs["DocumentName"]?.position ?? inputs.position)
                continue
            }
            let parameters = inputs["Parameters"]
            // A single reference gives the whole map.
            guard parameters == nil || parameters?.members != nil else { continue }
            let arguments = (parameters?.members ?? []).map { member in
                TargetArguments.Argument(
                    name: member.key, position: member.keyPosition,
                    // A bare nil would be the JSON value null.
                    value: member.value.json.hasReferences ? JSON?.none : member.value.json)
            }
            check(
                arguments, of: document, named: name, owner, file: file.file,
                position: parameters?.position ?? inputs.position)
        }
    }

    private mutating func check(
        _ arguments: [TargetArguments.Argument], of document: Document, named name: String, _ owner: String,
        file: String, position: TextPosition
    ) {
        let known = document.parameters.map(\.name)
        for argument in arguments {
            guard let parameter = document[parameter: argument.name] else {
                let hint =
                    nearest(to: argument.name, among: known).map { "did you mean \($0)?" }
                    ?? (known.isEmpty ? "it has none" : "it has: \(known.joined(separator: ", "))")
                fail(
                    "\(owner): the document \(name) has no parameter \"\(argument.name)\"; \(hint)", file,
                    argument.position)
                continue
            }
            guard let value = argument.value else { continue }
            do throws(DocumentError) {
                try parameter.validate(value)
            } catch {
                fail("\(owner): \(error.message); the document is \(name)", file, argument.position)
            }
        }
        let given = Set(arguments.map(\.name))
        for parameter in document.parameters where parameter.isRequired && !given.contains(parameter.name) {
            fail(
                "\(owner): the document \(name) needs the parameter \"\(parameter.name)\"; give it a value here", file,
                position)
        }
    }
}

extension JSON {
    /// Whether one of the texts within refers to something by `{{ … }}`.
    fileprivate var hasReferences: Bool {
        switch self {
        case .string(let text): !Template(text).references.isEmpty
        case .array(let elements): elements.contains(where: \.hasReferences)
        case .object(let object): object.contains { $0.value.hasReferences }
        default: false
        }
    }
}
