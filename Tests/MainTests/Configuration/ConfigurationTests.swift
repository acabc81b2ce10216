import Foundation
import Gateway
import Platform
import Testing

@testable import Main

struct ConfigurationTests {
    /// A settings file that lasts as long as the test.
    private final class File {
        let path = FileManager.default.temporaryDirectory.appending(path: "opsbus-\(UUID()).yaml").path()

        init(_ text: String) throws { try text.write(toFile: path, atomically: true, encoding: .utf8) }

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    private func configuration(
        _ words: [String] = [], environment: [String: String] = [:], standardPaths: [String] = []
    ) throws -> Configuration {
        let parser = ArgumentParser(root: .opsbus, globals: GlobalOptions.all)
        return try Configuration(
            try parser.parse(["serve"] + words).arguments, environment: { environment[$0] },
            standardPaths: standardPaths)
    }

    private func problem(_ text: String) throws -> String {
        let file = try File(text)
        do throws(CommandError) {
            _ = try Configuration(environment: { $0 == "OPSBUS_CONFIG" ? file.path : nil })
            return "no error"
        } catch {
            #expect(error.exitCode == .configuration)
            return error.description.replacingOccurrences(of: file.path, with: "FILE")
        }
    }

    @Test func `Flags overrule the environment, which overrules the file, which overrules the defaults`() throws {
        let file = try File("data: /from/file\nregion: eu-west-1\nretention: P3D\n")
        let configuration = try configuration(
            ["--config", file.path, "--data", "/from/flag"],
            environment: ["OPSBUS_DATA": "/from/environment", "OPSBUS_REGION": "eu-north-1"])
        #expect(configuration[Settings.data] == "/from/flag")
        #expect(configuration.source(of: Settings.data) == .flag("data"))
        #expect(configuration[Settings.region] == "eu-north-1")
        #expect(configuration.source(of: Settings.region) == .environment("OPSBUS_REGION"))
        #expect(configuration[Settings.retention] == .seconds(3 * 86_400))
        #expect(configuration.source(of: Settings.retention).description == "\(file.path):3")
        #expect(configuration[Settings.requests] == "tcp://127.0.0.1:7401")
        #expect(configuration.source(of: Settings.requests) == .standard)
    }

    @Test func `An empty variable sets nothing`() throws {
        let configuration = try configuration(
            environment: ["OPSBUS_DATA": "", "OPSBUS_RULES": "", "OPSBUS_RETENTION": "", "OPSBUS_CONFIG": ""])
        #expect(configuration[Settings.data] == "opsbus-data" && configuration[Settings.rules] == nil)
        #expect(configuration.source(of: Settings.retention) == .standard)
    }

    @Test(arguments: [
        ("data: ''", "FILE:1: '' is no path: correct 'data'"),
        ("region: a b", "FILE:1: 'a b' is not a region such as us-east-1 or lab: correct 'region'"),
        ("region: ''", "FILE:1: '' is not a region such as us-east-1 or lab: correct 'region'"),
    ])
    func `A path and a region must be there, and the region fit into an ARN`(text: String, message: String) throws {
        #expect(try problem(text) == message)
    }

    @Test func `An optional setting too has its default, unless it is switched off`() throws {
        #expect(try configuration()[Settings.http]?.description == "http://127.0.0.1:7400")
        #expect(try configuration(["--http", "none"])[Settings.http] == nil)
        #expect(try configuration()[Settings.rules] == nil)
    }

    @Test func `The first of the standard files that exists is read, and none where one is named`() throws {
        let (first, second) = (try File("region: first\n"), try File("region: second\n"))
        let paths = ["/nonexistent/opsbus.yaml", first.path, second.path]
        #expect(try configuration(standardPaths: paths)[Settings.region] == "first")
        #expect(try configuration(["--config", second.path], standardPaths: paths)[Settings.region] == "second")
        #expect(
            try configuration(environment: ["OPSBUS_CONFIG": second.path], standardPaths: paths)[Settings.region]
                == "second")
    }

    @Test func `Every kind of value is read from YAML`() throws {
        let file = try File(
            """
            account: "000000000012"
            curve: true
            embedded-agent: false
            segment-size: 16MiB
            deduplication-window: 90
            log-level: debug
            rules: Rules   # a comment
            """)
        let configuration = try configuration(["--config", file.path])
        #expect(configuration[Settings.account] == "000000000012")
        #expect(configuration[Settings.curve] == .on)
        #expect(configuration[Settings.embeddedAgent] == false)
        #expect(configuration[Settings.segmentSize] == 16 << 20)
        #expect(configuration[Settings.deduplicationWindow] == .seconds(90))
        #expect(configuration[Settings.logLevel] == .debug)
        #expect(configuration[Settings.rules] == "Rules")
    }

    @Test func `An empty file sets nothing`() throws {
        let file = try File("# nothing yet\n")
        #expect(try configuration(["--config", file.path]).source(of: Settings.data) == .standard)
    }

    @Test func `Mistakes in a file are named with line, column and a way out`() throws {
        #expect(
            try problem("data: x\n\nretension: 7d\n") == "FILE:3:1: unknown key 'retension': did you mean 'retention'?")
        #expect(try problem("data:\n  - x\n") == "FILE:1:1: 'data' is no single value: write text or a number")
        #expect(
            try problem("retention: soon\n")
                == "FILE:1: 'soon' is not a duration such as 30s, 10m, 7d or P7D: correct 'retention'")
        #expect(try problem("- data\n") == "FILE: the file is no mapping: write lines such as 'data: DIR'")
        #expect(try problem("data: [\n").hasPrefix("FILE: "))
        #expect(try problem("data: a\ndata: b\n").contains("line 2"))
    }

    @Test func `A file that was named must be there`() throws {
        #expect(throws: CommandError.self) { try configuration(["--config", "/nonexistent/opsbus.yaml"]) }
    }

    @Test func `A wrong variable is named`() throws {
        #expect(
            throws: CommandError(
                .configuration,
                "$OPSBUS_NODES: 'here' is not an endpoint such as tcp://127.0.0.1:7401 or "
                    + "ipc:///run/opsbus/requests", fix: "correct 'nodes'")
        ) { try configuration(environment: ["OPSBUS_NODES": "here"]) }
    }

    @Test func `print-config shows every key with its value and source, and no secret`() async throws {
        let outcome = await opsbus(
            ["serve", "--print-config", "--region", "eu-west-1"],
            environment: ["OPSBUS_ACTIVATION_CODE": "hush", "OPSBUS_DATA": "/srv/opsbus"])
        #expect(outcome.exitCode == .success)
        #expect(outcome.lines.count == Settings.all.count + 1)
        #expect(
            outcome.lines.contains { $0.hasPrefix("region ") && $0.contains("eu-west-1") && $0.hasSuffix("--region") })
        #expect(outcome.lines.contains { $0.hasPrefix("data ") && $0.hasSuffix("$OPSBUS_DATA") })
        #expect(!outcome.output.contains("hush"))
    }

    @Test func `A command that needs no settings works beside a broken file`() async throws {
        let file = try File("nonsense: 1\n")
        #expect(await opsbus(["version", "--config", file.path]).exitCode == .success)
        #expect(await opsbus(["rules", "list", "--config", file.path]).exitCode == .configuration)
    }
}
