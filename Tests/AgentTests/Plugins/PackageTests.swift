import API
import Core
import Foundation
import Platform
import Testing

@testable import Agent

@Suite struct PackageTests {
    let scratch = Scratch()
    private var mark: String { scratch.directory + "/mark" }

    /// A package's directory, whose scripts tell what was done.
    private func package(_ version: String, updates: Bool = false, failing: String? = nil) throws -> String {
        let directory = scratch.directory + "/package-\(version)"
        try Files.createDirectory(directory)
        var scripts = ["install", "uninstall"]
        if updates { scripts.append("update") }
        for name in scripts {
            let end = failing == name ? "exit 7" : "true"
            let text = "echo \(name) \(version) $SSM_COLOUR $SSM_PACKAGE_NAME >>\(mark); \(end)\n"
            try Files.write(Array(text.utf8), to: "\(directory)/\(name).sh")
        }
        try Files.write(Array("{\"version\": \"\(version)\"}".utf8), to: directory + "/manifest.json")
        return directory
    }

    private func configure(_ test: TestAgent, _ inputs: JSON) async throws -> StepReport {
        let command = command(steps: ("aws:configurePackage", inputs))
        await test.run(command)
        return try await test.report(command.id).steps[0]
    }

    private var done: [String] {
        String(decoding: (try? Files.read(mark)) ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func aPackageIsInstalledOnceReplacedAndUninstalled() async throws {
        let test = try await TestAgent(scratch)
        let (one, two) = (try package("1"), try package("2"))
        func install(_ source: String) -> JSON {
            [
                "name": "demo", "action": "Install", "source": .string(source),
                "additionalArguments": #"{"SSM_COLOUR": "red"}"#,
            ]
        }
        #expect(try await configure(test, install(one)).standardOutput == "demo 1 installed\n")
        #expect(try await configure(test, install(one)).standardOutput == "demo 1 is installed already\n")
        #expect(try await configure(test, install(two)).standardOutput == "demo 1 uninstalled\ndemo 2 installed\n")
        let uninstall: JSON = ["name": "demo", "action": "Uninstall"]
        #expect(try await configure(test, uninstall).standardOutput == "demo 2 uninstalled\n")
        #expect(
            done == ["install 1 red demo", "uninstall 1 red demo", "install 2 red demo", "uninstall 2 demo"])
    }

    @Test func anUpdateInPlaceRunsItsOwnScript() async throws {
        let test = try await TestAgent(scratch)
        for source in [try package("1"), try package("2", updates: true)] {
            let step = try await configure(
                test,
                [
                    "name": "demo", "action": "Install", "source": .string(source),
                    "installationType": "In-place update",
                ])
            #expect(step.status == .success, "\(step)")
        }
        #expect(done == ["install 1 demo", "update 2 demo"])
    }

    @Test func aFailingScriptLeavesThePackageAsItWas() async throws {
        let test = try await TestAgent(scratch)
        let source = try package("1", failing: "install")
        let inputs: JSON = ["name": "demo", "action": "Install", "source": .string(source)]
        let step = try await configure(test, inputs)
        #expect(step.status == .failed && step.code == 7)
        // It is not installed: the next try runs the script again.
        _ = try await configure(test, inputs)
        #expect(done == ["install 1 demo", "install 1 demo"])
    }

    @Test func aPackageOfTheServerIsCheckedAndUnpacked() async throws {
        let test = try await TestAgent(scratch)
        let source = try package("1")
        let archive = scratch.directory + "/demo.tar.gz"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/tar")
        process.arguments = ["-czf", archive, "-C", source, "."]
        try process.run()
        process.waitUntilExit()
        let bytes = try Files.read(archive)
        func manifest(_ sum: String, _ platform: String = "_any") -> TestServerContents.Document {
            .init(
                type: "Package",
                text: """
                    {"schemaVersion": "2.0", "version": "1", "packages": {"\(platform)": {"_any": {"_any":
                      {"file": "demo.tar.gz"}}}}, "files": {"demo.tar.gz": {"checksums": {"sha256": "\(sum)"}}}}
                    """, attachments: ["demo.tar.gz": bytes])
        }
        TestServerContents(
            [
                "Demo": manifest(sha256(bytes)), "Wrong": manifest(String(repeating: "0", count: 64)),
                "Windows": manifest(sha256(bytes), "windows"), "Other": .init(text: "{}"),
            ], pieceBytes: 100
        ).serve(test)
        let step = try await configure(test, ["name": "Demo", "action": "Install"])
        #expect(step.standardOutput == "Demo 1 installed\n", "\(step)")
        #expect(try await configure(test, ["name": "Demo", "action": "Uninstall"]).status == .success)
        #expect(done == ["install 1 Demo", "uninstall 1 Demo"])
        for (name, message) in [
            ("Wrong", "it should be 0000"), ("Windows", "has nothing for"), ("Other", "not Package"),
        ] {
            let step = try await configure(test, ["name": .string(name), "action": "Install"])
            #expect(step.status == .failed && step.standardError.contains(message), "\(step)")
        }
    }

    @Test(
        arguments: [
            (["name": "demo", "action": "Remove"], "must be Install or Uninstall"),
            (["name": "demo", "action": "Install", "source": "/no/such"], "there is no package at /no/such"),
            (["name": "demo", "action": "Install", "source": "/etc"], "lacks install.sh"),
            (
                ["name": "demo", "action": "Install", "source": "/etc", "additionalArguments": ["PATH": "x"]],
                "names that begin with SSM_"
            ),
            (["name": "a b; touch x", "action": "Install"], "is no name and version of a package"),
            (["name": "--config", "action": "Uninstall"], "is no name and version of a package"),
        ] as [(JSON, String)])
    func whatMakesNoSenseIsRefused(_ inputs: JSON, _ message: String) async throws {
        let test = try await TestAgent(scratch)
        TestServerContents([:]).serve(test)
        let step = try await configure(test, inputs)
        #expect(step.status == .failed && step.standardError.contains(message), "\(step)")
    }

    @Test(
        arguments: [
            (
                "apt-get", "install --yes --quiet OPTIONS --allow-downgrades -- tree=1.8 noninteractive",
                "remove --yes --quiet OPTIONS -- tree noninteractive"
            ),
            (
                "dnf", "install --assumeyes --quiet --setopt=best=True -- tree-1.8",
                "remove --assumeyes --quiet --setopt=best=True -- tree"
            ),
        ])
    func aSystemPackageIsLeftToTheSystemsManager(_ program: String, _ install: String, _ remove: String) async throws {
        let programs = scratch.directory + "/programs"
        try Files.createDirectory(programs)
        let script = "#!/bin/sh\necho \"$@\" $DEBIAN_FRONTEND\n"
        try Files.write(Array(script.utf8), to: "\(programs)/\(program)", mode: 0o755)
        // The system's own manager is not to be found, whichever it is.
        let test = try await TestAgent(scratch) { $0.environment["PATH"] = programs }
        TestServerContents([:]).serve(test)
        let options = "-o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120"
        for (action, expected) in [("Install", install), ("Uninstall", remove)] {
            var inputs: JSON = ["name": "tree", "action": .string(action)]
            if action == "Install" { inputs["version"] = "1.8" }
            let step = try await configure(test, inputs)
            #expect(step.standardOutput == expected.replacing("OPTIONS", with: options) + "\n", "\(step)")
        }
    }
}
