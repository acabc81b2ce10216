import API
import Core
import Platform
import Storage
import TestSupport
import Testing

@testable import Events

/// Every event once, whatever fails and whenever the server dies.
@Suite("Archiving through failures") struct ArchiverCrashTests {
    private let bed: ArchiveCrashBed

    init() throws { bed = try ArchiveCrashBed() }

    /// The numbers of the events that an archive holds, in the order in which they are read.
    private func kept(_ engine: TestEvents, limit: Int = 1000) async throws -> [Int] {
        let archive = try #require(try await engine.database.read { try ArchiveStore.all($0) }.first)
        let window = ArchiveBlocks.Window(
            archive: archive.id, times: Timestamp(microseconds: .min)...Timestamp(microseconds: .max),
            lastBlock: try await engine.blocks.lastBlock())
        var numbers: [Int] = []
        var position: ArchivePosition?
        while true {
            let page = try await engine.blocks.read(window, after: position, limit: limit)
            for event in page.events {
                let entry = try #require(event.body.withUnsafeBytes { StreamEntry($0) })
                numbers.append(try JSON(parsing: entry.payload)["detail"]?["n"]?.int ?? -1)
            }
            position = page.events.last?.position ?? position
            if page.isLast { return numbers }
        }
    }

    private func put(_ range: ClosedRange<Int>, _ engine: TestEvents) async throws {
        for number in range { try await engine.put(TestEvents.entry(["n": .integer(number)])) }
    }

    private func create(_ engine: TestEvents) async throws {
        try await engine.call(
            "events:CreateArchive", ["ArchiveName": "a", "EventSourceArn": ArchiveOperationsTests.bus])
    }

    @Test("What came between the last write and the death of the server is archived by the next one, once")
    func died() async throws {
        let first = try bed.open()
        try await TestEvents.run(first) { engine in
            try await create(engine)
            try await put(1...3, engine)
        }
        // Nobody archives these: the server is dead but for the ingest.
        try await put(4...6, first)
        await bed.close(first)
        for _ in 1...2 {
            let engine = try bed.open()
            try await TestEvents.run(engine) { engine in
                try await engine.call("events:DescribeArchive", ["ArchiveName": "a"])
                #expect(try await kept(engine) == [1, 2, 3, 4, 5, 6])
            }
            await bed.close(engine)
        }
    }

    @Test("A write that fails leaves neither events nor a place, and is made again", arguments: [
        "INSERT ON blocks", "INSERT ON totals", "INSERT ON cursor",
    ])
    func writeFails(statement: String) async throws {
        let engine = try bed.open()
        try await TestEvents.run(engine) { engine in
            try await create(engine)
            try await put(1...2, engine)
            try await engine.blocks.database.refuse(statement)
            let error = await refusal { try await engine.call("events:DescribeArchive", ["ArchiveName": "a"]) }
            #expect(error != nil)
            #expect(try await kept(engine) == [])
            try await engine.blocks.database.allow(statement)
            try await put(3...3, engine)
            let archive = try await engine.call("events:DescribeArchive", ["ArchiveName": "a"])
            #expect(archive["EventCount"] == 3)
            #expect(try await kept(engine) == [1, 2, 3])
        }
        await bed.close(engine)
    }

    @Test("An archive whose creation fails is not there, and keeps nothing after a restart")
    func creationFails() async throws {
        let first = try bed.open()
        try await TestEvents.run(first) { engine in
            try await engine.database.refuse("INSERT ON archives")
            let error = await refusal {
                try await create(engine)
                return [:]
            }
            #expect(error != nil)
            try await put(1...2, engine)
            try await engine.database.allow("INSERT ON archives")
            try await create(engine)
            try await put(3...3, engine)
        }
        await bed.close(first)
        let engine = try bed.open()
        try await TestEvents.run(engine) { engine in
            try await engine.call("events:DescribeArchive", ["ArchiveName": "a"])
            #expect(try await kept(engine) == [3])
        }
        await bed.close(engine)
    }

    @Test("The journal keeps what the archives have yet to take")
    func retention() async throws {
        let engine = try bed.open()
        try await TestEvents.run(engine) { engine in
            try await create(engine)
            try await put(1...3, engine)
            let archiver = engine.service.archives.archiver
            let before = await archiver.neededAfter
            #expect(before == 0)
            try await archiver.catchUp()
            #expect(await archiver.neededAfter == 3)
        }
        await bed.close(engine)
    }

    @Test("Where the journal has lost its end, what comes in its place is archived")
    func lostEnd() async throws {
        let first = try bed.open()
        try await TestEvents.run(first) { engine in
            try await create(engine)
            try await put(1...1, engine)
            try await engine.service.archives.archiver.catchUp()
            // As if a hundred more had been there.
            try await engine.blocks.store([:], through: 100)
        }
        await bed.close(first)
        for number in 2...3 {
            let engine = try bed.open()
            try await TestEvents.run(engine) { engine in
                try await put(number...number, engine)
                try await engine.service.archives.archiver.catchUp()
                #expect(try await kept(engine) == Array(1...number))
            }
            await bed.close(engine)
        }
    }

    @Test("Events are read by the minute of their own times, in pages of any size")
    func order() async throws {
        let engine = try bed.open()
        try await TestEvents.run(engine) { engine in
            try await create(engine)
            // The order of the minutes is not that of arrival.
            let minutes = [3, 1, 2, 1, 3, 2]
            for (number, minute) in minutes.enumerated() {
                var entry = TestEvents.entry(["n": .integer(number)])
                entry["Time"] = .string("2026-03-01T10:0\(minute):30Z")
                try await engine.put(entry)
                if number.isMultiple(of: 2) { try await engine.service.archives.archiver.catchUp() }
            }
            try await engine.service.archives.archiver.catchUp()
            for limit in [1, 2, 5, 100] { #expect(try await kept(engine, limit: limit) == [1, 3, 2, 5, 0, 4]) }
        }
        await bed.close(engine)
    }

    @Test("Space that deleted archives have left is given back")
    func space() async throws {
        let engine = try bed.open()
        try await TestEvents.run(engine) { engine in
            try await create(engine)
            let text = String(repeating: "x", count: 200_000)
            for _ in 1...20 { try await engine.put(TestEvents.entry(["text": .string(text)])) }
            try await engine.service.archives.archiver.catchUp()
            func pages() async throws -> Int {
                try await engine.blocks.database.read { try $0.queryOne("PRAGMA page_count") { try $0[0] } ?? 0 }
            }
            let full = try await pages()
            try await engine.call("events:DeleteArchive", ["ArchiveName": "a"])
            try await engine.service.archives.archiver.letGo()
            let left = try await pages()
            #expect(full > 500 && left < full / 10, "\(full) pages, then \(left)")
        }
        await bed.close(engine)
    }
}
