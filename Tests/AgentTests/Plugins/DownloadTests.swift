import API
import Core
import Foundation
import Platform
import Testing

@testable import Agent

@Suite struct DownloadTests {
    let scratch = Scratch()

    /// Runs one step and the script `cat` in the downloads after it.
    private func download(
        _ type: String, _ info: JSON, to destination: String? = nil, then script: String = "true",
        adjust: (inout Agent.Options) -> Void = { _ in }
    ) async throws -> [StepReport] {
        let test = try await TestAgent(scratch, adjust: adjust)
        var inputs: JSON = ["sourceType": .string(type), "sourceInfo": info]
        inputs["destinationPath"] = destination.map { .string($0) }
        let command = command(
            steps: ("aws:downloadContent", inputs),
            ("aws:runShellScript", ["runCommand": [.string(script)], "workingDirectory": "."]))
        await test.run(command)
        let steps = try await test.report(command.id).steps
        await test.agent.stop()
        return steps
    }

    private func files(_ answers: [String: LocalServer.Answer]) throws -> LocalServer {
        try LocalServer { path, _ in answers[path] ?? LocalServer.Answer(status: 404) }
    }

    // MARK: HTTP

    @Test(
        arguments: [(nil, "file.txt"), ("kept/", "kept/file.txt"), ("other.txt", "other.txt")] as [(String?, String)])
    func aFileGoesWhereTheDestinationSays(_ destination: String?, _ path: String) async throws {
        let server = try files(["/a/file.txt?x=/y": .init(body: Array("hello\n".utf8))])
        let info: JSON = [
            "url": .string(server.url("a/file.txt?x=/y")), "allowInsecureDownload": true,
            "checksum": .string("SHA256:" + sha256(Array("hello\n".utf8))),
        ]
        let steps = try await download("HTTP", info, to: destination, then: "cat \(path)")
        #expect(steps.map(\.status) == [.success, .success], "\(steps)")
        #expect(steps[1].standardOutput == "hello\n")
    }

    @Test func whatWasDownloadedIsRunAsItIsFromWhereItCame() async throws {
        let script = "#!/bin/sh\necho ran $1\n"
        let server = try files(["/run.sh": .init(body: Array(script.utf8))])
        let test = try await TestAgent(scratch)
        let command = command(
            steps: (
                "aws:downloadContent",
                [
                    "sourceType": "HTTP",
                    "sourceInfo": ["url": .string(server.url("run.sh")), "allowInsecureDownload": true],
                ]
            ), ("aws:runShellScript", ["runCommand": "./run.sh it", "workingDirectory": ""]))
        await test.run(command)
        let steps = try await test.report(command.id).steps
        #expect(steps[1].standardOutput == "ran it\n", "\(steps)")
    }

    @Test func whatIsNotAsItShouldBeIsRefusedAndRemoved() async throws {
        let server = try files([
            "/f": .init(body: Array("hello\n".utf8)),
            "/moved": .init(status: 302, headers: ["Location": "file:///etc/passwd"]),
        ])
        let cases: [(JSON, String)] = [
            (["url": .string(server.url("f")), "allowInsecureDownload": true, "checksum": "00"], "it should be 00"),
            (["url": .string(server.url("none")), "allowInsecureDownload": "true"], "answered with an error"),
            (["url": .string(server.url("f"))], "is not HTTPS"),
            (["url": "ftp://127.0.0.1/f", "allowInsecureDownload": true], "neither HTTP nor HTTPS"),
            (["url": "file:///etc/passwd", "allowInsecureDownload": true], "neither HTTP nor HTTPS"),
            (["url": .string(server.url("moved")), "allowInsecureDownload": true], "neither HTTP nor HTTPS"),
            (["url": .string(server.url("f")), "authMethod": "NTLM"], "authMethod must be"),
            (["allowInsecureDownload": true], "needs the input url"), ("no json", "must be a map"),
        ]
        for (info, message) in cases {
            let steps = try await download("HTTP", info, then: "ls f none moved 2>/dev/null; true")
            #expect(steps[0].status == .failed && steps[0].standardError.contains(message), "\(info) \(steps[0])")
            #expect(steps[1].standardOutput == "", "\(info)")
        }
    }

