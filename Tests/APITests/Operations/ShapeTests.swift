import Core
import Testing

@testable import API

@Suite("The shape of an operation's input") struct ShapeTests {
    private static let fields: [Field] = [
        .required("Name", .name(1...8, .resourceName)),
        .optional("State", .string(values: ["ON", "OFF"])),
        .optional("Limit", .integer(1...50)),
        .optional("Active", .boolean),
        .optional("Since", .timestamp),
        .optional("Ids", .list(.string(length: 2...4), count: 1...3)),
        .optional("Tags", .map(.string(length: 0...3), count: 0...2)),
        .optional(
            "Targets",
            .list(.structure([
                .required("Id", .name(1...4, .resourceName)),
                .optional("RetryPolicy", .structure([.optional("MaximumRetryAttempts", .integer(0...185))])),
            ]))),
        .optional("Secret", .string(length: 4...8), sensitive: true),
        .optional("Anything", .any), .optional("Bytes", .blob), .optional("Cloud", .unsupported("there is none")),
    ]

    private func message(_ input: String, _ code: ErrorCode = .validation) throws -> String? {
        do throws(ServiceError) {
            try Shape.structure(Self.fields).validate(try! JSON(parsing: input))
            return nil
        } catch {
            #expect(error.code == code)
            return error.message
        }
    }

    @Test(
        "What fits is taken, to the limits of every member",
        arguments: [
            #"{"Name":"a"}"#, #"{"Name":"aB3._-xy","State":"OFF","Limit":1,"Active":false,"Since":0}"#,
            #"{"Name":"a","Limit":50,"Since":"2024-01-01T00:00:00Z","Ids":["ab","abcd","ab"]}"#,
            #"{"Name":"a","Since":1704070861.123456,"Tags":{"k":"","l":"abc"},"Anything":[{"x":null}]}"#,
            #"{"Name":"a","Targets":[{"Id":"1","RetryPolicy":{"MaximumRetryAttempts":185}},{"Id":"2"}]}"#,
            #"{"Name":"a","State":null,"Limit":null,"Ids":null,"Targets":[]}"#,
            #"{"Name":"a","Ids":["éé","日本語です"]}"#.replacing("日本語です", with: "日本語"), #"{"Name":"a","Limit":5e0}"#,
        ])
    func fits(input: String) throws {
        #expect(try message(input) == nil)
    }

