internal import Core
internal import Platform

/// Finds out what is on this node, from its package manager, its services and its kernel.
struct InventoryCollector {
    private let context: StepContext
    private var now: Timestamp { context.clock.now }

    init(_ context: StepContext) { self.context = context }

    // MARK: Programs

    /// The packages of dpkg or rpm; none on a node that has neither.
    func applications() async throws(StepEnd) -> InventoryItem {
        var content: [JSON] = []
        if let dpkg = context.program("dpkg-query") {
            let format = #"${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\t${Maintainer}\t"#
                + #"${Homepage}\t${Section}\t${binary:Summary}\n"#
            let output = try await context.collect(context.request(dpkg, ["-W", "-f", format]), "dpkg-query")
            content = Self.debianPackages(String(decoding: output, as: UTF8.self))
        } else if let rpm = context.program("rpm") {
            let format = #"%{NAME}\t%{VERSION}\t%{RELEASE}\t%{EPOCH}\t%{ARCH}\t%{VENDOR}\t%{URL}\t%{GROUP}\t"#
                + #"%{SUMMARY}\t%{INSTALLTIME}\n"#
            let output = try await context.collect(context.request(rpm, ["-qa", "--qf", format]), "rpm")
            content = Self.rpmPackages(String(decoding: output, as: UTF8.self))
        }
        return InventoryItem("AWS:Application", "1.1", content, at: now)
    }

    /// - Parameter text: Lines of eight fields, of which the first says by `ii` that the package is installed.
    static func debianPackages(_ text: String) -> [JSON] {
        text.split(separator: "\n").compactMap { line -> JSON? in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 8, fields[0].hasPrefix("ii") else { return nil }
            // `epoch:version-release`
            let epoch = fields[2].split(separator: ":", maxSplits: 1)
            let rest = epoch.count == 2 ? epoch[1] : Substring(fields[2])
            let dash = rest.lastIndex(of: "-")
            return [
                "Name": .string(fields[1]), "ApplicationType": .string(fields[6]), "Publisher": .string(fields[4]),
                "Version": .string(String(dash.map { rest[..<$0] } ?? rest)),
                "Release": .string(dash.map { String(rest[rest.index(after: $0)...]) } ?? ""),
                "Epoch": .string(epoch.count == 2 ? String(epoch[0]) : ""), "Architecture": .string(fields[3]),
                "URL": .string(fields[5]), "Summary": .string(fields[7]),
                "PackageId": .string("\(fields[1])_\(fields[2])_\(fields[3])"), "InstalledTime": "",
            ]
        }
    }

    /// - Parameter text: Lines of ten fields.
    static func rpmPackages(_ text: String) -> [JSON] {
        text.split(separator: "\n").compactMap { line -> JSON? in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
                .map { $0 == "(none)" ? "" : String($0) }
            guard fields.count == 10 else { return nil }
            let time = Int64(fields[9]).map { Timestamp(seconds: $0).description } ?? ""
            return [
                "Name": .string(fields[0]), "ApplicationType": .string(fields[7]), "Publisher": .string(fields[5]),
                "Version": .string(fields[1]), "Release": .string(fields[2]), "Epoch": .string(fields[3]),
                "Architecture": .string(fields[4]), "URL": .string(fields[6]), "Summary": .string(fields[8]),
                "PackageId": .string("\(fields[0])-\(fields[1])-\(fields[2]).\(fields[4]).rpm"),
                "InstalledTime": .string(time),
            ]
        }
    }

    /// The services of systemd; none where something else runs the node.
    func services() async throws(StepEnd) -> InventoryItem {
        var content: [JSON] = []
        if let systemctl = context.program("systemctl"), Files.isDirectory("/run/systemd/system") {
            let output = try await context.collect(
                context.request(
                    systemctl, ["list-units", "--type=service", "--all", "--plain", "--no-legend", "--no-pager"]),
                "systemctl")
            content = Self.services(String(decoding: output, as: UTF8.self))
        }
        return InventoryItem("AWS:Service", "1.0", content, at: now)
    }

    /// - Parameter text: Lines `unit load active sub description`.
    static func services(_ text: String) -> [JSON] {
        text.split(separator: "\n").compactMap { line -> JSON? in
            let fields = line.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: true).map(String.init)
            guard fields.count >= 4 else { return nil }
            return [
                "Name": .string(fields[0]), "DisplayName": .string(fields.count == 5 ? fields[4] : fields[0]),
                "ServiceType": "systemd", "Status": .string(fields[3]), "DependentServices": "",
                "ServicesDependedOn": "", "StartType": .string(fields[1]),
            ]
        }
    }

    // MARK: Files and kernel

    /// The agent itself.
    func components() -> InventoryItem {
        let content: JSON = [
            "Name": "opsbus-agent", "ApplicationType": "", "Publisher": "OpsBus",
            "Version": .string(context.agent.options.agentVersion), "InstalledTime": "",
            "Architecture": .string(Machine.architectures[0]), "URL": "",
        ]
        return InventoryItem("AWS:AWSComponent", "1.0", [content], at: now)
    }

    func networks() -> InventoryItem {
        let content = NetworkInterface.all.map { interface -> JSON in
            [
                "Name": .string(interface.name), "SubnetMask": .string(interface.mask), "Gateway": "",
                "DHCPServer": "", "DNSServer": "", "MacAddress": .string(interface.hardwareAddress),
                "IPV4": .string(interface.ipv4.joined(separator: ",")),
                "IPV6": .string(interface.ipv6.joined(separator: ",")),
            ]
        }
        return InventoryItem("AWS:Network", "1.0", content, at: now)
    }

    func details() -> InventoryItem {
        let text = String(decoding: (try? Files.read("/proc/cpuinfo", bytesMax: 4 << 20)) ?? [], as: UTF8.self)
        return InventoryItem("AWS:InstanceDetailedInformation", "1.0", [Self.processors(text)], at: now)
    }

    /// - Parameter text: `/proc/cpuinfo`.
    static func processors(_ text: String) -> JSON {
        var model = ""
        var speed = ""
        var threads = 0
        var sockets: Set<Substring> = []
        var cores: Set<String> = []
        var socket: Substring = "0"
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard let key = parts.first?.split(whereSeparator: \.isWhitespace).joined(separator: " ") else { continue }
            let value = parts.count == 2 ? parts[1].drop { $0 == " " } : ""
            switch key {
            case "processor": threads += 1
            case "model name" where model.isEmpty: model = String(value)
            case "cpu MHz" where speed.isEmpty: speed = String(value.prefix { $0 != "." })
            case "physical id":
                socket = value
                sockets.insert(value)
            case "core id": cores.insert("\(socket)/\(value)")
            default: break
            }
        }
        let coreCount = cores.isEmpty ? threads : cores.count
        return [
            "CPUModel": .string(model), "CPUSpeedMHz": .string(speed), "CPUs": .string(String(threads)),
            "CPUSockets": .string(String(max(1, sockets.count))), "CPUCores": .string(String(coreCount)),
            "CPUHyperThreadEnabled": .string(threads > coreCount ? "true" : "false"), "OSServicePack": "",
        ]
    }
}
