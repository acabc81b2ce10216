import Foundation
import Testing

@testable import Bus

@Suite struct CurveKeyPairTests {
    @Test("A pair is made in a file that only its owner can read, and read back from it")
    func file() throws {
        let directory = try TestBus.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/server.key"
        let made = try CurveKeyPair(file: path)
        #expect(try CurveKeyPair(file: path) == made)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(CurveKeyPair.isKey(made.publicKey))
        #expect("\(made)" == made.publicKey)
        #expect(try CurveKeyPair.publicKey(file: path) == made.publicKey)

        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        #expect(throws: BusError.self) { try CurveKeyPair(file: path) }
    }

    @Test("A file that holds something else is refused", arguments: [
        "", "short", "secret short", "secret \(String(repeating: "\"", count: 40))",
        "public Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
    ])
    func badFile(content: String) throws {
        let directory = try TestBus.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/server.key"
        #expect(
            FileManager.default.createFile(
                atPath: path, contents: Data(content.utf8), attributes: [.posixPermissions: 0o600]))
        let error = #expect(throws: BusError.self) { try CurveKeyPair(file: path) }
        #expect(error?.code == .invalidKey)
    }

    @Test("A file of a public key alone serves where no secret is needed")
    func publicKeyFile() throws {
        let directory = try TestBus.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/server.pub"
        let key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
        try Data("public \(key)\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(try CurveKeyPair.publicKey(file: path) == key)
        #expect(throws: BusError.self) { try CurveKeyPair.publicKey(file: directory + "/none") }
    }

    @Test("The public key belongs to the secret one")
    func publicKey() throws {
        // The test vector of libzmq's manual page zmq_curve_public.
        let pair = try CurveKeyPair(secretKey: "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs")
        #expect(pair.publicKey == "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID")
        #expect(throws: BusError.self) { try CurveKeyPair(secretKey: "too short") }
        #expect(throws: BusError.self) { try ClientKeys(pair: pair, serverKey: "no key") }
    }
}
