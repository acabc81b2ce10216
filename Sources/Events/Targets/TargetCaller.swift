internal import API
internal import Core

/// Calls targets for whoever has something for them: rules, schedules, pipes.
struct TargetCaller: Sendable {
    let caller: any OperationCaller
    /// Nil for who calls no API destinations.
    var destinations: DestinationCaller?

    /// Calls a target once.
    /// - Returns: The operation that was called, and what it answered.
    /// - Throws: `TargetFailure`.
    func call(
        _ action: TargetAction, _ request: TargetRequest
    ) async throws(TargetFailure) -> (operation: String, output: JSON) {
        if case .request(let destination, let parameters) = action {
            guard let destinations else {
                throw TargetFailure(
                    code: "INVALID_PARAMETER", message: "API destinations are targets of rules and pipes.")
            }
            return ("HTTP", try await destinations.call(destination, parameters, request))
        }
        let call = try TargetCall(action, request)
        let output: JSON
        do throws(ServiceError) {
            output = try await caller.call(call.operation, call.input, request.context)
        } catch {
            throw TargetFailure(error)
        }
        // An event that was refused is an error inside an answer.
        if case .putEvent = action, let entry = output["Entries"]?[0], let code = entry["ErrorCode"]?.string {
            throw TargetFailure(code: "SDK_CLIENT_ERROR", message: "\(code): \(entry["ErrorMessage"]?.string ?? "")")
        }
        return (call.operation, output)
    }
}

/// What a target is given.
struct TargetRequest: Sendable {
    /// JSON, or what an input template has made.
    var text: String
    /// Whether the text is an event untouched. Documents get nothing from an untouched event: their parameters come
    /// from Input, InputPath or InputTransformer alone.
    var isEventItself = false
    /// The same token makes the same call, so that one repeated after a crash has no second effect.
    var token: Identifier
    /// Shown with what the call starts, such as a command.
    var comment: String
    /// Who calls: the rule's, schedule's or pipe's name.
    var origin: String
    /// When what is being delivered came to be.
    var time: Timestamp
    /// By what the event's publisher traces it; what could not be sent on is none.
    var traceHeader: String?
    /// Whether its turn at an API destination's rate has been waited for.
    var hasTurn = false
    var context: OperationContext
}
