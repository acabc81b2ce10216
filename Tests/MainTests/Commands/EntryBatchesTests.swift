import Core
import Testing

@testable import Main

struct EntryBatchesTests {
    /// An input that comes in these pieces.
    private func reader(_ pieces: [String]) -> PieceReader {
        var rest = pieces[...]
        return { Array((rest.popFirst() ?? "").utf8) }
    }

    private func line(_ source: String) -> String { #"{"Source": "\#(source)", "DetailType": "t", "Detail": {}}"# }

    @Test func `Lines that have come are given out before more is waited for`() throws {
        var asked = 0
        let read = reader(["\(line("a"))\n\(line("b"))\n\(line("c").prefix(9))", "\(line("c").dropFirst(9))\n"])
        var batches = EntryBatches(
            {
                asked += 1
                return try read()
            }, bus: nil)
        #expect(try batches.next()?.entries.map { $0["Source"] } == ["a", "b"])
        #expect(asked == 1)
        #expect(try batches.next()?.entries.map { $0["Source"] } == ["c"])
        #expect(try batches.next() == nil)
    }

    @Test func `Lines keep their numbers, and the last needs no end`() throws {
        var batches = EntryBatches(reader(["\n" + line("a") + "\n[]\n{\n", "\n" + line("b")]), bus: "orders")
        let first = try #require(try batches.next())
        #expect(first.lines == [2])
        #expect(first.entries[0]["EventBusName"] == "orders")
        #expect(first.problems.map(\.line) == [3, 4])
        #expect(try batches.next()?.lines == [6])
        #expect(try batches.next() == nil)
    }

    @Test func `A line without end is given up, and those after it are read`() throws {
        let piece = String(repeating: "x", count: 1 << 20)
        let pieces = Array(repeating: piece, count: 6) + ["x\n" + line("a") + "\n"]
        var batches = EntryBatches(reader(pieces), bus: nil)
        #expect(try batches.next()?.problems.map { "\($0.line): \($0.reason)" } == ["1: longer than 4194304 bytes"])
        #expect(try batches.next()?.lines == [2])
        #expect(try batches.next() == nil)
    }

    @Test func `Requests are bounded`() throws {
        let text = (1...250).map { line("s\($0)") + "\n" }.joined()
        var batches = EntryBatches(reader([text]), bus: nil)
        var counts: [Int] = []
        while let batch = try batches.next() { counts.append(batch.entries.count) }
        #expect(counts == [100, 100, 50])
    }
}
