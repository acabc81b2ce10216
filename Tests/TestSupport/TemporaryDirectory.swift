internal import Core
internal import Platform

/// A directory that goes away with the test.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() throws {
        var random = SystemRandomNumberGenerator()
        path = "/tmp/opsbus-test-\(Identifier(using: &random))"
        try Files.createDirectory(path, mode: 0o700)
    }

    deinit { try? Files.remove(path) }

    /// Writes a file, making the directories it is in.
    public func write(_ content: [UInt8], to name: String) throws {
        var directory = path
        for part in name.split(separator: "/").dropLast() {
            directory += "/\(part)"
            if !Files.exists(directory) { try Files.createDirectory(directory) }
        }
        try Files.write(content, to: "\(path)/\(name)", mode: 0o600)
    }

    public func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }
}
