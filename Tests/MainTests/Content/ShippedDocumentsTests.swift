import Core
import Documents
import Foundation
import Testing

/// Runs the scripts of the command documents in `Rules`, with programs of our own in place of those that would change
/// the machine.
struct ShippedDocumentsTests {
    private struct Outcome {
        let status: Int32
        let text: String
        /// What the programs in place of real ones were called with, a line for each call.
        let calls: [String]
    }

    private static let documents = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../Rules/documents").standardized

    private static func document(_ name: String) throws -> Document {
        let file = documents.appending(path: "\(name).yaml")
        return try Document(parsing: Array(try Data(contentsOf: file)), fileName: file.path())
    }

    private func withDirectory(_ body: (URL) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "opsbus-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(directory)
    }

    /// Runs the only step of a command document as an agent would.
    /// - Parameter programs: Shell scripts by the names of the programs that they stand for.
    private func run(
        _ name: String, _ arguments: [String: String], programs: [String: String] = [:], in directory: URL
    ) throws -> Outcome {
        let document = try Self.document(name)
        let parameters = try Parameters(binding: arguments.mapValues { [$0] }, to: document)
        var machine = CommandDocumentMachine(document: document, parameters: parameters, platform: "Linux")
        guard case .run(let step) = machine.start() else { throw CocoaError(.featureUnsupported) }
        let bin = directory.appending(path: "bin")
        try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
        for (program, body) in programs {
            let file = bin.appending(path: program)
            let script = "#!/bin/sh\necho \"\(program) $*\" >> '\(directory.path())/calls'\n\(body)\n"
            try script.write(to: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path())
        }
        let script = directory.appending(path: "script.sh")
        let lines = step.inputs["runCommand"]?.array?.compactMap(\.string) ?? []
        try (lines.joined(separator: "\n") + "\n").write(to: script, atomically: true, encoding: .utf8)

        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = [script.path()]
        process.environment = step.environment.merging(["PATH": "\(bin.path()):/usr/sbin:/usr/bin:/sbin:/bin"]) { $1 }
        process.currentDirectoryURL = directory
        process.standardInput = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let calls = (try? String(contentsOf: directory.appending(path: "calls"), encoding: .utf8)) ?? ""
        return Outcome(
            status: process.terminationStatus, text: text, calls: calls.split(separator: "\n").map(String.init))
    }

