import Glibc
import Testing

@testable import Main

struct InterruptionTests {
    @Test(.timeLimit(.minutes(1)))
    func `A signal cancels what runs, which then ends in its own order`() async throws {
        let exitCode = try await Interruption.cancelling {
            kill(getpid(), SIGINT)
            do {
                try await Task.sleep(for: .seconds(3600))
                return .failure
            } catch {
                return .success
            }
        }
        #expect(exitCode == .success)
    }
}
