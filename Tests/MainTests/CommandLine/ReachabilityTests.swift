import Testing

@testable import Main

struct ReachabilityTests {
    @Test(arguments: ["tcp://127.0.0.1:1", "tcp://[::1]:1", "ipc:///nonexistent/socket", "tcp://nowhere.invalid:7401"])
    func `Where nothing listens the reason is told`(endpoint: String) throws {
        let problem = try #require(Reachability.problem(endpoint))
        #expect(!problem.isEmpty)
    }

    @Test(arguments: ["inproc://x", "ipc://@abstract", "udp://127.0.0.1:1"])
    func `What only ZeroMQ can tell is left to it`(endpoint: String) {
        #expect(Reachability.problem(endpoint) == nil)
    }

    @Test func `A command without a server ends at once`() {
        #expect(throws: CommandError.self) {
            let parser = ArgumentParser(root: .opsbus, globals: GlobalOptions.all)
            let arguments = try parser.parse(["rules", "list", "--requests", "tcp://127.0.0.1:1"]).arguments
            _ = try BusConnection(try Configuration(arguments))
        }
    }
}
