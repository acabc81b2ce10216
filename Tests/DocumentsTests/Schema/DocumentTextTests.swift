import Core
import Documents
import Foundation
import Testing

@Suite struct DocumentTextTests {
    private func check(_ text: String, _ format: DocumentFormat, _ type: DocumentType?) -> (
        DocumentText?, DocumentError?
    ) {
        do throws(DocumentError) {
            return (try DocumentText(checking: Array(text.utf8), format: format, type: type), nil)
        } catch {
            return (nil, error)
        }
    }

    private static let commands =
        "schemaVersion: '2.2'\nmainSteps: [{action: 'aws:runShellScript', name: a, inputs: {runCommand: b}}]"
    private static let runbook =
        "schemaVersion: '0.3'\nmainSteps: [{action: 'aws:sleep', name: a, inputs: {Duration: PT1S}}]"
    private static let session =
        "schemaVersion: '1.0'\nsessionType: Port\nparameters: {port: {type: String}}\nproperties: {portNumber: x}"

    @Test(
        "A text has the type it was declared with, or the one it shows",
        arguments: [
            (commands, .yaml, nil, .command, "2.2"), (commands, .yaml, .policy, .policy, "2.2"),
            (runbook, .yaml, nil, .automation, "0.3"), (session, .yaml, .session, .session, "1.0"),
            (session, .yaml, nil, .session, "1.0"),
            ("{\"any\": [1]}", .json, .applicationConfiguration, .applicationConfiguration, ""),
            ("\u{FEFF}" + commands, .yaml, nil, .command, "2.2"),
            ("a = 1", .text, .applicationConfiguration, .applicationConfiguration, ""),
            ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", .text, .changeCalendar, .changeCalendar, ""),
        ] as [(String, DocumentFormat, DocumentType?, DocumentType, String)])
    func accepted(
        text: String, format: DocumentFormat, type: DocumentType?, found: DocumentType, schema: String
    ) throws {
        let (checked, error) = check(text, format, type)
        #expect(error == nil)
        #expect(checked?.type == found && checked?.schemaVersion == schema && checked?.format == format)
        #expect((checked?.document != nil) == [.command, .policy, .automation].contains(found))
    }

    @Test(
        "A text that is not of its type is refused with the place",
        arguments: [
            (commands, .yaml, .automation, .content, "has the type Command or Policy, not Automation at line 1"),
            (runbook, .yaml, .command, .content, "has the type Automation, not Command at line 1"),
            (commands, .json, .command, .syntax, "line 1"),
            (commands, .yaml, .session, .schemaVersion, "session documents have schemaVersion \"1.0\" at line 1"),
            (
                "schemaVersion: '1.0'\nsessionType: Shell", .yaml, .session, .content,
                "sessionType must be Standard_Stream"
            ),
            ("schemaVersion: '1.0'", .yaml, .session, .content, "needs \"sessionType\""),
            ("BEGIN:VCALENDAR", .text, .changeCalendar, .content, "END:VCALENDAR"),
            ("{}", .json, .changeCalendar, .content, "has the format TEXT"),
            ("x", .text, .command, .content, "not TEXT"),
            ("{}", .json, .package, .content, "needs \"schemaVersion\""),
        ] as [(String, DocumentFormat, DocumentType, DocumentError.Code, String)])
    func refused(text: String, format: DocumentFormat, type: DocumentType, code: DocumentError.Code, message: String) {
        let (_, error) = check(text, format, type)
        #expect(error?.code == code)
        #expect(error?.description.contains(message) == true, "\(error as Any)")
    }

