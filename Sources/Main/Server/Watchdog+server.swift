internal import Bus
internal import Events
internal import Platform
internal import Storage

extension Watchdog {
    /// Watches the parts of a server that has started, and says in the log which has stopped answering.
    convenience init(database: Database, events: EventsService, bus: BusServer, clock: any Clock, log: Log) {
        let store = Part("database") {
            // A write that is refused is an answer too.
            _ = try? await database.maintain { _ in }
        }
        self.init([store] + events.parts + bus.parts, clock: clock) { report in
            switch report {
            case .silent(let part, let duration):
                log.error("the \(part) has not answered for \(duration.components.seconds) seconds")
            case .answersAgain(let part, let duration):
                log.warning("the \(part) answers again, after \(duration.components.seconds) seconds")
            }
        }
    }
}
