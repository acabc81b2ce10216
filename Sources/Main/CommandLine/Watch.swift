/// Repeats a check until it says that it is done: at every message of some topics, and at intervals in case a message
/// does not come.
///
/// What is shown is read through operations, which have the truth; the stream only says when to look.
/// - Parameters:
///   - interval: Between looks where no message comes.
///   - remark: Told once why messages do not come, should the subscription fail.
///   - isDone: Looks, shows what is new, and answers whether to stop.
func watch(
    _ prefixes: [String], on connection: any Connection, every interval: Duration,
    remark: @escaping @Sendable (String) -> Void, until isDone: () async throws -> Bool
) async throws {
    let (looks, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    try await withThrowingTaskGroup(of: Void.self) { group in
        defer { group.cancelAll() }
        group.addTask {
            do {
                try await connection.follow(prefixes, from: .now) { _ in
                    continuation.yield()
                    return true
                }
            } catch is CancellationError {
                return
            } catch {
                remark("no live progress, looking every \(interval.spelled) instead: \(error)")
            }
        }
        group.addTask {
            while !Task.isCancelled {
                // A cancelled sleep ends the loop at its condition.
                try? await Task.sleep(for: interval)
                continuation.yield()
            }
        }
        continuation.yield()
        for await _ in looks {
            if try await isDone() { return }
        }
        try Task.checkCancellation()
    }
}
