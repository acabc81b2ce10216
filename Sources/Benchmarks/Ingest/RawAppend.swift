internal import CShims
internal import Core
internal import Glibc

/// Writes the same bytes to a file and syncs it: the most that the disk allows one that waits for it.
enum RawAppend {
    /// - Parameter requestsPerSync: Requests that are written before each wait for the disk.
    static func eventsPerSecond(_ workload: Workload, requestsPerSync: Int, seconds: Double) throws -> Double {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/append"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard descriptor >= 0 else { throw BenchmarkError(description: "cannot write \(path)") }
        defer { close(descriptor) }
        let began = ops_monotonic_nanoseconds()
        var now = began
        var next = 0
        var requests = 0
        while Double(now - began) < seconds * 1e9 {
            for _ in 0..<requestsPerSync {
                let bytes = workload.requests[next].bytes
                guard write(descriptor, bytes.baseAddress, bytes.count) == bytes.count else {
                    throw BenchmarkError(description: "cannot write \(path): \(String(cString: strerror(errno)))")
                }
                next = (next + 1) % workload.requests.count
                requests += 1
            }
            guard fdatasync(descriptor) == 0 else { throw BenchmarkError(description: "cannot sync \(path)") }
            now = ops_monotonic_nanoseconds()
        }
        return Double(requests * workload.batch) / (Double(now - began) / 1e9)
    }
}
