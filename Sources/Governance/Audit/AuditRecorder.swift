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
        var detail: JSON = ["Input": AuditRecorder.shortened(input)]
        detail["ErrorMessage"] = failure.map { .string($0.message) }
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

    /// Long texts, such as whole documents, do not belong into the audit log.
    private static func shortened(_ input: JSON) -> JSON {
        switch input {
        case .string(let text) where text.utf8.count > 512: .string(String(text.prefix(256)) + "…")
        case .array(let elements): .array(elements.prefix(20).map(shortened))
        case .object(let object):
            .object(JSONObject(object.map { JSONObject.Member(key: $0.key, value: shortened($0.value)) }))
        default: input
        }
    }
}