    @Test func credentialsReachTheServerAndNotTheListOfProcesses() async throws {
        let server = try LocalServer { _, headers in
            headers.contains("Authorization: Basic \(Base64.encode(Array("me:s3\"cret\\".utf8)))")
                ? .init(body: Array("in".utf8)) : .init(status: 401)
        }
        let info: JSON = [
            "url": .string(server.url("f")), "allowInsecureDownload": true, "authMethod": "Basic", "username": "me",
            "password": "s3\"cret\\",
        ]
        let steps = try await download("HTTP", info, then: "cat f")
        #expect(steps[1].standardOutput == "in", "\(steps)")
        let request = WebTransfer("u", to: "p", credentials: .basic(user: "me", password: "hidden"))
            .request(curl: "/usr/bin/curl", environment: [:])
        #expect(!request.arguments.joined().contains("hidden"))
    }

    @Test func aFileThatNeverEndsIsCutOff() async throws {
        let server = try files(["/f": .init(body: Array(repeating: 65, count: 300_000), hidesLength: true)])
        let path = scratch.directory + "/file"
        var transfer = WebTransfer(server.url("f"), to: path, allowsPlainHTTP: true, bytesMax: 10_000)
        transfer.timeout = .seconds(20)
        let child = try await TestAgent.processes.start(
            transfer.request(curl: "/usr/bin/curl", environment: ["PATH": "/usr/bin:/bin"]))
        let outcome = await child.collect().outcome
        #expect(outcome.status != .exited(code: 0))
        #expect((Files.attributes(of: path)?.size ?? 0) <= 20_480)
    }

    // MARK: Git

    /// A repository whose branches `main` and `other` have a file `d/f` with their names.
    private func repository() throws -> (path: String, other: String) {
        let path = scratch.directory + "/repository"
        let git = "git -c user.name=a -c user.email=a@example.org"
        let script = """
            set -e; git init -q -b main '\(path)'; cd '\(path)'; mkdir d; echo main >d/f; git add -A
            \(git) commit -qm one; git checkout -q -b other; echo other >d/f; \(git) commit -qam two
            git checkout -q main; git rev-parse other
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        process.waitUntilExit()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        return (path, output.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    @Test func branchesAndCommitsOfARepositoryAreCheckedOut() async throws {
        let (path, other) = try repository()
        for (options, text) in [(nil, "main\n"), ("branch:other", "other\n"), ("commitID:\(other)", "other\n")] {
            var info: JSON = ["repository": .string("file://" + path)]
            info["getOptions"] = options.map { .string($0) }
            let script = "cat r/d/f; git -C r status --short; ls -d r/.git"
            let steps = try await download("Git", info, to: "r", then: script)
            #expect(steps[1].standardOutput == text + "r/.git\n", "\(steps)")
        }
    }

    @Test func aPathOfARepositoryIsTakenOutOfIt() async throws {
        let (path, _) = try repository()
        try FileManager.default.createDirectory(
            atPath: scratch.directory + "/hub/me", withIntermediateDirectories: true)
        try FileManager.default.moveItem(atPath: path, toPath: scratch.directory + "/hub/me/repository")
        let hub = "file://\(scratch.directory)/hub"
        for (part, script, text) in [
            ("d", "cat t/f; test -x t/f && echo runs", "main\nruns\n"), ("d/f", "cat t", "main\n"),
        ] {
            let info: JSON = ["owner": "me", "repository": "repository", "path": .string(part)]
            let steps = try await download("GitHub", info, to: part == "d" ? "t" : "t", then: script) {
                $0.directory += "/agent-\(part.count)"
                $0.downloadEnvironment = ["GITHUB_SERVER_URL": hub]
            }
            #expect(steps[1].standardOutput == text, "\(steps)")
        }
        let steps = try await download("GitHub", ["owner": "me", "repository": "repository", "path": "none"]) {
            $0.downloadEnvironment = ["GITHUB_SERVER_URL": hub]
        }
        #expect(steps[0].standardError.contains("has no none"), "\(steps[0])")
    }

    @Test(
        arguments: [
            (["repository": "/no/such/repository"], "git clone of /no/such/repository failed"),
            (["repository": "--upload-pack=touch /tmp/x"], "is no repository"),
            (["repository": "ext::sh -c touch% /tmp/x"], "failed"),
            (["repository": "/x", "getOptions": "branch:--help"], "getOptions must be"),
            (["repository": "/x", "getOptions": "tag:1"], "getOptions must be"),
        ] as [(JSON, String)])
    func aRepositoryThatIsNoneFailsTheStep(_ info: JSON, _ message: String) async throws {
        let steps = try await download("Git", info)
        #expect(steps[0].status == .failed && steps[0].standardError.contains(message), "\(steps[0])")
        #expect(!Files.exists("/tmp/x"))
    }

    // MARK: Others

    @Test func aDirectoryOfTheNodeIsCopied() async throws {
        try Files.createDirectory(scratch.directory + "/source/deep")
        try Files.write(Array("x\n".utf8), to: scratch.directory + "/source/deep/file")
        let steps = try await download(
            "LocalPath", ["path": .string(scratch.directory + "/source")], to: "copy/", then: "cat copy/deep/file")
        #expect(steps[1].standardOutput == "x\n", "\(steps)")
    }

    @Test func aDestinationCannotLeadOutOfTheDownloads() async throws {
        let steps = try await download("LocalPath", ["path": "/etc/hostname"], to: "../../x")
        #expect(steps[0].standardError.contains("leads out"), "\(steps[0])")
    }

    @Test func aDocumentComesFromTheServerWithItsAttachments() async throws {
        let test = try await TestAgent(scratch)
        let big = [UInt8]((0..<5000).map { UInt8($0 % 251) })
        let text = #"{"schemaVersion": "2.2"}"#
        // The first question is lost, and asked again.
        TestServerContents(["Doc": .init(text: text, attachments: ["big.bin": big])], losses: 1).serve(test)
        let command = command(
            steps: (
                "aws:downloadContent",
                ["sourceType": "SSMDocument", "sourceInfo": #"{"name": "Doc:1"}"#, "destinationPath": "d/"]
            ),
            (
                "aws:runShellScript",
                [
                    "runCommand": ["cat Doc.json; stat -c %a Doc.json attachments/*", "sha256sum attachments/big.bin"],
                    "workingDirectory": "d",
                ]
            ))
        await test.run(command)
        let steps = try await test.report(command.id).steps
        // Whoever scripts run as may read them.
        let expected = "\(text)644\n755\n\(sha256(big))  attachments/big.bin\n"
        #expect(steps[1].standardOutput == expected, "\(steps)")
    }

    @Test(
        arguments: [
            ("s3://bucket/a/b c", "http://h:1/bucket/a/b%20c", "http://h:1/bucket?list-type=2&prefix=a%2Fb%20c"),
            ("https://s3.eu-west-1.amazonaws.com/bucket/k", "https://s3.eu-west-1.amazonaws.com/bucket/k", nil),
            ("https://bucket.s3.eu-west-1.amazonaws.com/a/k", "https://bucket.s3.eu-west-1.amazonaws.com/a/k", nil),
            ("https://my.bucket.s3-us-west-2.amazonaws.com/k", "https://my.bucket.s3-us-west-2.amazonaws.com/k", nil),
            ("http://store.example.org:9000/bucket/a%20b", "http://store.example.org:9000/bucket/a%20b", nil),
        ] as [(String, String, String?)])
    func objectsAreFoundByEitherStyleOfAddress(_ path: String, _ url: String, _ listing: String?) throws {
        let location = try #require(S3Location(path, environment: ["AWS_ENDPOINT_URL": "http://h:1/"]))
        #expect(location.url(of: location.key) == url)
        if let listing { #expect(location.listing(prefix: location.key, token: nil) == listing) }
        #expect(["bucket", "my.bucket"].contains(location.bucket))
    }

    @Test func theRegionIsThatOfTheHostOrOfTheEnvironment() {
        func region(_ path: String) -> String? { S3Location(path, environment: ["AWS_REGION": "here"])?.region }
        #expect(region("https://s3.eu-west-1.amazonaws.com/b/k") == "eu-west-1")
        #expect(region("https://b.s3-us-west-2.amazonaws.com/k") == "us-west-2")
        #expect(region("s3://b/k") == "here")
        #expect(S3Location("nonsense", environment: [:]) == nil && S3Location("s3://", environment: [:]) == nil)
    }
}
