import Core
import Testing

@testable import Storage

private enum Color: String, SQLConvertible { case red, green }

@Suite struct RowTests {
    private let session: ReadSession
    private var connection: Connection { _read { yield session.connection } }

    init() throws { session = ReadSession(try Connection(path: Database.inMemory, access: .readWrite)) }

    /// Reads the value of an SQL expression.
    private func read<Value: SQLConvertible>(_ expression: String, _ values: (any SQLConvertible)?...) throws -> Value {
        var result: [Value] = []
        try connection.forEach("SELECT \(expression) AS answer", values) { row in
            let value: Value = try row["answer"]
            result.append(value)
            return true
        }
        return try #require(result.first)
    }

    private func roundTrip<Value: SQLConvertible & Equatable>(_ value: Value) throws {
        #expect(try read("?", value) == value)
    }

    @Test func `Values come back as they were bound`() throws {
        for number in [0, -1, .min, .max] as [Int64] { try roundTrip(number) }
        try roundTrip(42)
        for number in [0.1, -0.0, .infinity, 1e308] { try roundTrip(number) }
        let long = String(repeating: "x", count: 100_000)
        for text in ["", "a", "null \0 byte", "Grüße 🚌", long] { try roundTrip(text) }
        for bytes in [[], [0], Array(0...255)] as [[UInt8]] { try roundTrip(bytes) }
        try roundTrip(true)
        try roundTrip(Timestamp(microseconds: -1))
        try roundTrip(Digest.zero)
        try roundTrip(["a": [1, 2.5, nil], "b": "x"] as JSON)
        try roundTrip(Identifier(high: 1, low: 2))
        try roundTrip(Subject(.rule, "a/b"))
        try roundTrip(ARN(service: "ssm", region: "us-east-1", account: "123456789012", resource: "document/X"))
        try roundTrip(Color.green)
        try roundTrip("present" as String?)
        try roundTrip(nil as String?)
        #expect(try read("?", nil) as Int? == nil)
    }

    @Test(arguments: [
        ("'text'", "column answer holds text, no Int, in: SELECT 'text' AS answer"),
        ("NULL", "column answer holds null, no Int, in: SELECT NULL AS answer"),
        ("1.5", "column answer holds a real number, no Int, in: SELECT 1.5 AS answer"),
    ]) func `A column of another type is an error that names it`(expression: String, message: String) {
        #expect { try read(expression) as Int } throws: { ($0 as? StorageError)?.message == message }
    }

    @Test func `A value of the right type and the wrong form is an error`() {
        #expect(throws: StorageError.self) { try read("'blue'") as Color }
        #expect(throws: StorageError.self) { try read("2") as Bool }
        #expect(throws: StorageError.self) { try read("x'00'") as Digest }
        #expect(throws: StorageError.self) { try read("'{'") as JSON }
        #expect(throws: StorageError.self) { try read("'blue'") as Color? }
        #expect { try read("CAST(x'FF' AS TEXT)") as String } throws: { ($0 as? StorageError)?.code == .corrupt }
    }

    @Test func `A column that is not there is an error that names it`() {
        #expect {
            try connection.forEach("SELECT 1 AS one") { row in
                let _: Int = try row["two"]
                return true
            }
        } throws: {
            ($0 as? StorageError)?.message == "no column two in: SELECT 1 AS one"
        }
    }

    @Test func `Values that do not fit the parameters, and several statements, are refused`() {
        #expect { try connection.execute("SELECT ?, ?", [1]) } throws: {
            ($0 as? StorageError)?.message == "1 values for 2 parameters in: SELECT ?, ?"
        }
        #expect { try connection.execute("SELECT 1; SELECT 2") } throws: {
            ($0 as? StorageError)?.message == "expected exactly one statement in: SELECT 1; SELECT 2"
        }
        #expect { try connection.execute("SELEC") } throws: {
            ($0 as? StorageError)?.message == "near \"SELEC\": syntax error in: SELEC"
        }
    }

    @Test func `The same query can run inside itself`() throws {
        var pairs: [[Int]] = []
        let sql = "SELECT value FROM json_each('[1,2]')"
        try connection.forEach(sql) { outer in
            let first: Int = try outer[0]
            try connection.forEach(sql) { inner in
                pairs.append([first, try inner[0]])
                return true
            }
            return true
        }
        #expect(pairs == [[1, 1], [1, 2], [2, 1], [2, 2]])
    }

    @Test func `More statements than the cache holds still run, also while one is stepped through`() throws {
        var count = 0
        try connection.forEach("SELECT value FROM json_each('[1,2,3]')") { _ in
            for number in 0..<300 {
                let value: Int? = try connection.value("SELECT \(number)")
                #expect(value == number)
            }
            count += 1
            return true
        }
        #expect(count == 3)
    }
}
