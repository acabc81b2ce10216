internal import Core

/// What takes messages from a source, one place after the other, to a target.
/// - Source: `CreatePipe` of the EventBridge Pipes API, member by member.
struct Pipe: Sendable, Hashable {
    enum State: String, Sendable, CaseIterable {
        case running = "RUNNING"
        case stopped = "STOPPED"
        case creating = "CREATING"
        case updating = "UPDATING"
        case deleting = "DELETING"
        case starting = "STARTING"
        case stopping = "STOPPING"
    }

    let name: String
    /// The members that `CreatePipe` and `UpdatePipe` take, but names, state and tags.
    var definition: JSON
    var tags: JSONObject
    /// Whether it is to run.
    var isWanted: Bool
    var state: State
    /// Why it does not do what it should; nil where it does.
    var reason: String?
    let created: Timestamp
    var modified: Timestamp

    func arn(in account: Account) -> String { account.arn("pipes", "pipe/\(name)").description }

    /// What the audit log calls it.
    var subject: Subject { Subject(.pipe, name) }

    /// Who it acts as.
    var principal: Principal { Principal("pipe/\(name)") }

    var source: String { definition["Source"]?.string ?? "" }
    var target: String { definition["Target"]?.string ?? "" }

    /// What every change of a pipe answers.
    func answer(in account: Account) -> JSON {
        [
            "Arn": .string(arn(in: account)), "Name": .string(name),
            "DesiredState": state == .deleting ? "DELETED" : isWanted ? "RUNNING" : "STOPPED",
            "CurrentState": .string(state.rawValue), "CreationTime": .string(created.millisecondDescription),
            "LastModifiedTime": .string(modified.millisecondDescription),
        ]
    }

    /// What `DescribePipe` answers.
    func json(in account: Account) -> JSON {
        var json = answer(in: account)
        for member in definition.object ?? JSONObject() { json[member.key] = member.value }
        json["StateReason"] = reason.map { .string($0) }
        json["Tags"] = .object(tags)
        return json
    }

    /// What `ListPipes` answers.
    func summary(in account: Account) -> JSON {
        var summary = answer(in: account)
        for member in ["Source", "Target", "Enrichment"] { summary[member] = definition[member] }
        summary["StateReason"] = reason.map { .string($0) }
        return summary
    }
}
