internal import API
internal import Core
internal import Documents
internal import Events

extension Command {
    static let documents = Command(
        "documents", "Look at documents, put them, check files.",
        subcommands: [listDocuments, showDocument, putDocument, deleteDocument, checkDocuments])

    private static let listDocuments = Command(
        "list", "List the documents, those that come with OpsBus as well.",
        examples: [Example("opsbus documents list --type Automation", "The runbooks")],
        options: [type, CommonOptions.limit]
    ) { arguments, session in
        var filters: [JSON] = [["Key": "Owner", "Values": ["Self", "Amazon"]]]
        if let type = arguments[type] { filters.append(["Key": "DocumentType", "Values": [.string(type)]]) }
        let output = try await session.connect().callAll(
            "ssm:ListDocuments", ["Filters": .array(filters)], list: "DocumentIdentifiers",
            max: arguments[CommonOptions.limit] ?? 100_000)
        session.output.result(output) {
            var table = Table(["NAME", "TYPE", "VERSION", "SCHEMA", "FORMAT", "OWNER"])
            for document in output["DocumentIdentifiers"]?.array ?? [] {
                table.add([
                    document.cell("Name"), document.cell("DocumentType"), document.cell("DocumentVersion"),
                    document.cell("SchemaVersion"), document.cell("DocumentFormat"), document.cell("Owner"),
                ])
            }
            session.output.table(table, empty: "There are no documents.")
        }
        return .success
    }

    private static let showDocument = Command(
        "show", "Print a document's content.",
        examples: [
            Example("opsbus documents show Repair-File", "The default version"),
            Example("opsbus documents show Repair-File --version 2", "Version 2"),
        ],
        options: [versionOption], arguments: [name]
    ) { arguments, session in
        let connection = try session.connect()
        var request = input([
            ("Name", .string(try arguments.required(name))), ("DocumentVersion", .text(arguments[versionOption])),
        ])
        // As it was written, not in the format that clients get unless they ask for another.
        let described = try await connection.call("ssm:DescribeDocument", request)
        request["DocumentFormat"] = described["Document"]?["DocumentFormat"]
        let output = try await connection.call("ssm:GetDocument", request)
        session.output.result(output) {
            session.output.text(output.cell("Content"))
        }
        return .success
    }

    private static let putDocument = Command(
        "put", "Create a document from a file, or a new version of it.",
        discussion: """
            The document is named like the file, without what follows the last dot. A new version becomes the default \
            one; content that is there already changes nothing.
            """,
        examples: [Example("opsbus documents put Rules/documents/Repair-File.yaml", "Put the document Repair-File")],
        options: [nameOption], arguments: [file]
    ) { arguments, session in
        let path = try arguments.required(file)
        let upload = DocumentUpload(
            name: arguments[nameOption] ?? DocumentUpload.name(of: path), content: try session.read(path), path: path)
        let (version, output) = try await upload.put(try session.connect())
        session.output.result(output) {
            session.output.line(
                version.map { "\(upload.name) has version \($0)" } ?? "\(upload.name) is as the file says")
        }
        return .success
    }

    private static let deleteDocument = Command(
        "delete", "Delete a document with all its versions.",
        examples: [Example("opsbus documents delete Old-Document", "Delete Old-Document")],
        arguments: [name]
    ) { arguments, session in
        let name = try arguments.required(name)
        let output = try await session.connect().call("ssm:DeleteDocument", ["Name": .string(name)])
        session.output.result(output) { session.output.line("\(name) deleted") }
        return .success
    }

    private static let checkDocuments = Command(
        "check", "Check document files, without a server.",
        discussion: "Says file, line and column of what keeps a document from being created and run.",
        examples: [Example("opsbus documents check Rules/documents/Repair-File.yaml", "Check a file")],
        arguments: [files]
    ) { arguments, session in
        let paths = arguments.all(files)
        var problems: [RuleProblem] = []
        for path in paths {
            problems += DocumentCheck.problems(try session.read(path), file: path)
        }
        session.output.result(
            ["Documents": .integer(paths.count), "Problems": .array(problems.map(\.json))]
        ) {
            for problem in problems { session.output.line(printable(problem.description)) }
            session.output.line("\(counted(paths.count, "document")), \(counted(problems.count, "problem"))")
        }
        return problems.isEmpty ? .success : .failure
    }

    private static let type = Option(
        "type", "TYPE", .choice(DocumentType.allCases.map(\.rawValue)), "Only documents of that type.")
    private static let versionOption = Option("version", "N", .text, "A version, $DEFAULT or $LATEST. [$DEFAULT]")
    private static let nameOption = Option("name", "NAME", .text, "The document's name, if not the file's.")
    private static let name = Argument("DOCUMENT", .text.completing(.live(.documents)), "The document's name.")
    private static let file = Argument("FILE", .file, "The document in YAML or JSON.")
    private static let files = Argument("FILE", .file, count: 1...Int.max, "Documents in YAML or JSON.")
}

/// One document on its way to the server.
struct DocumentUpload {
    let name: String
    let content: [UInt8]
    let path: String

    /// Creates the document, or a new version that becomes the default one.
    /// - Returns: The version, nil where the content was there already; and the last operation's output.
    func put(_ connection: any Connection) async throws -> (version: String?, output: JSON) {
        let text: DocumentText
        do {
            text = try DocumentCheck.text(content, file: path)
        } catch {
            throw CommandError.failure("\(path): \(error)", fix: "see 'opsbus documents check'")
        }
        var request: JSON = [
            "Name": .string(name), "Content": .string(String(decoding: content, as: UTF8.self)),
            "DocumentType": .string(text.type.rawValue), "DocumentFormat": .string(text.format.rawValue),
        ]
        do {
            let output = try await connection.call("ssm:CreateDocument", request)
            return (output["DocumentDescription"]?.cell("DocumentVersion"), output)
        } catch let error as ServiceError where error.code == .documentAlreadyExists {
            request["DocumentType"] = nil
            request["DocumentVersion"] = "$LATEST"
        }
        do {
            let output = try await connection.call("ssm:UpdateDocument", request)
            let version = output["DocumentDescription"]?["DocumentVersion"]?.string
            if let version {
                _ = try await connection.call(
                    "ssm:UpdateDocumentDefaultVersion", ["Name": .string(name), "DocumentVersion": .string(version)])
            }
            return (version, output)
        } catch let error as ServiceError where error.code == .duplicateDocumentContent {
            return (nil, [:])
        }
    }

    /// The name of a file without its directory and ending.
    static func name(of path: String) -> String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        guard let dot = file.lastIndex(of: "."), dot != file.startIndex else { return file }
        return String(file[..<dot])
    }
}
