internal import Glibc
internal import Platform

/// A network interface of this machine and its addresses.
struct NetworkInterface: Sendable, Hashable {
    let name: String
    var ipv4: [String] = []
    var ipv6: [String] = []
    /// Of the first IPv4 address.
    var mask = ""
    /// `02:42:ac:11:00:02`; empty where there is none.
    var hardwareAddress = ""

    /// All that have an address, the loopback interface aside, by name.
    static var all: [NetworkInterface] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: [String: NetworkInterface] = [:]
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let address = entry.ifa_addr, entry.ifa_flags & UInt32(IFF_LOOPBACK) == 0 else { continue }
            let name = String(cString: entry.ifa_name)
            switch Int32(address.pointee.sa_family) {
            case AF_INET:
                found[name, default: NetworkInterface(name: name)].ipv4.append(text(address))
                if let mask = entry.ifa_netmask, found[name]?.mask.isEmpty == true { found[name]?.mask = text(mask) }
            case AF_INET6:
                found[name, default: NetworkInterface(name: name)].ipv6.append(text(address))
            default: continue
            }
        }
        return found.values.sorted { $0.name < $1.name }.map { interface in
            var interface = interface
            let bytes = (try? Files.read("/sys/class/net/\(interface.name)/address")) ?? []
            interface.hardwareAddress = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            return interface
        }
    }

    private static func text(_ address: UnsafeMutablePointer<sockaddr>) -> String {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let isVersion6 = Int32(address.pointee.sa_family) == AF_INET6
        let length = isVersion6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
        guard
            getnameinfo(address, socklen_t(length), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
        else { return "" }
        // Link-local addresses have the interface's name after a percent sign.
        let bytes = text.map { UInt8(bitPattern: $0) }.prefix { $0 != 0 && $0 != UInt8(ascii: "%") }
        return String(decoding: bytes, as: UTF8.self)
    }
}
