internal import Core
internal import Documents
internal import Events
internal import Platform

/// Checks a document file as `CreateDocument` would.
enum DocumentCheck {
    /// All that keeps the document from being created and run.
    static func problems(_ document: RuleDirectory.DocumentFile) -> [RuleProblem] {
        problems(document.content, file: document.file)
    }

    static func problems(_ content: [UInt8], file: String) -> [RuleProblem] {
        func problem(_ error: DocumentError) -> RuleProblem {
            RuleProblem(error.message, file: file, at: error.position ?? TextPosition(line: 1, column: 1))
        }
        do throws(DocumentError) {
            return try text(content, file: file).document?.unsupportedParts.map(problem) ?? []
        } catch {
            return [problem(error)]
        }
    }

    /// The document in a file, of the type that its text shows.
    static func text(_ content: [UInt8], file: String) throws(DocumentError) -> DocumentText {
        let format = file.hasSuffix(".json") ? .json : DocumentFormat(of: String(decoding: content, as: UTF8.self))
        return try DocumentText(checking: content, format: format, type: nil)
    }

    /// The runbook in the file; nil for a command document, and where the file cannot be read.
    static func runbook(_ document: RuleDirectory.DocumentFile) -> Runbook? {
        (try? Document(parsing: document.content, fileName: document.file))?.runbook
    }

    /// Names of this account's topics that the steps of a runbook publish to.
    static func topics(_ document: RuleDirectory.DocumentFile, account: Account) -> Set<String> {
        let steps = runbook(document)?.steps ?? []
        let publishing = steps.filter { step in
            step.action == "aws:executeAwsApi" && step.inputs["Service"] == "sns" && step.inputs["Api"] == "Publish"
        }
        let arns = publishing.compactMap { $0.inputs["TopicArn"]?.string.flatMap(ARN.init).map(account.resolve) }
        // An ARN that holds a reference is known at run time only.
        return Set(arns.map(\.resource).filter { Template($0).references.isEmpty }).filter { name in
            arns.contains(account.arn("sns", name))
        }
    }
}

extension RuleDirectory {
    /// Reads a directory; beside what rules alone tell, checks its documents and how rules and documents fit together.
    /// - Throws: `FileError` where the directory itself cannot be read.
    static func checked(_ path: String, account: Account) throws(FileError) -> RuleDirectory {
        var directory = try RuleDirectory(path, account: account)
        directory.add(directory.documents.flatMap(DocumentCheck.problems))
        directory.add(ArgumentCheck.problems(directory))
        return directory
    }

    /// Topics that rules and runbooks send to; whoever loads them makes sure that these exist.
    func topics(of account: Account) -> Set<String> {
        documents.reduce(into: topics) { $0.formUnion(DocumentCheck.topics($1, account: account)) }
    }
}