    @Test(
        "A broken constraint is told in the service's words",
        arguments: [
            ("{}", "Value null at 'name' failed to satisfy constraint: Member must not be null"),
            (#"{"Name":null}"#, "Value null at 'name' failed to satisfy constraint: Member must not be null"),
            (#"{"Name":""}"#,
                "Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1"),
            (#"{"Name":"123456789"}"#,
                "Value '123456789' at 'name' failed to satisfy constraint: Member must have length less than or equal "
                    + "to 8"),
            (#"{"Name":"a b"}"#,
                "Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: "
                    + #"[\.\-_A-Za-z0-9]+"#),
            (#"{"Name":"ä"}"#,
                "Value 'ä' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: "
                    + #"[\.\-_A-Za-z0-9]+"#),
            (#"{"Name":"a","State":"on"}"#,
                "Value 'on' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ON, OFF]"),
            (#"{"Name":"a","Limit":51}"#,
                "Value '51' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 50"),
            (#"{"Name":"a","Limit":0}"#,
                "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"),
            (#"{"Name":"a","Limit":99999999999999999999}"#,
                "Value '99999999999999999999' at 'limit' failed to satisfy constraint: Member must have value less "
                    + "than or equal to 50"),
            (#"{"Name":"a","Ids":[null]}"#,
                "Value null at 'ids.1.member' failed to satisfy constraint: Member must not be null"),
            (#"{"Name":"a","Tags":{"k":null}}"#,
                "Value null at 'tags.k' failed to satisfy constraint: Member must not be null"),
            (#"{"Name":"a","Ids":[]}"#,
                "Value '[]' at 'ids' failed to satisfy constraint: Member must have length greater than or equal to 1"),
            (#"{"Name":"a","Ids":["ab","abcde"]}"#,
                "Value 'abcde' at 'ids.2.member' failed to satisfy constraint: Member must have length less than or "
                    + "equal to 4"),
            (#"{"Name":"a","Tags":{"a":"","b":"","c":""}}"#,
                #"Value '{"a":"","b":"","c":""}' at 'tags' failed to satisfy constraint: Member must have length less "#
                    + "than or equal to 2"),
            (#"{"Name":"a","Tags":{"key":"long"}}"#,
                "Value 'long' at 'tags.key' failed to satisfy constraint: Member must have length less than or equal "
                    + "to 3"),
            (#"{"Name":"a","Targets":[{"Id":"1"},{}]}"#,
                "Value null at 'targets.2.member.id' failed to satisfy constraint: Member must not be null"),
            (#"{"Name":"a","Targets":[{"Id":"1","RetryPolicy":{"MaximumRetryAttempts":186}}]}"#,
                "Value '186' at 'targets.1.member.retryPolicy.maximumRetryAttempts' failed to satisfy constraint: "
                    + "Member must have value less than or equal to 185"),
        ])
    func constraints(input: String, expected: String) throws {
        #expect(try message(input) == "1 validation error detected: " + expected)
    }

    @Test("All broken constraints are told at once, and counted")
    func several() throws {
        #expect(
            try message(#"{"State":"x","Limit":99}"#)
                == "3 validation errors detected: "
                + "Value 'x' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ON, OFF]; "
                + "Value '99' at 'limit' failed to satisfy constraint: Member must have value less than or equal to "
                + "50; "
                + "Value null at 'name' failed to satisfy constraint: Member must not be null")
    }

    @Test("Endless input makes no endless message")
    func bounded() throws {
        let many = Shape.list(.string(length: 0...3))
        let values = JSON.array(Array(repeating: .string(String(repeating: "x", count: 5000)), count: 10_000))
        let error = #expect(throws: ServiceError.self) { try many.validate(values, at: "ids") }
        let message = error?.message ?? ""
        #expect(message.hasPrefix("10000 validation errors detected: Value 'xxx"))
        #expect(message.utf8.count < 30_000, "\(message.utf8.count)")
    }

    @Test(
        "A value of another type is told in the service's words and in plain ones",
        arguments: [
            ("[]", "Start of list found where not expected: the input must be an object, not an array."),
            (#""a""#, "Expected null: the input must be an object, not a string."),
            (#"{"Name":5}"#,
                "NUMBER_VALUE can not be converted to a String: the value at 'name' must be a string, not a number."),
            (#"{"Name":{}}"#,
                "Start of structure or map found where not expected: the value at 'name' must be a string, not an "
                    + "object."),
            (#"{"Name":"a","Limit":"5"}"#,
                "STRING_VALUE can not be converted to an Integer: the value at 'limit' must be an integer, not a "
                    + "string."),
            (#"{"Name":"a","Limit":1.5}"#,
                "NUMBER_VALUE can not be converted to an Integer: the value at 'limit' must be an integer, not a "
                    + "number."),
            (#"{"Name":"a","Limit":true}"#,
                "TRUE_VALUE can not be converted to an Integer: the value at 'limit' must be an integer, not a "
                    + "boolean."),
            (#"{"Name":"a","Active":"true"}"#,
                "STRING_VALUE can not be converted to a Boolean: the value at 'active' must be a boolean, not a "
                    + "string."),
            (#"{"Name":"a","Since":"today"}"#,
                "STRING_VALUE can not be converted to milliseconds since epoch: the value at 'since' must be a "
                    + "timestamp (RFC 3339 text), not a string."),
            (#"{"Name":"a","Bytes":"?"}"#,
                "STRING_VALUE can not be converted to a Blob: the value at 'bytes' must be a blob (text in Base64), "
                    + "not a string."),
            (#"{"Name":"a","Ids":"ab"}"#,
                "Expected list or null: the value at 'ids' must be a list, not a string."),
            (#"{"Name":"a","Ids":["ab",5]}"#,
                "NUMBER_VALUE can not be converted to a String: the value at 'ids.2.member' must be a string, not a "
                    + "number."),
            (#"{"Name":"a","Tags":[]}"#,
                "Start of list found where not expected: the value at 'tags' must be a map, not an array."),
            (#"{"Name":"a","Tags":7}"#, "Expected map or null: the value at 'tags' must be a map, not a number."),
            (#"{"Name":"a","Targets":[5]}"#,
                "Expected null: the value at 'targets.1.member' must be an object, not a number."),
        ])
    func types(input: String, expected: String) throws {
        #expect(try message(input, .serialization) == expected)
    }

    @Test(
        "A member that is none, or is not supported, is named; a likely spelling is offered",
        arguments: [
            (#"{"Name":"a","Cloud":7}"#, "The member 'cloud' is not supported: there is none."),
            (#"{"Name":"a","Stat":"ON"}"#, "Unknown member 'Stat'. Did you mean 'State'? Known: "),
            (#"{"Name":"a","Targets":[{"Id":"1","Zzz":1}]}"#,
                "Unknown member 'Zzz' at 'targets.1.member'. Known: Id, RetryPolicy."),
        ])
    func unknown(input: String, expected: String) throws {
        let message = try #require(try message(input))
        #expect(message.hasPrefix(expected), "\(message)")
    }

    @Test("A long unknown member is named by its beginning", .timeLimit(.minutes(1)))
    func longMember() throws {
        let message = try #require(try message(#"{"Name":"a","\#(String(repeating: "x", count: 1_000_000))":1}"#))
        #expect(message.hasPrefix("Unknown member 'xxx") && message.utf8.count < 1000)
    }

    @Test(
        "A message about a secret says what is wrong with it, not what it is",
        arguments: [
            (#""abc""#, ErrorCode.validation, "1 validation error detected: Value (secret) at 'secret' failed to "),
            (#""much too long""#, ErrorCode.validation, "1 validation error detected: Value (secret) at 'secret'"),
            ("12345", ErrorCode.serialization, "NUMBER_VALUE can not be converted to a String: the value at 'secret'"),
        ])
    func secrets(value: String, code: ErrorCode, expected: String) throws {
        let found = try #require(try message(#"{"Name":"a","Secret":\#(value)}"#, code))
        #expect(found.hasPrefix(expected) && !found.contains(value.filter { $0 != "\"" }), "\(found)")
    }

    @Test(
        "Times are RFC 3339 text or seconds, to the microsecond",
        arguments: [
            ("1704070861.123456", 1_704_070_861_123_456), ("1704070861", 1_704_070_861_000_000), ("0", 0),
            ("1700000000.000001", 1_700_000_000_000_001), ("1731234567.999999", 1_731_234_567_999_999),
            ("-1.5", -1_500_000), (#""2024-01-01T01:01:01.5+01:00""#, 1_704_067_261_500_000),
        ])
    func timestamps(text: String, microseconds: Int64) throws {
        #expect(try JSON(parsing: text).timestamp?.microseconds == microseconds)
    }

    @Test("Other values are no time", arguments: ["1e12", "1e300", "-1e300", "true", "null", #""5""#, "[]"])
    func noTimestamps(text: String) throws {
        #expect(try JSON(parsing: text).timestamp == nil)
    }
}
