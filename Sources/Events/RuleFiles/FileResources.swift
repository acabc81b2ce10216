internal import API
internal import Core
internal import Platform
internal import Storage

/// Keeps what templates hold besides rules in line with their files: buses, archives, schedules and their groups.
///
/// A file decides what it holds: each load makes what is not there, and changes back what others have changed. What
/// leaves its file is deleted, if a file made it and it is still as the file left it. Otherwise it stays, and so does
/// what `DeletionPolicy` says to retain, and an archive that holds events: these could not be made again. Only
/// `DeletionPolicy: Delete` deletes such an archive.
struct FileResources: Sendable {
    let database: Database
    let caller: any OperationCaller
    let account: Account
    let log: Log

    /// Makes or changes what is not as the files have it.
    /// - Throws: `StorageError` where it cannot be found out what there is.
    func put(_ resources: [TemplateResource], _ context: OperationContext) async throws {
        let rows = try await self.rows()
        let states = try await self.states(of: resources.map(\.key))
        var changed: [FileResource] = []
        for kind in TemplateResource.Kind.allCases {
            // All of a kind together: they share one wait for the disk.
            await withTaskGroup(of: FileResource?.self) { group in
                for resource in resources where resource.kind == kind {
                    let (row, state) = (rows[resource.key], states[resource.key])
                    group.addTask { await put(resource, row, state, context) }
                }
                for await row in group { if let row { changed.append(row) } }
            }
        }
        if changed.isEmpty { return }
        let after = try await self.states(of: changed.map(\.key))
        for index in changed.indices { changed[index].state = after[changed[index].key] ?? .null }
        let written = changed
        try await database.maintain { transaction in for row in written { try row.put(transaction) } }
    }

    /// - Parameters:
    ///   - row: What is known of it; nil where no file has held it yet.
    ///   - state: As it is; nil where it is not there.
    /// - Returns: What is to be known of it; nil where nothing new is.
    private func put(
        _ resource: TemplateResource, _ row: FileResource?, _ state: JSON?, _ context: OperationContext
    ) async -> FileResource? {
        var next = FileResource(resource, isOwn: state == nil || row?.isOwn == true)
        if let row, let state, row.input == resource.input, row.state == state {
            next.state = state
            return next == row ? nil : next
        }
        do throws(ServiceError) {
            if let state {
                if let (operation, input) = try resource.update(of: state) {
                    _ = try await caller.call(operation, input, context)
                }
            } else {
                _ = try await caller.call(resource.creation, resource.input, context)
            }
            return next
        } catch {
            let problem = RuleProblem(
                "\(resource.name) is not loaded: \(error)", file: resource.file, at: resource.position)
            log.error(problem.description)
            return nil
        }
    }

    /// Deletes what has left the files.
    /// - Parameters:
    ///   - resources: All that the files hold.
    ///   - brokenFiles: Files that cannot be read now: what they held stays.
    /// - Throws: `StorageError` where it cannot be found out what there is.
    func remove(
        except resources: [TemplateResource], brokenFiles: Set<String>, _ context: OperationContext
    ) async throws {
        let held = Set(resources.map(\.key))
        let left = try await rows().values.filter { !held.contains($0.key) && !brokenFiles.contains($0.file) }
        if left.isEmpty { return }
        let states = try await self.states(of: left.map(\.key))
        // Schedules go before their groups, archives before their buses.
        for row in left.sorted(by: { $1.key < $0.key }) {
            do {
                if let state = states[row.key], let reason = try await reasonToStay(row, state, context) {
                    log.warning("\(row.file): \(row.key) has left the file and stays: \(reason)")
                } else if states[row.key] != nil {
                    let (operation, input) = row.key.deletion
                    _ = try await caller.call(operation, input, context)
                    log.info("\(row.file): \(row.key) has left the file and is deleted")
                }
                try await database.maintain { try row.delete($0) }
            } catch {
                log.warning("\(row.file): \(row.key) has left the file and stays for now: \(error)")
            }
        }
    }

    /// Nil for what is to be deleted.
    private func reasonToStay(
        _ row: FileResource, _ state: JSON, _ context: OperationContext
    ) async throws -> String? {
        if !row.isOwn { return "no file made it" }
        if row.policy == .retain { return "its DeletionPolicy is Retain" }
        if state != row.state { return "it has been changed since" }
        switch row.key.kind {
        case .archive where row.policy != .delete:
            let input: JSON = ["ArchiveName": .string(row.key.name)]
            let archive = try await caller.call("events:DescribeArchive", input, context)
            let count = archive["EventCount"]?.int ?? 0
            if count == 0 { return nil }
            return "it holds \(count) events, and its DeletionPolicy was not Delete; "
                + "'opsbus archives delete \(row.key.name)' deletes it"
        case .scheduleGroup:
            let isEmpty = try await database.read { transaction in
                let filter = SchedulerStore.Filter(group: row.key.name)
                return try SchedulerStore.list(filter, after: ("", ""), limit: 1, transaction).isEmpty
            }
            // It goes at a later load, when these have gone.
            guard isEmpty else { throw ServiceError(.validation, "It holds schedules that are in no file.") }
            return nil
        default: return nil
        }
    }

