internal import Core

/// The lines of an input as requests of bounded size. What a pipe has brought is not held back to fill a request.
struct EntryBatches {
    struct Batch {
        var entries: [JSON] = []
        /// The line that each entry came from.
        var lines: [Int] = []
        var problems: [(line: Int, reason: String)] = []
    }

    private static let entriesMax = 100
    private static let bytesMax = 256 << 10
    /// Of one line; what is longer is no event that a bus would take.
    private static let lineBytesMax = 4 << 20

    private let read: PieceReader
    private let bus: String?
    /// What was read and not yet given out, from `start` on.
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    /// Whether what is left of a line that is too long is being skipped.
    private var isSkipping = false
    private var line = 0

    /// - Parameter bus: For entries that name none.
    init(_ read: @escaping PieceReader, bus: String?) {
        self.read = read
        self.bus = bus
    }

    /// The next lines; nil where none are left.
    /// - Throws: What reading throws.
    mutating func next() throws -> Batch? {
        var batch = Batch()
        var bytes = 0
        while batch.entries.count < EntryBatches.entriesMax, bytes < EntryBatches.bytesMax {
            guard let text = nextLine() else {
                // What there is goes out before waiting for more.
                if isAtEnd || !(batch.entries.isEmpty && batch.problems.isEmpty) { break }
                try fill(&batch)
                continue
            }
            bytes += text.count
            take(text, into: &batch)
        }
        return isAtEnd && start == buffer.count && batch.entries.isEmpty && batch.problems.isEmpty ? nil : batch
    }

    /// The next whole line of what has been read.
    private mutating func nextLine() -> ArraySlice<UInt8>? {
        let rest = buffer[start...]
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? (isAtEnd && !rest.isEmpty ? rest.endIndex : nil)
        else { return nil }
        start = min(end + 1, buffer.count)
        line += 1
        defer { isSkipping = false }
        return isSkipping ? [] : rest[..<end]
    }

    private mutating func fill(_ batch: inout Batch) throws {
        buffer.removeFirst(start)
        start = 0
        if buffer.count > EntryBatches.lineBytesMax {
            batch.problems.append((line + 1, "longer than \(EntryBatches.lineBytesMax) bytes"))
            isSkipping = true
        }
        if isSkipping { buffer = [] }
        let piece = try read()
        isAtEnd = piece.isEmpty
        buffer += piece
    }

    private func take(_ text: ArraySlice<UInt8>, into batch: inout Batch) {
        let blanks = [UInt8](" \t\r".utf8)
        if text.allSatisfy(blanks.contains) { return }
        do throws(JSONError) {
            guard let entry = entry(try JSON(parsing: Array(text))) else {
                let reason = "neither an entry (Source, DetailType, Detail) nor an event (source, detail-type, detail)"
                batch.problems.append((line, reason))
                return
            }
            batch.entries.append(entry)
            batch.lines.append(line)
        } catch {
            batch.problems.append((line, "\(error.message) at column \(error.position.column)"))
        }
    }

    /// An entry as the operation takes it; nil where the value is neither entry nor event.
    private func entry(_ value: JSON) -> JSON? {
        var entry: JSON
        if value["Source"] != nil || value["DetailType"] != nil {
            entry = value
        } else if let source = value["source"], let detailType = value["detail-type"], let detail = value["detail"] {
            let identifier = value["id"]?.string.flatMap { Identifier($0) }
            entry = input([
                ("Source", source), ("DetailType", detailType), ("Detail", detail), ("Time", value["time"]),
                ("Resources", value["resources"]), ("OpsBusEventId", .text(identifier?.description)),
            ])
        } else {
            return nil
        }
        if let detail = entry["Detail"], detail.string == nil { entry["Detail"] = .string(detail.text) }
        if let bus, entry["EventBusName"] == nil { entry["EventBusName"] = .string(bus) }
        return entry
    }
}
