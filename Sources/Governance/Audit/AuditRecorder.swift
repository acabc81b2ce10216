public import API
public import Core
internal import Platform
internal import Storage

/// Records in the audit log the calls that changed nothing: reads and refusals.
public struct AuditRecorder: CallRecorder {
    private let database: Database
    private let log: Log

    init(database: Database, log: Log) {
        self.database = database
        self.log = log
    }

    /// Records a call. Where that is impossible, as with a full disk, the log of the process says so and the call is
    /// answered all the same: whoever has to mend it must be able to look.
    public func record(
        _ operation: String, _ input: JSON, _ context: OperationContext, failure: ServiceError?
    ) async {
        var room = AuditRecorder.inputBytesMax
        var detail: JSON = ["Input": AuditRecorder.shortened(input, &room)]
        detail["ErrorMessage"] = failure.map { .string(AuditRecorder.shortened($0.message, to: 1024)) }
        let recorded = detail
        do {
            try await database.write(context) { transaction in
                try transaction.audit(
                    String(operation.drop { $0 != ":" }.dropFirst()), on: Subject(.operation, operation),
                    outcome: failure.map { .failure($0.code.rawValue) } ?? .success, detail: recorded)
            }
        } catch {
            log.error("\(operation) by \(context.principal) could not be recorded: \(error)")
        }
    }

    /// Kept of an input, give or take the last text: otherwise whoever may do nothing could still fill the disk.
    private static let inputBytesMax = 8 << 10

    /// Long texts, such as whole documents, do not belong into the audit log.
    private static func shortened(_ input: JSON, _ room: inout Int) -> JSON {
        // Every value costs its brackets or commas at least.
        room -= 2
        switch input {
        case .array(let elements):
            var kept: [JSON] = []
            for element in elements.prefix(20) where room > 0 { kept.append(shortened(element, &room)) }
            return .array(kept)
        case .object(let object):
            var kept = JSONObject()
            for member in object where room > 0 {
                let key = shortened(member.key, to: 256)
                room -= key.utf8.count
                kept.append(key, shortened(member.value, &room))
            }
            return .object(kept)
        case .string(let text):
            let kept = shortened(text, to: 512)
            room -= kept.utf8.count
            return .string(kept)
        case .number(let number) where number.text.utf8.count > 64: return .string(shortened(number.text, to: 64))
        default: return input
        }
    }

    /// - Parameter bytesMax: Of a text that is left as it is; half as many scalars stay of others.
    private static func shortened(_ text: String, to bytesMax: Int) -> String {
        text.utf8.count > bytesMax ? String(Substring(text.unicodeScalars.prefix(bytesMax / 2))) + "…" : text
    }
}
