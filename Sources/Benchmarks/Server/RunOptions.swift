internal import Core

/// The options that the measurements of a running server share.
struct RunOptions {
    /// Shorter passes, fewer of them, fewer cases.
    var isQuick = false
    var passes: Int?
    var jsonPath: String?
    /// Only what has this text in its name.
    var only: String?

    static let usage = """
          --quick        a short run: fewer cases and passes, for a look
          --passes N     passes of each case; the median is shown
          --only TEXT    only the cases with this text in their name
          --json FILE    write the measurements as JSON
        The server is the opsbus beside this program, or $OPSBUS.
        """

    init(_ arguments: [String], usage: String) throws {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            if name == "--quick" {
                isQuick = true
                continue
            }
            guard let value = rest.popFirst() else { throw BenchmarkError(description: usage) }
            switch name {
            case "--passes": passes = Int(value)
            case "--json": jsonPath = value
            case "--only": only = value
            default: throw BenchmarkError(description: usage)
            }
        }
    }

    func includes(_ name: String) -> Bool { only.map(name.contains) ?? true }

    func write(_ results: Results) throws {
        if let jsonPath { try writeFile(jsonPath, results.json.prettyText + "\n") }
    }
}
