import API
import Core
import Platform
import Testing

@testable import Agent

@Suite struct InventoryTests {
    let scratch = Scratch()

    @Test func packagesOfDebianAreReadByTheirFields() {
        let text = """
            ii \tbash\t5.2.15-2+b7\tamd64\tMaintainer <a@b>\thttps://x\tshells\tGNU Bourne Again SHell
            rc \tgone\t1\tall\tm\t\tmisc\tremoved
            ii \tvim\t2:9.0.1378-2\tamd64\tm\t\teditors\tVi IMproved
            broken line
            """
        let packages = InventoryCollector.debianPackages(text)
        #expect(packages.map { $0["Name"] } == ["bash", "vim"])
        #expect(packages[0]["Version"] == "5.2.15" && packages[0]["Release"] == "2+b7" && packages[0]["Epoch"] == "")
        #expect(packages[1]["Version"] == "9.0.1378" && packages[1]["Epoch"] == "2")
        #expect(packages.allSatisfy { $0.object?.allSatisfy { $0.value.string != nil } == true })
    }

    @Test func packagesOfRpmAreReadByTheirFields() {
        let text = "bash\t5.1.8\t6.el9\t(none)\tx86_64\tVendor\thttps://x\tUnspecified\tThe shell\t1700000000\nbroken\n"
        let packages = InventoryCollector.rpmPackages(text)
        #expect(packages.count == 1 && packages[0]["Epoch"] == "" && packages[0]["Release"] == "6.el9")
        #expect(packages[0]["InstalledTime"]?.string?.hasPrefix("2023-11-14T22:13:20") == true)
    }

    @Test func servicesAreReadByTheirColumns() {
        let text = "cron.service loaded active running Regular background program processing daemon\nbad\n"
        let services = InventoryCollector.services(text)
        #expect(services.count == 1 && services[0]["Status"] == "running" && services[0]["Name"] == "cron.service")
        #expect(services[0]["DisplayName"] == "Regular background program processing daemon")
    }

    @Test func processorsAreCounted() {
        func core(_ processor: Int, _ core: Int) -> String {
            "processor\t: \(processor)\nmodel name\t: A CPU\ncpu MHz\t: 2400.5\n"
                + "physical id\t: 0\ncore id\t: \(core)\n\n"
        }
        let details = InventoryCollector.processors(core(0, 0) + core(1, 0) + core(2, 1) + core(3, 1))
        #expect(details["CPUModel"] == "A CPU" && details["CPUSpeedMHz"] == "2400" && details["CPUs"] == "4")
        #expect(details["CPUCores"] == "2" && details["CPUSockets"] == "1")
        #expect(details["CPUHyperThreadEnabled"] == "true")
        #expect(InventoryCollector.processors("")["CPUs"] == "0")
    }

    @Test(arguments: [
        ("a.conf", "*.conf", true), ("a.conf", "?.conf", true), ("ab.conf", "?.conf", false), ("a.conf", "*", true),
        ("", "*", true), ("", "?", false), ("a", "", false), ("aXbXc", "a*X*c", true), ("aXbXd", "a*X*c", false),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*a*a*a*a*c", false), ("abc", "abc", true),
        ("abcd", "abc", false),
    ])
    func namesFitPatterns(_ name: String, _ pattern: String, _ fits: Bool) {
        #expect(FileInventory.fits(name[...], pattern[...]) == fits)
    }

    private func collect(_ inputs: JSON) async throws -> (StepReport, String) {
        let test = try await TestAgent(scratch)
        let command = command(steps: ("aws:softwareInventory", inputs))
        await test.run(command)
        return (try await test.report(command.id).steps[0], scratch.directory + "/inventory")
    }

    @Test func whatIsFoundIsKeptOnTheNode() async throws {
        let files = scratch.directory + "/files"
        try Files.createDirectory(files + "/deep")
        for name in ["a.conf", "deep/b.conf", "c.txt"] { try Files.write([65, 66], to: "\(files)/\(name)") }
        let custom = scratch.directory + "/custom"
        try Files.createDirectory(custom)
        let item = #"{"TypeName": "Custom:Rack", "SchemaVersion": "1.0", "Content": {"Place": "B7"}}"#
        try Files.write(Array(item.utf8), to: custom + "/rack.json")
        let (step, directory) = try await collect([
            "applications": "Enabled", "networkConfig": "Enabled", "instanceDetailedInformation": "Enabled",
            "services": "Disabled", "customInventory": "Enabled", "customInventoryDirectory": .string(custom),
            "files": .string(#"[{"Path": "\#(files)", "Pattern": ["*.conf"], "Recursive": true}]"#),
            "windowsUpdates": "Enabled",
        ])
        #expect(step.status == .success, "\(step)")
        #expect(step.standardOutput.contains("AWS:File 2 items") && step.standardOutput.contains("Custom:Rack 1 items"))
        #expect(step.standardOutput.contains("windowsUpdates is of Windows nodes only"))
        let kept = try JSON(parsing: try Files.read(directory + "/AWS%3AFile.json"))
        #expect(kept["Content"]?.array?.map { $0["Name"] } == ["a.conf", "b.conf"])
        #expect(kept["Content"]?[0]?["Size"] == "2" && kept["TypeName"] == "AWS:File")
        #expect(!Files.exists(directory + "/AWS%3AService.json"))
        let rack = try JSON(parsing: try Files.read(directory + "/Custom%3ARack.json"))
        #expect(rack["Content"] == [["Place": "B7"]])
        #expect(rack["ContentHash"] == .string(Base64.encode(md5(Array(#"[{"Place":"B7"}]"#.utf8)))))
        let network = try JSON(parsing: try Files.read(directory + "/AWS%3ANetwork.json"))
        for interface in network["Content"]?.array ?? [] { #expect(interface["IPV6"]?.string?.contains("%") == false) }
    }

    @Test(
        arguments: [
            (["applications": "Yes"], "must be Enabled or Disabled"), (["files": "no"], "must be JSON text"),
            (["files": #"[{"Path": "relative", "Pattern": ["*"]}]"#], "absolute Path"),
        ] as [(JSON, String)])
    func inputsThatMakeNoSenseAreRefused(_ inputs: JSON, _ message: String) async throws {
        let (step, _) = try await collect(inputs)
        #expect(step.status == .failed && step.standardError.contains(message), "\(step)")
    }
}
