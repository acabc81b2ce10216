internal import Core

/// Event patterns: the published lots benchmark, and how speed and memory scale with the number of rules.
enum PatternsBenchmark {
    static let summary = "speed of event patterns (--lots FILE --rules FILE, --scale, --edits)"

    private static let usage = """
        usage: opsbus-bench patterns [--lots FILE.json[.gz] --rules citylots2-rules.json] [--scale] [--edits]
                                     [--only NAME] [--largest N] [--passes N] [--json OUT] [--baseline FILE]
          --lots FILE      records, one a line, matched against each rule set of --rules; all counts are asserted
          --scale          generated events and 1 to 100,000 rules of each family
          --edits          rules added to 100,000 and removed, one by one, while another thread matches
          --only NAME      only this set or family
          --largest N      no more rules than this
          --passes N       passes over the data, 5 unless told; the median is shown
          --json OUT       write the measurements as JSON
          --baseline FILE  JSON of an earlier run to show ratios to
        """

    static func run(_ arguments: [String]) throws {
        var options: [String: String] = [:]
        var flags: Set<String> = []
        var index = 0
        while index < arguments.count {
            let name = arguments[index]
            if name == "--scale" || name == "--edits" {
                flags.insert(name)
                index += 1
            } else if ["--lots", "--rules", "--only", "--largest", "--passes", "--json", "--baseline"].contains(name),
                index + 1 < arguments.count
            {
                options[name] = arguments[index + 1]
                index += 2
            } else {
                throw BenchmarkError(description: usage)
            }
        }
        let passes = options["--passes"].flatMap { Int($0) } ?? 5
        let baseline = try options["--baseline"].map { try JSON(parsing: readFile($0)) }
        var results = Results(baseline: baseline)
        if let lots = options["--lots"], let rules = options["--rules"] {
            let benchmark = try LotsBenchmark(records: lots, rules: rules, passes: passes)
            try benchmark.run(only: options["--only"], &results)
        } else if flags.isEmpty {
            throw BenchmarkError(description: usage)
        }
        if flags.contains("--scale") {
            let largest = options["--largest"].flatMap { Int($0) } ?? 100_000
            try ScaleBenchmark(largest: largest, passes: passes).run(only: options["--only"], &results)
        }
        if flags.contains("--edits") { try EditsBenchmark(passes: passes).run(&results) }
        if let path = options["--json"] { try writeFile(path, results.json.prettyText + "\n") }
    }
}
