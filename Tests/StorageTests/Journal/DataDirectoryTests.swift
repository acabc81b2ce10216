import Foundation
import Testing

@testable import Storage

@Suite("The data directory")
struct DataDirectoryTests {
    private let scratch = ScratchDirectory()
    private var path: String { scratch.path + "/a/b" }

    @Test("is made with its parts, keys for the owner only")
    func isMade() throws {
        let directory = try DataDirectory(path)
        #expect(directory.databasePath == path + "/state.db")
        for part in [directory.journalPath, directory.keysPath] {
            var isDirectory: ObjCBool = false
            #expect(FileManager.default.fileExists(atPath: part, isDirectory: &isDirectory) && isDirectory.boolValue)
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: directory.keysPath)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
        #expect(try String(contentsOfFile: path + "/format", encoding: .utf8) == "opsbus data 1\n")
        let space = try DataDirectory.space(of: directory.path)
        #expect(space.totalBytes >= space.freeBytes)
    }

    @Test("refuses a second server, naming the process that holds it, until that lets go")
    func isLocked() throws {
        var directory: DataDirectory? = try DataDirectory(path)
        #expect(directory != nil)
        let error = #expect(throws: StorageError.self) { try DataDirectory(path) }
        #expect(error?.code == .locked)
        #expect(error?.message.contains("process \(getpid()) uses") == true)
        #expect(try DataDirectory.holder(of: path) == getpid())
        directory = nil
        #expect(try DataDirectory.holder(of: path) == nil)
        _ = try DataDirectory(path)
        #expect(try DataDirectory.holder(of: scratch.path) == nil)
    }

    @Test("refuses formats it does not know", arguments: [
        ("opsbus data 2\n", StorageError.Code.unsupportedVersion, "format 2"), ("something", .corrupt, "does not name"),
        ("", .corrupt, "does not name"),
    ])
    func checksFormat(text: String, code: StorageError.Code, message: String) throws {
        _ = try DataDirectory(path)
        try text.write(toFile: path + "/format", atomically: false, encoding: .utf8)
        let error = #expect(throws: StorageError.self) { try DataDirectory(path) }
        #expect(error?.code == code && error?.message.contains(message) == true)
        #expect(error?.path == path + "/format")
    }

    @Test("keeps a reserve")
    func keepsReserve() throws {
        let directory = try DataDirectory(path)
        let reserve = path + "/reserve"
        let attributes = try FileManager.default.attributesOfItem(atPath: reserve)
        #expect(attributes[.size] as? Int == DataDirectory.reserveBytes)
        try FileManager.default.removeItem(atPath: reserve)
        try directory.refreshReserve()
        #expect(FileManager.default.fileExists(atPath: reserve))
    }

    @Test("says what is in the way")
    func reportsObstacles() throws {
        try "x".write(toFile: scratch.path + "/a", atomically: false, encoding: .utf8)
        let error = #expect(throws: StorageError.self) { try DataDirectory(path) }
        #expect(error?.code == .inputOutput && error?.errno == ENOTDIR)
    }
}