    @Test func `Scripts get every argument in the environment, never as part of their text`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.documents.path())
        var checked = 0
        for name in names.sorted() {
            let document = try Self.document(String(name.dropLast(".yaml".count)))
            #expect(document.unsupportedParts.isEmpty, "\(name)")
            for parameter in document.parameters where document.runbook == nil {
                #expect(parameter.isEnvironmentVariable, "\(name): \(parameter.name)")
                let isChecked = parameter.allowedPattern != nil || !parameter.allowedValues.isEmpty
                #expect(isChecked, "\(name): \(parameter.name)")
                checked += 1
            }
            for step in document.runbook?.steps ?? [] where step.action == "aws:runCommand" {
                #expect(step.inputs["DocumentName"] != "AWS-RunShellScript", "\(name): \(step.name)")
            }
        }
        #expect(checked > 10)
    }

    @Test(arguments: [
        ("Repair-File", ["Path": "/etc/../etc/shadow"]), ("Repair-File", ["Path": "etc/passwd"]),
        ("Repair-File", ["Path": "/etc/a; reboot"]), ("Repair-File", ["Path": "/etc/$(reboot)"]),
        ("Repair-File", ["Path": "/etc/a\n/etc/b"]), ("Repair-File", ["Path": "/etc/a", "Mode": "0666"]),
        ("Repair-File", ["Path": "/etc/a", "Mode": "4755"]), ("Repair-File", ["Path": "/etc/a", "Mode": "a+w"]),
        ("Repair-File", ["Path": "/etc/a", "Owner": "root"]), ("Repair-File", ["Path": "/etc/a", "Owner": "-R:x"]),
        ("Repair-File", ["Path": "/etc/a", "Settings": "UMASK"]),
        ("Repair-File", ["Path": "/etc/a", "Settings": "\nUMASK 027"]),
        ("Repair-SshdOption", ["Option": "Include", "Value": "no"]),
        ("Repair-SshdOption", ["Option": "PermitRootLogin", "Value": "no\nMatch all"]),
        ("Restart-Service", ["Unit": "--force.service"]), ("Restart-Service", ["Unit": "reboot.target"]),
        ("Restart-Service", ["Unit": "a.service b.service"]), ("Check-Service", ["Unit": "$(reboot).service"]),
        ("Free-DiskSpace", ["Mount": "relative"]), ("Free-DiskSpace", ["Mount": "/a b"]),
        ("Free-DiskSpace", ["Mount": "/", "LimitPercent": "5"]), ("Renew-Certificate", ["Name": "../../etc"]),
        ("Renew-Certificate", ["Name": "-h"]), ("Remediate-ServiceDown", ["Node": "a b", "Unit": "x.service"]),
    ])
    func `Arguments that a document is not for are refused`(name: String, arguments: [String: String]) throws {
        let document = try Self.document(name)
        #expect(throws: DocumentError.self) { try Parameters(binding: arguments.mapValues { [$0] }, to: document) }
    }

    // MARK: Repair-File

    private func mode(_ file: URL) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: file.path())[.posixPermissions] as? Int
    }

    @Test func `A file gets its mode and settings back, once, and nothing else of it changes`() throws {
        try withDirectory { directory in
            let file = directory.appending(path: "login.defs")
            let before = "# UMASK 000 is bad\nUMASK\t000\n\nPASS_MAX_DAYS   365\nUMASK 001\nLast line\n"
            try before.write(to: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: file.path())
            let arguments = [
                "Path": file.path(), "Mode": "0640",
                "Settings": #"UMASK 027\#nPASS_MAX_DAYS 365\#nMOTD say "$(id)" 'twice' \back"#,
            ]
            let first = try run("Repair-File", arguments, in: directory)
            #expect(first.status == 0, "\(first.text)")
            #expect(first.text.contains("mode: 0666 is now 0640\n") && first.text.contains("is now: UMASK 027\n"))
            #expect(
                try String(contentsOf: file, encoding: .utf8)
                    == "# UMASK 000 is bad\nUMASK 027\n\nPASS_MAX_DAYS   365\nLast line\n"
                    + #"MOTD say "$(id)" 'twice' \back"# + "\n")
            #expect(try mode(file) == 0o640)
            let kept = directory.appending(path: "login.defs.before-repair")
            #expect(try String(contentsOf: kept, encoding: .utf8) == before)
            #expect(try mode(kept) == 0o640, "a copy is not for everyone either")

            let changed = try FileManager.default.attributesOfItem(atPath: file.path())[.systemFileNumber] as? Int
            let second = try run("Repair-File", arguments, in: directory)
            #expect(second.status == 0 && second.text == "\(file.path()) is as it should be\n")
            #expect(
                try FileManager.default.attributesOfItem(atPath: file.path())[.systemFileNumber] as? Int == changed)
            let names = try FileManager.default.contentsOfDirectory(atPath: directory.path())
            #expect(names.filter { $0.hasPrefix("login.defs") }.count == 2, "\(names)")
        }
    }

    @Test func `A link, a directory and a missing file are left alone`() throws {
        try withDirectory { directory in
            let file = directory.appending(path: "real")
            try "UMASK 000\n".write(to: file, atomically: true, encoding: .utf8)
            let link = directory.appending(path: "link")
            try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
            for path in [link.path(), directory.appending(path: "none").path(), "/etc"] {
                let outcome = try run("Repair-File", ["Path": path, "Settings": "UMASK 027"], in: directory)
                #expect(outcome.status == 1 && outcome.text == "\(path) is no regular file; nothing was repaired\n")
            }
            #expect(try String(contentsOf: file, encoding: .utf8) == "UMASK 000\n")
        }
    }

    // MARK: Services

    /// A `systemctl` whose unit is in the state that the file `state` holds; a restart writes there what `after` says.
    private func systemctl(_ directory: URL, state: String, after: String) throws -> [String: String] {
        let file = directory.appending(path: "state")
        try state.write(to: file, atomically: true, encoding: .utf8)
        return [
            "systemctl": """
                case $1 in
                    is-active) cat '\(file.path())'; [ "$(cat '\(file.path())')" = active ] ;;
                    restart) printf %s '\(after)' > '\(file.path())' ;;
                esac
                """, "journalctl": "echo 'last words of the service'", "sleep": "",
        ]
    }

    @Test func `A failed service is restarted, and has to be active then`() throws {
        for (after, status) in [("active", Int32(0)), ("failed", 1), ("activating", 1)] {
            try withDirectory { directory in
                let programs = try systemctl(directory, state: "failed", after: after)
                let outcome = try run("Restart-Service", ["Unit": "nginx.service"], programs: programs, in: directory)
                #expect(outcome.status == status, "\(after): \(outcome.text)")
                #expect(outcome.calls.contains("systemctl restart -- nginx.service"))
                #expect(outcome.text.contains("last words") == (status != 0), "\(outcome.text)")
            }
        }
    }

    @Test(arguments: [("active", Int32(0)), ("inactive", 1), ("activating", 1), ("", 1)])
    func `A service in any other state is not touched`(state: String, status: Int32) throws {
        try withDirectory { directory in
            let programs = try systemctl(directory, state: state, after: "active")
            let outcome = try run("Restart-Service", ["Unit": "poweroff.service"], programs: programs, in: directory)
            #expect(outcome.status == status, "\(outcome.text)")
            let hasActed = outcome.calls.contains { $0.contains("restart") || $0.contains("reset-failed") }
            #expect(!hasActed, "\(outcome.calls)")
            let check = try run("Check-Service", ["Unit": "poweroff.service"], programs: programs, in: directory)
            #expect(check.status == status, "\(check.text)")
        }
    }

    // MARK: Disks and certificates

    @Test func `Space is freed by the node's own policies, on the file system that is full alone`() throws {
        let cleaners = ["apt-get": "", "journalctl": "", "systemd-tmpfiles": ""]
        func df(_ mount: String, percent: Int) -> String {
            """
            case $1 in
                --output=target) echo Mounted; echo '\(mount)' ;;
                --output=pcent) echo Use%; echo ' \(percent)%' ;;
            esac
            """
        }
        try withDirectory { directory in
            let programs = cleaners.merging(["df": df("/", percent: 50)]) { $1 }
            let outcome = try run("Free-DiskSpace", ["Mount": "/"], programs: programs, in: directory)
            #expect(outcome.status == 0 && outcome.text == "/ was 50% full and is now 50% full\n", "\(outcome.text)")
            let cleaned = outcome.calls.filter { !$0.hasPrefix("df") }
            #expect(cleaned.contains("systemd-tmpfiles --clean"), "\(cleaned)")
            #expect(Set(cleaned).isSubset(of: [
                "apt-get clean", "journalctl --quiet --vacuum-time=30d", "systemd-tmpfiles --clean",
            ]), "\(cleaned)")
        }
        try withDirectory { directory in
            // Everything that could be cleaned is on /, and /data is what is full.
            let programs = cleaners.merging([
                "df": "case \"$*\" in *-\\ /data) \(df("/data", percent: 97)) ;; *) \(df("/", percent: 10)) ;; esac",
                "du": "printf '10\\t/data/small\\n9000\\t/data/large\\n'",
            ]) { $1 }
            let outcome = try run("Free-DiskSpace", ["Mount": "/data"], programs: programs, in: directory)
            #expect(outcome.status == 1 && outcome.text.contains("not enough"), "\(outcome.text)")
            #expect(outcome.text.hasSuffix("9000\t/data/large\n10\t/data/small\n"), "\(outcome.text)")
            #expect(!outcome.calls.contains { cleaners.keys.contains(String($0.prefix { $0 != " " })) })
        }
        try withDirectory { directory in
            let programs = cleaners.merging(["df": df("/", percent: 97)]) { $1 }
            let outcome = try run("Free-DiskSpace", ["Mount": "/no/mount"], programs: programs, in: directory)
            #expect(outcome.status == 1 && outcome.text.contains("no file system is mounted at /no/mount"))
            #expect(outcome.calls.allSatisfy { $0.hasPrefix("df") })
        }
    }

    @Test func `A certificate that certbot does not have is left to whoever made it`() throws {
        try withDirectory { directory in
            let outcome = try run(
                "Renew-Certificate", ["Name": "opsbus-test.invalid"], programs: ["certbot": ""], in: directory)
            #expect(outcome.status == 1 && outcome.text.contains("certbot has no certificate opsbus-test.invalid here"))
            #expect(outcome.calls.isEmpty)
        }
    }

    @Test func `The nightly report runs anywhere`() throws {
        try withDirectory { directory in
            let outcome = try run("Report-NodeState", [:], in: directory)
            #expect(outcome.status == 0 && outcome.text.contains("host: ") && outcome.text.contains("%"))
        }
    }
}
