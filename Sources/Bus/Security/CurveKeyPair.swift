internal import CZeroMQ
internal import Glibc
internal import Platform

/// A long-term Curve25519 key pair: of the server, of a client or of a node.
/// - Source: ZeroMQ RFC 26 (CurveZMQ); the text form is Z85, ZeroMQ RFC 32.
public struct CurveKeyPair: Sendable, Hashable, CustomStringConvertible {
    /// 40 characters of Z85; what others must know.
    public let publicKey: String
    /// 40 characters of Z85; never logged.
    let secretKey: String

    /// Makes a new pair.
    /// - Throws: `BusError` where libzmq was built without CURVE.
    public init() throws(BusError) {
        var publicKey = [CChar](repeating: 0, count: 41)
        var secretKey = [CChar](repeating: 0, count: 41)
        guard zmq_curve_keypair(&publicKey, &secretKey) == 0 else { throw .last("make a CURVE key pair") }
        self.publicKey = CurveKeyPair.text(publicKey)
        self.secretKey = CurveKeyPair.text(secretKey)
    }

    /// The pair of a secret key.
    /// - Parameter secretKey: 40 characters of Z85.
    /// - Throws: `BusError` `.invalidKey`.
    public init(secretKey: String) throws(BusError) {
        var publicKey = [CChar](repeating: 0, count: 41)
        guard CurveKeyPair.isKey(secretKey), zmq_curve_public(&publicKey, secretKey) == 0 else {
            throw BusError(.invalidKey, "a CURVE secret key is 40 characters of Z85")
        }
        self.publicKey = CurveKeyPair.text(publicKey)
        self.secretKey = secretKey
    }

    /// Reads a pair from a file, or makes one and writes it there, readable by its owner alone.
    ///
    /// The file has two lines, `public KEY` and `secret KEY`.
    /// - Throws: `BusError` `.invalidKey`: the file holds something else, others may read it, or it cannot be written.
    public init(file path: String) throws(BusError) {
        guard Files.exists(path) else {
            try self.init()
            do throws(FileError) {
                try Files.write(Array("public \(publicKey)\nsecret \(secretKey)\n".utf8), to: path, mode: 0o600)
            } catch {
                throw BusError(.invalidKey, "cannot keep the key pair: \(error)")
            }
            return
        }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & 0o077 != 0 {
            throw BusError(
                .invalidKey, "\(path) holds a secret key and others may read it; run chmod 600 on it")
        }
        guard let secretKey = try CurveKeyPair.lines(of: path)["secret"] else {
            throw BusError(.invalidKey, "\(path) holds no key pair: a line 'public KEY' and a line 'secret KEY'")
        }
        do throws(BusError) {
            try self.init(secretKey: secretKey)
        } catch {
            throw BusError(.invalidKey, "\(path): \(error.message)")
        }
    }

    /// The public key in the file of a pair, or in one that holds only the line `public KEY`.
    /// - Throws: `BusError` `.invalidKey`.
    public static func publicKey(file path: String) throws(BusError) -> String {
        guard let key = try lines(of: path)["public"], isKey(key) else {
            throw BusError(.invalidKey, "\(path) has no line 'public KEY' with 40 characters of Z85")
        }
        return key
    }

    /// The second words of a file's lines, by the first.
    private static func lines(of path: String) throws(BusError) -> [String: String] {
        let content: [UInt8]
        do throws(FileError) {
            content = try Files.read(path, bytesMax: 4096)
        } catch {
            throw BusError(.invalidKey, "cannot read the key: \(error)")
        }
        let lines = String(decoding: content, as: UTF8.self).split(whereSeparator: \.isNewline)
        let pairs = lines.compactMap { line -> (String, String)? in
            let words = line.split(separator: " ")
            return words.count == 2 ? (String(words[0]), String(words[1])) : nil
        }
        return Dictionary(pairs) { $1 }
    }

    /// Whether a text is a key in Z85.
    public static func isKey(_ text: String) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 32)
        return text.utf8.count == 40 && zmq_z85_decode(&bytes, text) != nil
    }

    /// 32 bytes as 40 characters of Z85.
    static func text(ofKey bytes: UnsafeRawBufferPointer) -> String? {
        guard bytes.count == 32 else { return nil }
        var characters = [CChar](repeating: 0, count: 41)
        return bytes.withMemoryRebound(to: UInt8.self) {
            zmq_z85_encode(&characters, $0.baseAddress, 32) == nil ? nil : text(characters)
        }
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The public key; the secret one does not belong in logs.
    public var description: String { publicKey }
}

/// What a client needs for CURVE: its own pair, and the key by which it knows the server.
public struct ClientKeys: Sendable, Hashable {
    public let pair: CurveKeyPair
    /// 40 characters of Z85.
    public let serverKey: String

    /// - Throws: `BusError` `.invalidKey`.
    public init(pair: CurveKeyPair, serverKey: String) throws(BusError) {
        guard CurveKeyPair.isKey(serverKey) else {
            throw BusError(.invalidKey, "the server's public key is 40 characters of Z85")
        }
        self.pair = pair
        self.serverKey = serverKey
    }
}