    @Test("Every real document says the same in the other format", arguments: Corpus.entries)
    func converted(entry: Corpus.Entry) throws {
        let text = String(decoding: try entry.bytes, as: UTF8.self)
        let format = entry.file.hasSuffix(".json") ? DocumentFormat.json : .yaml
        let other = format == .json ? DocumentFormat.yaml : .json
        guard let node = try? Node(parsing: Array(text.utf8), fileName: format.fileName) else {
            #expect(DocumentText.convert(text, from: format, to: other) == nil)
            return
        }
        let converted = try #require(DocumentText.convert(text, from: format, to: other))
        #expect(try Node(parsing: Array(converted.utf8), fileName: other.fileName).json == node.json)
        #expect(DocumentText.convert(text, from: format, to: format) == text)
        #expect(DocumentText.convert(text, from: format, to: .text) == nil)
    }

    @Test(
        "Platforms follow from plugins and preconditions",
        arguments: [
            ("aws:runShellScript", "", ["Linux", "MacOS"]), ("aws:psModule", "", ["Windows"]),
            ("aws:runPowerShellScript", "", ["Windows", "Linux", "MacOS"]),
            ("aws:runPowerShellScript", "precondition: {StringEquals: [platformType, windows]}, ", ["Windows"]),
            ("aws:runPowerShellScript", "precondition: {StringEquals: [Linux, platformType]}, ", ["Linux"]),
            ("aws:runShellScript", "precondition: {StringEquals: [platformType, Windows]}, ", []),
            ("aws:runShellScript", "precondition: {StringEquals: ['{{ p }}', x]}, ", ["Linux", "MacOS"]),
        ] as [(String, String, [String])])
    func platforms(action: String, precondition: String, expected: [String]) throws {
        let document = try document(
            "schemaVersion: '2.2'\nmainSteps: [{action: '\(action)', name: a, \(precondition)inputs: {runCommand: b}}]")
        #expect(document.platformTypes.map(\.rawValue) == expected)
    }
}

@Suite struct PackageManifestTests {
    private static let sum = String(repeating: "aB", count: 32)

    private func manifest(_ packages: String, files: String = "a, b, c, d") -> PackageManifest? {
        let list = files.split(separator: ",").map { name in
            "\(name.trimmingCharacters(in: .whitespaces)): {checksums: {sha256: \(Self.sum)}}"
        }
        let text = "schemaVersion: '2.0'\nversion: 1.2\npackages: \(packages)\nfiles: {\(list.joined(separator: ", "))}"
        return try? PackageManifest(parsing: Array(text.utf8), format: .yaml)
    }

    @Test("The archive of the most special platform, version and architecture is chosen")
    func chosen() throws {
        let manifest = try #require(
            self.manifest(
                """
                {debian: {'12*': {x86_64: {file: a}, _any: {file: b}}, _any: {x86_64: {file: c}}},
                 _any: {_any: {_any: {file: d}}}}
                """))
        #expect(manifest.version == "1.2" && manifest.files["a"]?.sha256 == Self.sum.lowercased())
        func file(_ platform: String, _ version: String, _ architecture: String) -> String? {
            manifest.file(platforms: [platform, "linux"], version: version, architectures: [architecture])?.name
        }
        #expect(file("debian", "12.5", "x86_64") == "a" && file("debian", "12.5", "arm64") == "b")
        #expect(file("debian", "11", "x86_64") == "c" && file("fedora", "40", "arm64") == "d")
        // No architecture of version 11 fits: then it is what is for every platform.
        #expect(file("debian", "11", "arm64") == "d")
    }

    @Test(
        "A package that names what it does not have is none",
        arguments: [
            "{debian: {_any: {_any: {file: z}}}}", "{debian: {_any: {_any: {}}}}", "{debian: {_any: [1]}}", "7",
        ])
    func refused(packages: String) { #expect(manifest(packages) == nil) }

    @Test("Nothing fits where nothing is for the machine")
    func nothing() throws {
        let manifest = try #require(self.manifest("{windows: {_any: {_any: {file: a}}}}"))
        #expect(manifest.file(platforms: ["debian", "linux"], version: "12", architectures: ["x86_64"]) == nil)
    }
}
