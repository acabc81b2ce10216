internal import Core
internal import Glibc
internal import Platform
internal import Synchronization

/// Seals the secrets that the database holds. The key lies in a file of its own, so that a copy of the database alone
/// gives nothing away; without that file what was sealed is lost.
public final class Vault: Sendable {
    private let key: SealingKey
    private let random = Mutex(BlockRandom())

    /// Reads the key, or makes one, readable by its owner alone.
    /// - Throws: `StorageError` `.corrupt` where the file holds no key, or others may read it; `.inputOutput`.
    public init(file path: String) throws(StorageError) {
        do throws(FileError) {
            if !Files.exists(path) {
                var random = BlockRandom()
                let words = (0..<SealingKey.byteCount / 8).map { _ in random.next() }
                try Files.write(words.withUnsafeBytes(Array.init), to: path, mode: 0o600)
            }
            var status = stat()
            if stat(path, &status) == 0, status.st_mode & 0o077 != 0 {
                throw FileError("trust a secret key that others may read; run chmod 600 on", path, errno: EPERM)
            }
            let bytes = try Files.read(path, bytesMax: 4096)
            guard bytes.count == SealingKey.byteCount else {
                throw FileError("find a key of \(SealingKey.byteCount) bytes in", path, errno: EINVAL)
            }
            key = SealingKey(bytes: bytes)
        } catch {
            throw StorageError(error)
        }
    }

    public func seal(_ secret: String) -> [UInt8] {
        random.withLock { key.seal(Array(secret.utf8), using: &$0) }
    }

    /// - Throws: `StorageError` `.corrupt` where it was sealed with another key, or changed.
    public func open(_ sealed: [UInt8]) throws(StorageError) -> String {
        guard let secret = key.open(sealed) else {
            throw StorageError(.corrupt, "a secret was sealed with another key than the one in the data directory")
        }
        return String(decoding: secret, as: UTF8.self)
    }
}
