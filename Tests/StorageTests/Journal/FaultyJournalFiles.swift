import Foundation
import TestSupport
import Glibc
import Platform
import Synchronization

@testable import Storage

/// Files that fail when the test says so, and know what a power failure would leave of them.
///
/// Like a kernel, a failed sync drops what was not written yet: a later one succeeds without it.
final class FaultyJournalFiles: JournalFiles {
    enum Fault: Equatable {
        case none
        /// The operation with this number fails, or half of it happens.
        case once(Int, errno: Int32)
        /// From this operation on nothing works any more.
        case from(Int, errno: Int32 = EIO)
        /// Each operation fails with this probability.
        case random(Double)
    }

    private enum Change {
        case write(Int, [UInt8])
        case truncate(Int)
    }

    private final class Inode {
        var disk: [UInt8] = []
        var pending: [Change] = []
    }

    private struct State {
        var fault: Fault
        var operations = 0
        var names: [String: Inode] = [:]
        var durableNames: [String: Inode] = [:]
        var generator: SeededGenerator
    }

    private let state: Mutex<State>
    private let local = LocalFiles()

    init(_ fault: Fault, seed: UInt64 = 1) {
        state = Mutex(State(fault: fault, generator: SeededGenerator(seed: seed)))
    }

    /// The operation with this number and all after it fail.
    func fail(from operation: Int, errno: Int32 = EIO) {
        state.withLock { $0.fault = .from(operation, errno: errno) }
    }

    /// The operation with this number fails.
    func fail(once operation: Int) { state.withLock { $0.fault = .once(operation, errno: EIO) } }

    /// From now on nothing fails; what was lost stays lost.
    func heal() { state.withLock { $0.fault = .none } }

    var operations: Int { state.withLock { $0.operations } }

    /// Counts an operation, and says whether it fails.
    private func fails(_ operation: String, _ path: String) -> StorageError? {
        state.withLock { state in
            state.operations += 1
            var number: Int32?
            switch state.fault {
            case .none: break
            case .once(let operation, let errno): if state.operations == operation { number = errno }
            case .from(let operation, let errno): if state.operations >= operation { number = errno }
            case .random(let probability):
                if Double.random(in: 0..<1, using: &state.generator) < probability {
                    number = Bool.random(using: &state.generator) ? ENOSPC : EIO
                }
            }
            return number.map { StorageError(FileError(operation, path, errno: $0)) }
        }
    }

    private func change(_ path: String, _ change: Change) {
        state.withLock { $0.names[path]?.pending.append(change) }
    }

    func open(_ path: String, isNew: Bool) throws(StorageError) -> FileDescriptor {
        if let error = fails("open", path) { throw error }
        if isNew { state.withLock { $0.names[path] = Inode() } }
        return try local.open(path, isNew: isNew)
    }

    func write(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, of file: borrowing FileDescriptor
    ) throws(StorageError) {
        let error = fails("write", file.path)
        let written = UnsafeRawBufferPointer(rebasing: error == nil ? bytes[...] : bytes[..<(bytes.count / 2)])
        change(file.path, .write(offset, Array(written)))
        try local.write(written, at: offset, of: file)
        if let error { throw error }
    }

    func synchronize(_ file: borrowing FileDescriptor) throws(StorageError) {
        let error = fails("sync", file.path)
        state.withLock { state in
            guard let inode = state.names[file.path] else { return }
            for change in inode.pending {
                if case .write = change, error != nil { continue }
                Self.apply(change, to: &inode.disk)
            }
            inode.pending = []
        }
        if let error { throw error }
    }

    func truncate(_ file: borrowing FileDescriptor, to size: Int) throws(StorageError) {
        if let error = fails("truncate", file.path) { throw error }
        change(file.path, .truncate(size))
        try local.truncate(file, to: size)
    }

    func rename(_ path: String, to target: String) throws(StorageError) {
        if let error = fails("rename", path) { throw error }
        state.withLock { $0.names[target] = $0.names.removeValue(forKey: path) }
        try local.rename(path, to: target)
    }

    func remove(_ path: String) throws(StorageError) {
        if let error = fails("remove", path) { throw error }
        state.withLock { $0.names[path] = nil }
        try local.remove(path)
    }

    func synchronizeDirectory(_ path: String) throws(StorageError) {
        if let error = fails("sync", path) { throw error }
        state.withLock { $0.durableNames = $0.names }
    }

    private static func apply(_ change: Change, to disk: inout [UInt8]) {
        switch change {
        case .write(let offset, let bytes):
            let end = offset + bytes.count
            if disk.count < end { disk += [UInt8](repeating: 0, count: end - disk.count) }
            disk.replaceSubrange(offset..<end, with: bytes)
        case .truncate(let size):
            if size < disk.count { disk.removeLast(disk.count - size) }
        }
    }

    /// What a power failure now would leave: of the changes not synced, some, with holes.
    func afterPowerFailure(seed: UInt64) throws -> ScratchDirectory {
        let directory = ScratchDirectory()
        try state.withLock { state in
            var generator = SeededGenerator(seed: seed)
            let names = Bool.random(using: &generator) ? state.names : state.durableNames
            for (path, inode) in names.sorted(by: { $0.key < $1.key }) {
                var disk = inode.disk
                let kept = inode.pending.prefix(Int.random(in: 0...inode.pending.count, using: &generator))
                for change in kept { Self.apply(Self.damaged(change, &generator), to: &disk) }
                let name = (path as NSString).lastPathComponent
                try Data(disk).write(to: URL(fileURLWithPath: directory.path + "/" + name))
            }
        }
        return directory
    }

    private static func damaged(_ change: Change, _ generator: inout SeededGenerator) -> Change {
        guard case .write(let offset, var bytes) = change, Int.random(in: 0..<3, using: &generator) > 0 else {
            return change
        }
        bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator))
        for start in stride(from: 0, to: bytes.count, by: 64) where Int.random(in: 0..<4, using: &generator) == 0 {
            for index in start..<min(start + 64, bytes.count) { bytes[index] = 0 }
        }
        return .write(offset, bytes)
    }
}
