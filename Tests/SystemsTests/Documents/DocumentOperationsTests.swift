import API
import Core
import Documents
import Platform
import Storage
import Testing

@testable import Systems

@Suite struct DocumentOperationsTests {
    let service: TestDocumentService

    init() throws { service = try TestDocumentService() }

    // MARK: Versions

    @Test func theDefaultVersionStaysUntilItIsSet() async throws {
        try await service.create("Doc", "1", ["VersionName": "one"])
        #expect(try await service.update("Doc", "2", ["VersionName": "two", "DocumentVersion": "$LATEST"]) == "2")
        func number(_ input: JSON) async throws -> String? {
            var input = input
            input["Name"] = "Doc"
            return try await service.call("GetDocument", input)["DocumentVersion"]?.string
        }
        #expect(try await number([:]) == "1")
        #expect(try await number(["DocumentVersion": "$LATEST"]) == "2")
        #expect(try await number(["VersionName": "two"]) == "2")
        let output = try await service.call(
            "UpdateDocumentDefaultVersion", ["Name": "Doc", "DocumentVersion": "2"])
        #expect(output["Description"]?["DefaultVersionName"] == "two")
        #expect(try await number([:]) == "2")
        #expect(try await number(["DocumentVersion": "1"]) == "1")
        for wrong in [["VersionName": "none"], ["VersionName": "one", "DocumentVersion": "2"]] as [JSON] {
            var input = wrong
            input["Name"] = "Doc"
            #expect(try await service.refusal("GetDocument", input)?.code == .invalidDocumentVersion)
        }
    }

    @Test func anUpdateMustBringSomethingNewToTheLatestVersion() async throws {
        try await service.create("Doc", "1", ["VersionName": "one"])
        func refusal(_ text: String, _ more: JSON) async throws -> ErrorCode? {
            var input: JSON = ["Name": "Doc", "Content": TestDocumentService.content(text)]
            for member in more.object?.members ?? [] { input[member.key] = member.value }
            return try await service.refusal("UpdateDocument", input)?.code
        }
        #expect(try await refusal("1", [:]) == .duplicateDocumentContent)
        #expect(try await refusal("2", ["DocumentVersion": "7"]) == .invalidDocumentVersion)
        #expect(try await refusal("2", ["VersionName": "one"]) == .duplicateDocumentVersionName)
        #expect(try await refusal("2", [:]) == nil)
        #expect(try await refusal("3", ["DocumentVersion": "1"]) == .invalidDocumentVersion)
        #expect(try await refusal("1", [:]) == .duplicateDocumentContent)
        let runbook: JSON = [
            "Name": "Doc",
            "Content": "schemaVersion: '0.3'\nmainSteps: [{name: a, action: 'aws:sleep', inputs: {Duration: PT1S}}]",
        ]
        #expect(try await service.refusal("UpdateDocument", runbook)?.code == .invalidDocumentContent)
    }

