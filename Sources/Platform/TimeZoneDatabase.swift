public import Core
internal import Glibc
internal import Synchronization

/// The time zones that this machine knows, read from its compiled database as they are needed.
///
/// A zone once read stays as it is until the process ends.
public final class TimeZoneDatabase: Sendable {
    private let directories: [String]
    private let zones = Mutex<[String: TimeZoneRules]>(["UTC": .utc])

    /// Where systems keep it.
    public static let usualDirectories = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo"]
    private static let fileBytesMax = 1 << 20

    public init(directories: [String] = usualDirectories) { self.directories = directories }

    /// The zone of an IANA name such as `Europe/Berlin`; `UTC` needs no database.
    /// - Throws: `TimeZoneError`.
    public func rules(of name: String) throws(TimeZoneError) -> TimeZoneRules {
        if let known = zones.withLock({ $0[name] }) { return known }
        guard let directory = directories.first(where: Files.isDirectory) else {
            throw TimeZoneError(
                .missingDatabase,
                "This machine has no time zone database (none of \(directories.joined(separator: ", "))), so only UTC is "
                    + "known here; install the package tzdata.")
        }
        let path = "\(directory)/\(name)"
        guard TimeZoneDatabase.isName(name), Files.exists(path), !Files.isDirectory(path) else {
            throw TimeZoneDatabase.unknown(name)
        }
        let rules = try TimeZoneDatabase.read(path, name)
        zones.withLock { $0[name] = rules }
        return rules
    }

    private static func read(_ path: String, _ name: String) throws(TimeZoneError) -> TimeZoneRules {
        let content: [UInt8]
        do throws(FileError) {
            content = try Files.read(path, bytesMax: fileBytesMax)
        } catch {
            throw TimeZoneError(.malformed, "The time zone \(name) cannot be read: \(error).")
        }
        // Lists of zones lie beside the zones.
        guard content.starts(with: "TZif".utf8) else { throw unknown(name) }
        do throws(TimeZoneError) {
            return try TimeZoneRules(parsing: content)
        } catch {
            throw TimeZoneError(.malformed, "The time zone \(name) cannot be read from \(path): \(error).")
        }
    }

    private static func unknown(_ name: String) -> TimeZoneError {
        TimeZoneError(.unknown, "There is no time zone '\(name)'; write an IANA name such as Europe/Berlin or UTC.")
    }

    /// Names are paths below the database, of which those beneath `right` count leap seconds, which nothing here does.
    private static func isName(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return parts.first != "right" && parts.first != "posix"
            && parts.allSatisfy { part in
                !part.isEmpty && part.first != "."
                    && part.utf8.allSatisfy { byte in
                        switch byte {
                        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                            UInt8(ascii: "+"):
                            true
                        default: false
                        }
                    }
            }
    }
}
