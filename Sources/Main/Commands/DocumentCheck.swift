internal import Core
internal import Documents
internal import Events

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
            return try Document(parsing: content, fileName: file).unsupportedParts.map(problem)
        } catch {
            return [problem(error)]
        }
    }

    /// Whether the file holds a runbook rather than a command document; false where it cannot be read.
    static func isRunbook(_ document: RuleDirectory.DocumentFile) -> Bool {
        (try? Document(parsing: document.content, fileName: document.file))?.runbook != nil
    }
}
