import API
import Core
import Documents
import Platform
import Storage
import Testing

@testable import Systems

@Suite struct AttachmentTests {
    let service: TestDocumentService

    init() throws { service = try TestDocumentService() }

    private func file(_ name: String, _ content: [UInt8]) throws -> String {
        try Files.write(content, to: service.directory + "/" + name)
        return "file://\(service.directory)/\(name)"
    }

    private func contents() async throws -> Int? {
        try await service.database.read { transaction in
            try transaction.queryOne("SELECT count(*) FROM document_contents") { try $0[0] }
        }
    }

    @Test func anAttachmentIsKeptOnceAndHandedOutInPieces() async throws {
        let bytes = [UInt8]((0..<600_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
        let url = try file("big.bin", bytes)
        try await service.create("Doc", "1", ["Attachments": [["Key": "S3FileUrl", "Values": [.string(url)]]]])
        let content = try await service.call("GetDocument", ["Name": "Doc"])["AttachmentsContent"]?[0]
        #expect(content?["Name"] == "big.bin" && content?["Size"] == 600_000)
        #expect(content?["Hash"] == .string(sha256(bytes)) && content?["HashType"] == "Sha256")
        var generator = SystemRandomNumberGenerator()
        var request = ContentRequest(
            command: Identifier(using: &generator), number: 1, document: "Doc", attachment: "big.bin")
        var found: [UInt8] = []
        while found.count < bytes.count {
            request.offset = found.count
            let (piece, part) = try await service.store.piece(request)
            #expect(piece.size == bytes.count && piece.sha256 == sha256(bytes) && part.count <= ContentPiece.bytesMax)
            try #require(!part.isEmpty)
            found += part
        }
        #expect(found == bytes)
        // A later version refers to it, and the bytes go with the last that has them.
        _ = try await service.update(
            "Doc", "2", ["Attachments": [["Key": "AttachmentReference", "Values": ["Doc:1/big.bin"], "Name": "other"]]])
        #expect(try await contents() == 1)
        try await service.call("UpdateDocumentDefaultVersion", ["Name": "Doc", "DocumentVersion": "2"])
        try await service.call("DeleteDocument", ["Name": "Doc", "DocumentVersion": "1"])
        #expect(try await contents() == 1)
        try await service.call("DeleteDocument", ["Name": "Doc"])
        #expect(try await contents() == 0)
    }

    @Test func aClientOverHTTPIsGivenALinkThatEnds() async throws {
        let url = try file("f.txt", [65, 66])
        try await service.create("Doc", "1", ["Attachments": [["Key": "S3FileUrl", "Values": [.string(url)]]]])
        func shown(at endpoint: String?) async throws -> String? {
            let output = try await service.call("GetDocument", ["Name": "Doc"], endpoint: endpoint)
            return output["AttachmentsContent"]?[0]?["Url"]?.string
        }
        #expect(try await shown(at: nil) == nil)
        let address = try #require(try await shown(at: "http://h:1"))
        let start = "http://h:1" + attachmentsPath
        #expect(address.hasPrefix(start) && address.hasSuffix("/\(sha256([65, 66]))/f.txt"))
        let link = String(address.dropFirst(start.count))
        #expect(try await service.links.attachment(at: link) == [65, 66])

        func code(_ link: String) async -> ErrorCode? {
            await #expect(throws: ServiceError.self) { try await service.links.attachment(at: link) }?.code
        }
        let later = String((Int64(link.prefix { $0 != "/" }) ?? 0) + 1) + link.drop { $0 != "/" }
        for wrong in [later, link + "x", "", "1/2", String(link.dropFirst(11))] {
            #expect(await code(wrong) == .accessDenied, "\(wrong)")
        }
        service.clock.advance(.seconds(3600))
        #expect(await code(link) == .accessDenied)
        let other = String(try #require(try await shown(at: "")).dropFirst(attachmentsPath.count))
        try await service.call("DeleteDocument", ["Name": "Doc"])
        #expect(await code(other) == .resourceNotFound)
    }

    @Test func aNodeIsToldWhatIsNotThere() async throws {
        try await service.create("Doc")
        var generator = SystemRandomNumberGenerator()
        let id = Identifier(using: &generator)
        for (name, version, attachment, code) in [
            ("None", nil, nil, ErrorCode.invalidDocument), ("Doc", "9", nil, .invalidDocumentVersion),
            ("AWS-StopEC2InstanceWithApproval", nil, nil, .unsupportedOperation),
            ("Doc", nil, "none", .invalidDocument), ("AWS-RunPatchBaseline", nil, nil, .unsupportedOperation),
        ] as [(String, String?, String?, ErrorCode)] {
            let request = ContentRequest(
                command: id, number: 1, document: name, version: version, attachment: attachment)
            let error = await #expect(throws: ServiceError.self) { try await service.store.piece(request) }
            #expect(error?.code == code)
        }
    }

    @Test func aFileOfTheServerIsForItsOwnPrincipalOnly() async throws {
        let url = try file("f.txt", [65])
        let input: JSON = [
            "Name": "Doc", "Content": TestDocumentService.content("1"),
            "Attachments": [["Key": "S3FileUrl", "Values": [.string(url)], "Name": "f.txt"]],
        ]
        #expect(try await service.refusal("CreateDocument", input, as: Principal("someone"))?.code == .accessDenied)
        #expect(try await service.refusal("CreateDocument", input) == nil)
    }

    @Test(
        arguments: [
            (["Key": "S3FileUrl", "Values": ["file:///no/such/file"]], "cannot be read"),
            (["Key": "S3FileUrl", "Values": ["http://127.0.0.1:9/file"]], "does not accept connections"),
            (["Key": "SourceUrl", "Values": ["http://127.0.0.1:9/"]], "needs a Name"),
            (["Key": "AttachmentReference", "Values": ["Doc"]], "has the form"),
            (["Values": ["file:///etc/hostname"]], "needs a Key"),
        ] as [(JSON, String)])
    func whatCannotBeReadKeepsTheDocumentFromBeingMade(_ source: JSON, _ message: String) async throws {
        let error = try await service.refusal(
            "CreateDocument",
            ["Name": "Doc", "Content": TestDocumentService.content("1"), "Attachments": [source]])
        #expect(error?.code == .invalidDocumentContent && error?.message.contains(message) == true, "\(error as Any)")
        #expect(try await service.names().isEmpty)
    }

    @Test func aPackageMustHaveTheFilesThatItLists() async throws {
        let url = try file("demo.tar.gz", [1, 2, 3])
        func create(_ name: String, _ sum: String, _ attachments: JSON) async throws -> ServiceError? {
            let text = """
                {"schemaVersion": "2.0", "version": "1",
                 "packages": {"_any": {"_any": {"_any": {"file": "demo.tar.gz"}}}},
                 "files": {"demo.tar.gz": {"checksums": {"sha256": "\(sum)"}}}}
                """
            return try await service.refusal(
                "CreateDocument",
                [
                    "Name": .string(name), "Content": .string(text), "DocumentType": "Package",
                    "Attachments": attachments,
                ])
        }
        let source: JSON = [["Key": "SourceUrl", "Values": [.string(String(url.dropLast("demo.tar.gz".count)))]]]
        #expect(try await create("Pack", sha256([1, 2, 3]), source) == nil)
        #expect(try await create("Pack2", sha256([]), source)?.message.contains("the package says") == true)
        #expect(try await create("Pack3", sha256([1, 2, 3]), [])?.message.contains("is not attached") == true)
    }
}

@Suite struct BuiltInDocumentsTests {
    @Test(arguments: BuiltInDocuments.all.keys.sorted())
    func aBuiltInDocumentIsWhatItsRecordSays(_ name: String) throws {
        let document = try #require(BuiltInDocuments.all[name])
        let text = try document.text()
        #expect(text.schemaVersion == document.schema && text.type.rawValue == document.type)
        #expect(text.platformTypes.map(\.rawValue) == document.platforms)
        try text.document?.checkExecutable()
        #expect(text.parameters.allSatisfy { $0.description?.isEmpty == false })
        #expect(text.description?.isEmpty == false)
    }

    @Test(
        arguments: [
            ("AWS-RunShellScript", ["commands"], ["workingDirectory", "executionTimeout"]),
            ("AWS-RunPowerShellScript", ["commands"], ["workingDirectory", "executionTimeout"]),
            (
                "AWS-RunRemoteScript", ["sourceType", "sourceInfo", "commandLine"],
                ["workingDirectory", "executionTimeout"]
            ),
            ("AWS-RunDocument", ["sourceType", "sourceInfo"], ["documentParameters"]),
            ("AWS-PublishSNSNotification", ["TopicArn", "Message"], ["AutomationAssumeRole"]),
            ("AWS-ConfigureAWSPackage", ["action", "name"], ["installationType", "version", "additionalArguments"]),
            ("AWS-UpdateSSMAgent", [], ["version", "allowDowngrade"]),
            (
                "AWS-ApplyAnsiblePlaybooks", ["SourceType", "SourceInfo"],
                ["InstallDependencies", "PlaybookFile", "ExtraVariables", "Check", "Verbose", "TimeoutSeconds"]
            ),
            ("AWS-RunAnsiblePlaybook", [], ["playbook", "playbookurl", "extravars", "check", "timeoutSeconds"]),
        ] as [(String, [String], [String])])
    func usersFindTheParametersTheyKnow(_ name: String, _ required: [String], _ optional: [String]) throws {
        let parameters = try #require(BuiltInDocuments.all[name]).text().parameters
        #expect(parameters.filter(\.isRequired).map(\.name) == required)
        #expect(parameters.filter { !$0.isRequired }.map(\.name) == optional)
    }

    @Test func whatNeedsSomethingThatIsNotThereIsRefusedByName() async throws {
        let service = try TestDocumentService()
        let error = try await service.refusal("DescribeDocument", ["Name": "AWS-RunPatchBaseline"])
        #expect(error?.code == .unsupportedOperation && error?.message.contains("Patch Manager") == true)
        for operation in ["DeleteDocument", "UpdateDocumentDefaultVersion", "ModifyDocumentPermission"] {
            var input: JSON = ["Name": "AWS-RunShellScript"]
            if operation == "UpdateDocumentDefaultVersion" { input["DocumentVersion"] = "1" }
            if operation == "ModifyDocumentPermission" { input["PermissionType"] = "Share" }
            #expect(try await service.refusal(operation, input)?.code == .invalidDocumentOperation)
        }
        let arn = "arn:aws:ssm:us-east-1::document/AWS-RunShellScript"
        #expect(try await service.call("DescribeDocument", ["Name": .string(arn)])["Document"]?["Owner"] == "Amazon")
    }
}
