internal import Glibc
internal import Platform

/// What the agent can tell of the machine it runs on.
struct Machine: Sendable, Hashable {
    /// What preconditions compare `platformType` with.
    static let platformType = "Linux"

    /// What the processor's architecture is called, the kernel's name first.
    static var architectures: [String] {
        #if arch(arm64)
            ["arm64", "aarch64"]
        #else
            ["x86_64", "amd64"]
        #endif
    }

    /// What packages may call the platform, the most special first.
    var platforms: [String] { [platformID, platformName.lowercased(), "linux"] }

    let computerName: String
    let platformName: String
    /// `debian`
    let platformID: String
    let platformVersion: String
    /// The first IPv4 address that is not of the loopback interface; empty where there is none.
    let ipAddress: String

    /// This machine, now.
    static var current: Machine {
        var name = utsname()
        uname(&name)
        let release = (try? Files.read("/etc/os-release")) ?? []
        let values = osRelease(String(decoding: release, as: UTF8.self))
        return Machine(
            computerName: withUnsafePointer(to: &name.nodename) {
                $0.withMemoryRebound(to: CChar.self, capacity: 65) { String(cString: $0) }
            },
            platformName: values["NAME"] ?? "Linux", platformID: values["ID"] ?? "linux",
            platformVersion: values["VERSION_ID"] ?? "",
            ipAddress: address)
    }

    /// - Source: os-release(5).
    static func osRelease(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, !line.hasPrefix("#") else { continue }
            var value = parts[1]
            if let quote = value.first, quote == "\"" || quote == "'", value.count > 1, value.last == quote {
                value = value.dropFirst().dropLast()
            }
            values[String(parts[0])] = String(value)
        }
        return values
    }

    private static var address: String {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return "" }
        defer { freeifaddrs(list) }
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let address = entry.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET),
                entry.ifa_flags & UInt32(IFF_LOOPBACK) == 0
            else { continue }
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let length = socklen_t(MemoryLayout<sockaddr_in>.size)
            if getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 {
                return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }
        return ""
    }
}
