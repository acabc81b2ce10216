internal import API
internal import Core
internal import Glibc
internal import Platform

/// One output of a step on the agent's disk, from where it goes to the server as fast as that takes it in.
///
/// The file holds the output from `base` on. What the server has is cut off once it has all of it, so that the output
/// of a command that runs on and on does not fill the disk.
struct OutputSpool {
    /// Names the output; its offset is 0.
    let output: NodeOutput
    /// Offset of the file's first byte.
    private(set) var base = 0
    /// Offset of the next byte to be written.
    private(set) var end = 0
    /// Offset of the next byte to be sent.
    private(set) var sent = 0
    /// The server has all before it.
    private(set) var taken = 0
    /// Cleared where the disk takes no more in: what comes then is lost, and only that.
    private(set) var isKept = true
    private var hasMark = false
    private let file: SpoolFile

    /// The file's length at which it is cut once the server has it all.
    static let cutBytes = 1 << 20
    /// What may wait for the server before a step that wants all its output sent has to wait.
    static let waitingBytesMax = 16 << 20

    /// - Parameter directory: The step's own.
    init(_ output: NodeOutput, directory: String) {
        self.output = output
        file = SpoolFile("\(directory)/\(output.stream)")
    }

    /// The spool that an earlier agent left; nil where there is none.
    ///
    /// What the server has of it is not known any more: all is sent again, and known to it by its offset.
    init?(leftBy output: NodeOutput, directory: String) {
        self.init(output, directory: directory)
        guard let (base, count) = file.reopen() else { return nil }
        (self.base, sent, taken) = (base, base, base)
        end = base + count
    }

    var isFull: Bool { end - taken >= OutputSpool.waitingBytesMax }
    var isSent: Bool { sent >= end }

    /// Appends what was written.
    /// - Parameter limit: Of the whole output; what is beyond is left out, with a line that says so.
    /// - Throws: `FileError` the first time that the disk takes nothing in.
    mutating func append(_ piece: StreamedOutput.Piece, limit: Int?) throws(FileError) {
        guard isKept, !hasMark else { return }
        if piece.output.offset != end {
            // Output was passed over while there was no server: the file goes on behind the gap, if it is empty.
            guard taken == end else { return }
            try file.cut(to: piece.output.offset)
            base = piece.output.offset
            (end, sent, taken) = (base, base, base)
        }
        var bytes = piece.bytes
        if let limit, end + bytes.count > limit {
            bytes = Array(bytes.prefix(max(0, limit - end)))
            bytes.removeLast(bytes.count - bytes[...].completeUTF8Count)
            bytes += Array("\n---Output truncated: no more than \(limit) bytes are kept---\n".utf8)
            hasMark = true
        }
        do throws(FileError) {
            try file.append(bytes, at: end - base)
        } catch {
            isKept = false
            throw error
        }
        end += bytes.count
    }

    /// The next piece to be sent; nil where there is none, or it cannot be read.
    func next(bytesMax: Int) -> StreamedOutput.Piece? {
        guard sent < end else { return nil }
        var bytes = file.read(at: sent - base, count: min(bytesMax, end - sent))
        if sent + bytes.count < end {
            let border = bytes[...].completeUTF8Count
            if border > 0 { bytes.removeLast(bytes.count - border) }
        }
        guard !bytes.isEmpty else { return nil }
        var output = output
        output.offset = sent
        return StreamedOutput.Piece(output: output, bytes: bytes)
    }

    mutating func sent(_ count: Int) { sent += count }

    /// What cannot be read any more is given up.
    mutating func giveUp() { (sent, taken) = (end, end) }

    /// The server has all before `offset`.
    mutating func taken(upTo offset: Int) {
        guard offset > taken, offset <= end else { return }
        taken = offset
        sent = max(sent, taken)
        guard taken == end, end - base >= OutputSpool.cutBytes else { return }
        do throws(FileError) {
            try file.cut(to: end)
            base = end
        } catch {
            // It stays longer than it need be, which only costs room.
            return
        }
    }

    /// What was sent and not taken in is sent again: the connection is another.
    mutating func rewind() { sent = taken }

    /// The step has ended: the file is opened again only to be read.
    func close() { file.close() }
}

/// The file of a spool: `stdout.0`, named by the offset of its first byte.
private final class SpoolFile {
    private let path: String
    private var base = 0
    private var descriptor: Int32 = -1

    init(_ path: String) { self.path = path }

    deinit { close() }

    private var name: String { "\(path).\(base)" }

    /// Finds the file that is there.
    /// - Returns: The offset of its first byte, and its length.
    func reopen() -> (base: Int, count: Int)? {
        let directory = Files.parent(of: path)
        let prefix = path.dropFirst(directory.utf8.count + 1) + "."
        guard let found = (try? Files.names(in: directory))?.first(where: { $0.hasPrefix(prefix) }),
            let base = Int(found.dropFirst(prefix.count))
        else { return nil }
        self.base = base
        var status = stat()
        guard stat(name, &status) == 0 else { return nil }
        return (base, Int(status.st_size))
    }

    func append(_ bytes: [UInt8], at position: Int) throws(FileError) {
        try open()
        guard lseek(descriptor, off_t(position), SEEK_SET) >= 0 else { throw FileError("seek in", name, errno: errno) }
        try Files.writeAll(bytes, to: descriptor, path: name)
    }

    /// Empty where it cannot be read.
    func read(at position: Int, count: Int) -> [UInt8] {
        let wasOpen = descriptor >= 0
        guard (try? open()) != nil else { return [] }
        defer { if !wasOpen { close() } }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
            length = max(0, pread(descriptor, buffer.baseAddress, count, off_t(position)))
        }
    }

    /// Empties the file and lets it go on at another offset.
    func cut(to offset: Int) throws(FileError) {
        try open()
        guard ftruncate(descriptor, 0) == 0 else { throw FileError("truncate", name, errno: errno) }
        let target = "\(path).\(offset)"
        guard rename(name, target) == 0 else { throw FileError("rename", name, errno: errno) }
        base = offset
    }

    private func open() throws(FileError) {
        guard descriptor < 0 else { return }
        descriptor = try Files.open(name, O_RDWR | O_CREAT, mode: 0o600)
    }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }
}
