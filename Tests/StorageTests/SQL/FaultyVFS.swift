import CSQLite
import Glibc
import Synchronization

/// A file layer for SQLite whose writes and syncs start to fail after a number of calls: registered once under its
/// name, and steered by one test at a time.
///
/// Takes over the default layer and replaces two methods of each file it opens.
enum FaultyVFS {
    static let name = "faulty"

    /// What a failing call answers.
    enum Failure: Int, CaseIterable, Sendable {
        case full, write, sync

        var status: Int32 {
            switch self {
            case .full: SQLITE_FULL
            case .write: SQLITE_IOERR | 3 << 8
            case .sync: SQLITE_IOERR | 4 << 8
            }
        }
    }

    /// Calls until the first failure; negative for never.
    private static let remaining = Atomic<Int>(-1)
    private static let failure = Atomic<Int>(0)
    private static let failed = Atomic<Bool>(false)

    /// Lets `calls` calls succeed, and all after that fail until `stop`.
    static func fail(_ kind: Failure, after calls: Int) {
        failure.store(kind.rawValue, ordering: .relaxed)
        failed.store(false, ordering: .relaxed)
        remaining.store(calls, ordering: .sequentiallyConsistent)
    }

    /// Lets all succeed again.
    /// - Returns: Whether a call failed since `fail`.
    @discardableResult
    static func stop() -> Bool {
        remaining.store(-1, ordering: .sequentiallyConsistent)
        return failed.load(ordering: .relaxed)
    }

    /// The status of the failure that this call must answer; nil where it may go on.
    fileprivate static func next(isSync: Bool) -> Int32? {
        let kind = Failure(rawValue: failure.load(ordering: .relaxed)) ?? .full
        guard (kind == .sync) == isSync else { return nil }
        let left = remaining.load(ordering: .sequentiallyConsistent)
        if left < 0 { return nil }
        if left > 0 {
            remaining.store(left - 1, ordering: .sequentiallyConsistent)
            return nil
        }
        failed.store(true, ordering: .relaxed)
        return kind.status
    }

    /// Makes the layer known to SQLite.
    static let register: Void = {
        let layer = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        layer.initialize(to: original.pointee)
        layer.pointee.zName = UnsafePointer(strdup(name))
        layer.pointee.xOpen = { layer, path, file, flags, outFlags in
            let status = original.pointee.xOpen(original, path, file, flags, outFlags)
            if status == SQLITE_OK, let file, let methods = file.pointee.pMethods {
                file.pointee.pMethods = replace(methods)
            }
            return status
        }
        precondition(sqlite3_vfs_register(layer, 0) == SQLITE_OK)
    }()

    private nonisolated(unsafe) static let original = sqlite3_vfs_find(nil)!

    /// The replaced tables of methods by the originals they stand for: files of different kinds have different ones.
    private static let tables = Mutex<[UInt: UInt]>([:])

    /// A table with the original behind it, where the failing methods find it.
    private static func replace(_ methods: UnsafePointer<sqlite3_io_methods>) -> UnsafePointer<sqlite3_io_methods> {
        let table = tables.withLock { tables in
            if let known = tables[UInt(bitPattern: methods)] { return known }
            let table = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 2)
            table.initialize(repeating: methods.pointee, count: 2)
            table.pointee.xWrite = { file, bytes, count, offset in
                FaultyVFS.next(isSync: false) ?? file!.pointee.pMethods[1].xWrite(file, bytes, count, offset)
            }
            table.pointee.xSync = { file, flags in
                FaultyVFS.next(isSync: true) ?? file!.pointee.pMethods[1].xSync(file, flags)
            }
            tables[UInt(bitPattern: methods)] = UInt(bitPattern: table)
            return UInt(bitPattern: table)
        }
        return UnsafePointer(bitPattern: table)!
    }
}
