internal import Core
internal import Platform
internal import Storage

/// One result of an examination.
struct Finding: Hashable {
    enum Verdict: String { case good, warning, bad }

    let verdict: Verdict
    /// What was examined.
    let part: String
    let text: String
    /// What to do; empty where nothing is needed.
    let advice: String

    init(_ verdict: Verdict, _ part: String, _ text: String, advice: String = "") {
        self.verdict = verdict
        self.part = part
        self.text = text
        self.advice = advice
    }

    var json: JSON {
        [
            "Verdict": .string(verdict.rawValue), "Part": .string(part), "Text": .string(text),
            "Advice": .string(advice),
        ]
    }
}

/// Examines a data directory without changing it, and says what it finds in plain words.
struct HealthCheck {
    let directory: String

    // Where `Storage.DataDirectory`, which locks what it opens, keeps them.
    static func journal(in directory: String) -> String { directory + "/journal" }
    static func database(in directory: String) -> String { directory + "/state.db" }
    static func archives(in directory: String) -> String { directory + "/archives.db" }

    func findings() -> [Finding] {
        guard Files.isDirectory(directory) else {
            return [
                Finding(.bad, "directory", "\(directory) is no directory", advice: "Name the right one with --data.")
            ]
        }
        return [
            holder, journal, database("database", HealthCheck.database(in: directory)), auditLog, archives, space,
        ]
    }

    private var holder: Finding {
        do {
            guard let process = try Storage.DataDirectory.holder(of: directory) else {
                return Finding(.good, "server", "no server is using the directory")
            }
            return Finding(.good, "server", "process \(process) is using the directory")
        } catch {
            return Finding(.warning, "server", "\(error)", advice: "Run this as the user that the server runs as.")
        }
    }

    private var journal: Finding {
        let path = HealthCheck.journal(in: directory)
        // A database that cannot be read is a finding of its own, and no reason not to look at the journal.
        let report =
            (try? Verification.journal(path, database: HealthCheck.database(in: directory)))
            ?? SegmentJournal.verify(directory: path)
        if let fault = report.fault {
            return Finding(
                .bad, "journal", "\(fault)",
                advice: "Records from there on cannot be trusted. Stop the server, keep a copy, and restore a backup.")
        }
        let extent =
            report.records == 0
            ? "empty"
            : "\(counted(Int(report.records), "record")) in \(counted(report.segments, "segment")), "
                + "\(spelled(bytes: report.bytes)), sequences "
                + "\(report.firstSequence) to \(report.lastSequence), every checksum and link is right"
        guard report.tornBytes > 0 else { return Finding(.good, "journal", extent) }
        return Finding(
            .warning, "journal",
            "\(extent); the last \(report.tornBytes) bytes are an unfinished write, of which nothing was acknowledged",
            advice: "Normal after a crash or while the server writes; the next start cuts them off.")
    }

    private var archives: Finding {
        let path = HealthCheck.archives(in: directory)
        guard Files.exists(path) else { return Finding(.good, "archives", "none yet") }
        return database("archives", path)
    }

    private func database(_ part: String, _ path: String) -> Finding {
        do {
            let report = try Database.check(path: path)
            guard report.isSound else {
                return Finding(
                    .bad, part, report.problems.joined(separator: "; "),
                    advice: "Stop the server, keep a copy, and restore a backup of \(path).")
            }
            let bytes = spelled(bytes: Int(report.databaseBytes))
            return Finding(
                .good, part, "\(bytes), and \(spelled(bytes: Int(report.logBytes))) of write-ahead log; no damage")
        } catch {
            return unreadable(part, error, path)
        }
    }

    private var auditLog: Finding {
        let path = HealthCheck.database(in: directory)
        do {
            let report = try AuditLog.verify(path: path)
            guard let fault = report.firstFault else {
                return Finding(.good, "audit log", "\(counted(report.recordCount, "record")), the hash chain is whole")
            }
            let others = report.faultCount > 1 ? ", and \(counted(report.faultCount - 1, "more fault"))" : ""
            return Finding(
                .bad, "audit log", "\(fault)\(others)",
                advice: "Someone or something changed the log after it was written. Compare with a backup.")
        } catch {
            return unreadable("audit log", error, path)
        }
    }

    private func unreadable(_ part: String, _ error: any Error, _ path: String) -> Finding {
        Finding(.bad, part, "\(error)", advice: "Check that \(path) is there and that this user may read it.")
    }

    /// Below these the disk is nearly full, or so full that the server refuses events.
    private static let warningBytes: UInt64 = 1 << 30
    private static let badBytes: UInt64 = 64 << 20

    private var space: Finding {
        let free: UInt64
        do {
            free = try Storage.DataDirectory.space(of: directory).freeBytes
        } catch {
            return Finding(.warning, "disk", "the free space cannot be read: \(error)")
        }
        let text = "\(spelled(bytes: Int(clamping: free))) free"
        switch free {
        case ..<HealthCheck.badBytes:
            return Finding(.bad, "disk", text, advice: "Make room now: without it events are refused.")
        case ..<HealthCheck.warningBytes:
            return Finding(.warning, "disk", text, advice: "Make room, or keep less with --retention.")
        default: return Finding(.good, "disk", text)
        }
    }

    private func spelled(bytes: Int) -> String {
        let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(bytes) bytes" : "\((value * 10).rounded() / 10) \(units[unit])"
    }
}