    @Test func aNumberIsNotGivenTwice() async throws {
        try await service.create("Doc")
        #expect(try await service.update("Doc", "2") == "2")
        try await service.call("DeleteDocument", ["Name": "Doc", "DocumentVersion": "2"])
        let described = try await service.call("DescribeDocument", ["Name": "Doc"])
        #expect(described["Document"]?["LatestVersion"] == "1")
        #expect(try await service.update("Doc", "2") == "3")
        let refusal = try await service.refusal("DeleteDocument", ["Name": "Doc", "DocumentVersion": "$DEFAULT"])
        #expect(refusal?.message == "Default version of the document can't be deleted.")
        let versions = try await service.call("ListDocumentVersions", ["Name": "Doc", "MaxResults": 1])
        #expect(versions["DocumentVersions"]?[0]?["DocumentVersion"] == "3" && versions["NextToken"] == "1")
        let rest = try await service.call("ListDocumentVersions", ["Name": "Doc", "NextToken": "1"])
        #expect(rest["DocumentVersions"]?[0]?["IsDefaultVersion"] == true && rest["NextToken"] == "")
        #expect(
            try await service.refusal("ListDocumentVersions", ["Name": "Doc", "NextToken": "9"])?.code
                == .invalidNextToken)
    }

    @Test func aTextIsAnsweredInTheFormatAskedFor() async throws {
        let yaml =
            "schemaVersion: \"2.2\" # a comment\nmainSteps:\n"
            + "- {action: aws:runShellScript, name: s, inputs: {runCommand: [a]}}\n"
        try await service.call("CreateDocument", ["Name": "Doc", "Content": .string(yaml), "DocumentFormat": "YAML"])
        let asJSON = try await service.call("GetDocument", ["Name": "Doc"])
        #expect(asJSON["DocumentFormat"] == "JSON")
        #expect(try JSON(parsing: asJSON["Content"]?.string ?? "")["schemaVersion"] == "2.2")
        let asYAML = try await service.call("GetDocument", ["Name": "Doc", "DocumentFormat": "YAML"])
        #expect(asYAML["Content"] == .string(yaml))
        #expect(
            try await service.refusal("GetDocument", ["Name": "Doc", "DocumentFormat": "TEXT"])?.code == .validation)
        let description = try await service.call("DescribeDocument", ["Name": "Doc"])["Document"]
        #expect(description?["Hash"] == .string(sha256(Array(yaml.utf8))) && description?["DocumentFormat"] == "YAML")
    }

    // MARK: Names and content

    @Test(
        arguments: [
            (["Name": "aws-mine"], .validation, "reserved prefix"),
            (["Name": "AMZN.x"], .validation, "reserved prefix"),
            (["Name": "no"], .validation, "pattern"),
            (["Name": "Doc", "DocumentType": "Nothing"], .validation, "enum value set"),
            (["Name": "Doc", "DocumentType": "CloudFormation"], .unsupportedOperation, "CloudFormation"),
            (["Name": "Doc", "DocumentFormat": "JSON", "Content": "a: 1"], .invalidDocumentContent, "is not valid"),
            (
                ["Name": "Doc", "Content": "{\"schemaVersion\": \"2.2\",\n \"mainSteps\": []}"],
                .invalidDocumentContent, "line 2, column"
            ),
            (["Name": "Doc", "Content": "schemaVersion: '7'"], .invalidDocumentSchemaVersion, "line 1, column"),
            (["Name": "Doc", "Requires": [["Name": "None"]]], .invalidDocumentContent, "Requires names None"),
            (["Name": "Doc", "TargetType": "instance"], .validation, "pattern"),
            (
                [
                    "Name": "Doc", "DocumentType": "Policy",
                    "Content": "schemaVersion: '1.2'\nruntimeConfig: {'aws:refreshAssociation': {properties: []}}",
                ], .invalidDocumentSchemaVersion, "has the schema 2.0 or 2.2, not 1.2 at line 1"
            ),
            (["Name": "Doc", "Tags": [["Key": "a<b", "Value": ""]]], .validation, "pattern"),
        ] as [(JSON, ErrorCode, String)])
    func whatCannotBeIsRefused(_ input: JSON, _ code: ErrorCode, _ message: String) async throws {
        var input = input
        if input["Content"] == nil { input["Content"] = TestDocumentService.content("1") }
        let error = try await service.refusal("CreateDocument", input)
        #expect(error?.code == code && error?.message.contains(message) == true, "\(error as Any)")
        #expect(try await service.names().isEmpty)
    }

    @Test func aTextLargerThanTheLimitIsRefused() async throws {
        let text = "schemaVersion: '2.2'\n#" + String(repeating: "x", count: Limits.documentBytesMax)
        let error = try await service.refusal("CreateDocument", ["Name": "Doc", "Content": .string(text)])
        #expect(error?.code == .maxDocumentSizeExceeded)
    }

    @Test func whatTheRequestSaidIsShown() async throws {
        try await service.create("Base")
        try await service.create(
            "Doc", "1",
            [
                "DisplayName": "A document", "TargetType": "/AWS::EC2::Instance", "CloudProviders": ["AWS"],
                "Requires": [["Name": "Base", "Version": "1"]], "Tags": [["Key": "team", "Value": "a"]],
            ])
        let shown = try #require(try await service.call("DescribeDocument", ["Name": "Doc"])["Document"])
        #expect(shown["DisplayName"] == "A document" && shown["TargetType"] == "/AWS::EC2::Instance")
        #expect(shown["Requires"] == [["Name": "Base", "Version": "1"]] && shown["CloudProviders"] == ["AWS"])
        #expect(shown["Tags"] == [["Key": "team", "Value": "a"]] && shown["PlatformTypes"] == ["Linux", "MacOS"])
        #expect(shown["Owner"] == "123456789012" && shown["Author"] == "local" && shown["Status"] == "Active")
    }

    // MARK: Lists, tags, shares

    @Test func aListShowsWhatEveryFilterLetsThrough() async throws {
        for (name, tag, target) in [("Alpha", "x", "/"), ("Alphabet", "y", "/AWS::EC2::Instance"), ("Beta", "x", "/")] {
            try await service.create(
                name, "1", ["Tags": [["Key": "team", "Value": .string(tag)]], "TargetType": .string(target)])
        }
        try await service.call(
            "ModifyDocumentPermission", ["Name": "Beta", "PermissionType": "Share", "AccountIdsToAdd": ["All"]])
        #expect(try await service.names() == ["Alpha", "Alphabet", "Beta"])
        #expect(try await service.names([["Key": "Name", "Values": ["Alpha"]]]) == ["Alpha", "Alphabet"])
        #expect(try await service.names([["Key": "Name", "Values": ["Alphab", "B"]]]) == ["Alphabet", "Beta"])
        #expect(try await service.names([["Key": "tag:team", "Values": ["x"]]]) == ["Alpha", "Beta"])
        #expect(
            try await service.names([
                ["Key": "tag:team", "Values": ["x"]], ["Key": "Name", "Values": ["Al"]],
            ]) == ["Alpha"])
        #expect(try await service.names([["Key": "TargetType", "Values": ["/AWS::EC2::Instance"]]]) == ["Alphabet"])
        let windows = try await service.names([["Key": "PlatformTypes", "Values": ["Windows"]]])
        #expect(windows.contains("AWS-RunPowerShellScript") && !windows.contains("Alpha"))
        let own: JSON = ["Key": "Owner", "Values": ["Self"]]
        #expect(try await service.names([own, ["Key": "PlatformTypes", "Values": ["Windows"]]]) == [])
        #expect(try await service.names([["Key": "Owner", "Values": ["Private"]]]) == ["Alpha", "Alphabet"])
        let amazon = try await service.names([["Key": "Owner", "Values": ["Amazon"]]])
        #expect(amazon.contains("AWS-RunShellScript") && !amazon.contains("Alpha"))
        #expect(try await service.names([["Key": "Name", "Values": ["AWS-RunSh"]]]) == ["AWS-RunShellScript"])
        let old = try await service.call(
            "ListDocuments", ["DocumentFilterList": [["key": "Name", "value": "Beta"]]])
        #expect(old["DocumentIdentifiers"]?.array?.count == 1)
        #expect(
            try await service.refusal("ListDocuments", ["Filters": [["Key": "Size", "Values": ["1"]]]])?.code
                == .invalidFilterKey)
        let page = try await service.call("ListDocuments", ["MaxResults": 2])
        let rest = try await service.call("ListDocuments", ["MaxResults": 2, "NextToken": page["NextToken"] ?? ""])
        #expect(page["DocumentIdentifiers"]?.array?.count == 2 && rest["DocumentIdentifiers"]?[0]?["Name"] == "Beta")
        #expect(rest["NextToken"] == "")
    }

    @Test func tagsAreAddedChangedAndRemoved() async throws {
        try await service.create("Doc", "1", ["Tags": [["Key": "a", "Value": "1"]]])
        let resource: JSON = ["ResourceType": "Document", "ResourceId": "Doc"]
        func call(_ name: String, _ key: String, _ value: JSON) async throws {
            var input = resource
            input[key] = value
            try await service.call(name, input)
        }
        try await call("AddTagsToResource", "Tags", [["Key": "a", "Value": "2"], ["Key": "b", "Value": ""]])
        try await call("RemoveTagsFromResource", "TagKeys", ["a", "none"])
        #expect(try await service.call("ListTagsForResource", resource) == ["TagList": [["Key": "b", "Value": ""]]])
        let many = (0..<50).map { ["Key": .string("k\($0)"), "Value": ""] as JSON }
        var input = resource
        input["Tags"] = .array(many)
        #expect(try await service.refusal("AddTagsToResource", input)?.code == .tooManyTags)
        input["Tags"] = [["Key": "aws:x", "Value": ""]]
        #expect(try await service.refusal("AddTagsToResource", input)?.code == .validation)
        try await service.call("DeleteDocument", ["Name": "Doc"])
        #expect(try await service.refusal("ListTagsForResource", resource)?.code == .invalidResourceID)
        try await service.create("Doc")
        #expect(try await service.call("ListTagsForResource", resource) == ["TagList": []])
    }

    @Test func aSharedDocumentIsNotDeleted() async throws {
        try await service.create("Doc")
        let subject: JSON = ["Name": "Doc", "PermissionType": "Share"]
        func modify(_ add: JSON, _ remove: JSON, _ version: String = "$DEFAULT") async throws {
            var input = subject
            input["AccountIdsToAdd"] = add
            input["AccountIdsToRemove"] = remove
            input["SharedDocumentVersion"] = .string(version)
            try await service.call("ModifyDocumentPermission", input)
        }
        try await modify(["111111111111", "222222222222"], ["222222222222"], "$ALL")
        let shown = try await service.call("DescribeDocumentPermission", subject)
        #expect(shown["AccountIds"] == ["111111111111"])
        #expect(shown["AccountSharingInfoList"] == [["AccountId": "111111111111", "SharedDocumentVersion": "$ALL"]])
        #expect(try await service.refusal("DeleteDocument", ["Name": "Doc"])?.code == .invalidDocumentOperation)
        try await modify([], ["111111111111"])
        #expect(try await service.refusal("DeleteDocument", ["Name": "Doc"]) == nil)
    }

    @Test func fiveDocumentsAreSharedWithEveryone() async throws {
        for number in 1...6 {
            try await service.create("Doc\(number)")
            let error = try await service.refusal(
                "ModifyDocumentPermission",
                ["Name": .string("Doc\(number)"), "PermissionType": "Share", "AccountIdsToAdd": ["all"]])
            #expect(error?.code == (number == 6 ? .documentPermissionLimit : nil))
        }
        // Others still come and go.
        try await service.call(
            "ModifyDocumentPermission",
            ["Name": "Doc6", "PermissionType": "Share", "AccountIdsToAdd": ["111111111111"]])
    }

    @Test func aReviewGoesFromOneStateToTheNext() async throws {
        try await service.create("Doc")
        func act(_ action: String, _ comment: String? = nil) async throws -> ErrorCode? {
            var review: JSON = ["Action": .string(action)]
            review["Comment"] = comment.map { [["Type": "Comment", "Content": .string($0)]] }
            return try await service.refusal("UpdateDocumentMetadata", ["Name": "Doc", "DocumentReviews": review])?.code
        }
        #expect(try await act("Approve") == .invalidDocumentOperation)
        #expect(try await act("SendForReview", "look") == nil)
        #expect(try await act("SendForReview") == .invalidDocumentOperation)
        #expect(try await act("UpdateReview", "look again") == nil)
        #expect(try await act("Reject", "no") == nil)
        #expect(try await act("SendForReview") == nil)
        #expect(try await act("Approve") == nil)
        let history = try await service.call(
            "ListDocumentMetadataHistory", ["Name": "Doc", "Metadata": "DocumentReviews"])
        let reviews = history["Metadata"]?["ReviewerResponse"]?.array ?? []
        #expect(reviews.map { $0["ReviewStatus"]?.string } == ["APPROVED", "PENDING", "REJECTED", "PENDING"])
        #expect(reviews.last?["Comment"]?[0]?["Content"] == "look again")
        #expect(try await service.call("GetDocument", ["Name": "Doc"])["ReviewStatus"] == "APPROVED")
    }
}