    // MARK: What there is

    private func rows() async throws -> [TemplateResource.Key: FileResource] {
        let rows = try await database.read { try FileResource.all($0) }
        return Dictionary(uniqueKeysWithValues: rows.map { ($0.key, $0) })
    }

    /// Each as it is now, with the time of its last change; what is not there is left out.
    private func states(of keys: [TemplateResource.Key]) async throws -> [TemplateResource.Key: JSON] {
        if keys.isEmpty { return [:] }
        let account = account
        return try await database.read { transaction in
            let archives = try ArchiveStore.all(transaction)
            var states: [TemplateResource.Key: JSON] = [:]
            for key in keys {
                switch key.kind {
                case .bus:
                    guard let bus = try BusStore.find(key.name, transaction) else { continue }
                    var state = bus.settings
                    state["Policy"] = bus.policy.map { .string($0) }
                    state["LastModifiedTime"] = .integer(bus.modified.microseconds)
                    states[key] = state
                case .archive:
                    guard let archive = archives.first(where: { $0.name == key.name }) else { continue }
                    var state = archive.json(Archive.Contents(), in: account)
                    state["Id"] = .string(archive.id.description)
                    states[key] = state
                case .scheduleGroup:
                    guard let group = try SchedulerStore.groups(named: key.name, transaction).first else { continue }
                    var state = group.json(in: account)
                    state["Tags"] = try SchedulerStore.tags(of: key.name, transaction)
                    states[key] = state
                case .schedule:
                    let parts = key.name.split(separator: "/").map(String.init)
                    guard parts.count == 2, let schedule = try SchedulerStore.find(parts[0], parts[1], transaction)
                    else { continue }
                    states[key] = schedule.json(in: account)
                }
            }
            return states
        }
    }
}

extension TemplateResource {
    fileprivate var creation: String {
        switch kind {
        case .bus: "events:CreateEventBus"
        case .archive: "events:CreateArchive"
        case .scheduleGroup: "scheduler:CreateScheduleGroup"
        case .schedule: "scheduler:CreateSchedule"
        }
    }

    /// The operation that changes what is there into what the file holds; nil where there is none to call.
    /// - Throws: `ServiceError` `.validation` for a change that cannot be made.
    fileprivate func update(of state: JSON) throws(ServiceError) -> (operation: String, input: JSON)? {
        var input = input
        // These operations leave alone what they are not told of; a file that says nothing of it wants the default.
        func reset(_ defaults: KeyValuePairs<String, JSON>) {
            for (member, value) in defaults where input[member] == nil && state[member] != nil { input[member] = value }
        }
        switch kind {
        case .bus:
            reset(["Description": "", "KmsKeyIdentifier": "", "DeadLetterConfig": [:], "LogConfig": ["Level": "OFF"]])
            return input.object?.count == 1 ? nil : ("events:UpdateEventBus", input)
        case .archive:
            let bus = ARN(input["EventSourceArn"]?.string ?? "")?.resource
            guard let kept = state["EventSourceArn"]?.string.flatMap({ ARN($0) }), kept.resource == bus else {
                throw ServiceError(
                    .validation,
                    "The archive keeps the events of \(state["EventSourceArn"]?.string ?? ""); one for another bus "
                        + "needs another name.")
            }
            input["EventSourceArn"] = nil
            reset(["Description": "", "EventPattern": "", "RetentionDays": 0])
            return input.object?.count == 1 ? nil : ("events:UpdateArchive", input)
        case .scheduleGroup: return nil
        case .schedule: return ("scheduler:UpdateSchedule", input)
        }
    }
}

extension TemplateResource.Key {
    fileprivate var deletion: (operation: String, input: JSON) {
        switch kind {
        case .bus: return ("events:DeleteEventBus", ["Name": .string(name)])
        case .archive: return ("events:DeleteArchive", ["ArchiveName": .string(name)])
        case .scheduleGroup: return ("scheduler:DeleteScheduleGroup", ["Name": .string(name)])
        case .schedule:
            let parts = name.split(separator: "/").map(String.init)
            return ("scheduler:DeleteSchedule", ["GroupName": .string(parts[0]), "Name": .string(parts[1])])
        }
    }
}
