internal import Core
internal import Glibc

/// Repeated measurements of one thing.
struct Measurement {
    let name: String
    let unit: String
    /// One for each pass.
    let samples: [Double]

    var median: Double {
        let sorted = samples.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }

    /// Greatest difference from the median, as a share of it.
    var spread: Double {
        guard median > 0 else { return 0 }
        return samples.map { abs($0 - median) / median }.max() ?? 0
    }

    var json: JSON {
        var object = JSONObject()
        object.append("name", .string(name))
        object.append("unit", .string(unit))
        object.append("median", .number(JSONNumber(median)))
        object.append("spread", .number(JSONNumber(spread)))
        object.append("samples", .array(samples.map { .number(JSONNumber($0)) }))
        return .object(object)
    }
}

/// The results of a run: a table for people, JSON for comparison with other runs.
struct Results {
    private(set) var measurements: [Measurement] = []
    private let baseline: [String: Double]

    /// - Parameter baseline: JSON of an earlier run; each line then shows the ratio to it.
    init(baseline: JSON? = nil) {
        let pairs = (baseline?.array ?? []).compactMap { entry -> (String, Double)? in
            guard let name = entry["name"]?.string, let median = entry["median"]?.double else { return nil }
            return (name, median)
        }
        self.baseline = Dictionary(pairs) { $1 }
    }

    /// Keeps a measurement and prints its line.
    mutating func add(_ measurement: Measurement) {
        measurements.append(measurement)
        var line =
            "\(pad(measurement.name, 44)) \(padLeft(format(measurement.median), 12)) \(pad(measurement.unit, 10))"
        if measurement.samples.count > 1 { line += " ±\(Int((measurement.spread * 100).rounded())) %" }
        if let before = baseline[measurement.name], before > 0 {
            line += "  x\(format(measurement.median / before)) of baseline"
        }
        print(line)
    }

    var json: JSON { .array(measurements.map(\.json)) }

    private func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private func padLeft(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private func format(_ value: Double) -> String {
        if value >= 1000 { return "\(Int(value.rounded()))" }
        let hundredths = Int((value * 100).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}

/// CPU time of this process: other work on the machine disturbs it far less than the time of day.
func processorSeconds() -> Double {
    Double(clock()) / Double(CLOCKS_PER_SEC)
}

struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
}

/// Reads a file, through `gzip -dc` if its name ends in `.gz`.
func readFile(_ path: String) throws -> [UInt8] {
    let isCompressed = path.hasSuffix(".gz")
    let quoted = path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
    guard let file = isCompressed ? popen("gzip -dc '\(quoted)'", "r") : fopen(path, "r") else {
        throw BenchmarkError(description: "cannot read \(path): \(String(cString: strerror(errno)))")
    }
    defer { _ = isCompressed ? pclose(file) : fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { break }
        bytes.append(contentsOf: buffer[..<count])
    }
    if bytes.isEmpty { throw BenchmarkError(description: "\(path) is empty or cannot be read") }
    return bytes
}

func writeFile(_ path: String, _ text: String) throws {
    guard let file = fopen(path, "w") else {
        throw BenchmarkError(description: "cannot write \(path): \(String(cString: strerror(errno)))")
    }
    fputs(text, file)
    fclose(file)
}
