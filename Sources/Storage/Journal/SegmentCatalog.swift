internal import Core
internal import Platform

/// The segments found in a directory, oldest first, each known to follow the one before.
struct SegmentCatalog {
    struct Entry {
        let header: SegmentHeader
        let path: String
        let bytesCount: Int
    }

    private(set) var entries: [Entry] = []
    /// Paths of files left over from a crash.
    private(set) var leftovers: [String] = []

    /// Why there are no entries after the last: a header that is broken or does not follow the one before (`.corrupt`),
    /// or cannot be read (`.unsupportedVersion`, `.inputOutput`).
    private(set) var failure: StorageError?

    /// Reads the headers; changes nothing.
    /// - Throws: `StorageError` with `.inputOutput` where the directory cannot be read.
    init(directory: String) throws(StorageError) {
        for name in try Self.names(in: directory) {
            let path = directory + "/" + name
            if name.hasSuffix(".new") { leftovers.append(path) }
            guard name.hasSuffix(SegmentHeader.suffix), failure == nil else { continue }
            do throws(StorageError) { try add(path, name: name) } catch { failure = error }
        }
    }

    private static func names(in directory: String) throws(StorageError) -> [String] {
        do { return try Files.names(in: directory) } catch { throw StorageError(error) }
    }

    private mutating func add(_ path: String, name: String) throws(StorageError) {
        let (bytes, size) = try Self.beginning(of: path)
        let header = try SegmentHeader(bytes: bytes, path: path)
        func refuse(_ reason: String) -> StorageError { StorageError(.corrupt, reason, path: path) }
        guard header.fileName == name else {
            throw refuse("the segment begins at sequence \(header.firstSequence), and its name says otherwise")
        }
        if let previous = entries.last {
            guard header.epoch == previous.header.epoch else {
                throw refuse("the segment is of another journal: epoch \(header.epoch), not \(previous.header.epoch)")
            }
            guard header.previousFirstSequence == previous.header.firstSequence else {
                let missing = SegmentHeader.name(header.previousFirstSequence) + SegmentHeader.suffix
                throw refuse("the segment before this one, \(missing), is missing; restore it from a backup")
            }
        }
        entries.append(Entry(header: header, path: path, bytesCount: size))
    }

    private static func beginning(of path: String) throws(StorageError) -> (bytes: [UInt8], size: Int) {
        let file = try FileDescriptor(reading: path)
        var window = FileWindow(capacity: SegmentHeader.bytesCount)
        return (Array(try window.bytes(at: 0, count: SegmentHeader.bytesCount, of: file)), try file.size())
    }
}
