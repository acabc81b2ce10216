import Core
import Testing

@Suite struct JSONPathTests {
    static let document = """
        {"detail-type":"Order","resources":["a","b"],"n":null,"é":1,"it's":2,"a.b":3,"key":1,"key":2,"":4,
         "detail":{"items":[{"id":1,"tags":["x"]},{"id":2},{"name":{"id":3}},"text"],"id":0}}
        """

    static let definite: [(path: String, value: String?)] = [
        ("$.detail-type", "\"Order\""),
        ("$['detail-type']", "\"Order\""),
        ("$[\"detail-type\"]", "\"Order\""),
        ("$.resources[1]", "\"b\""),
        ("$.resources", "[\"a\",\"b\"]"),
        ("$.detail.items[0].tags[0]", "\"x\""),
        ("$['detail']['items'][1]", "{\"id\":2}"),
        ("$.n", "null"),
        ("$.é", "1"),
        ("$['it\\'s']", "2"),
        ("$['a.b']", "3"),
        ("$['']", "4"),
        ("$.key", "2"),
        ("$.resources[2]", nil),
        ("$.resources[99999999999]", nil),
        ("$.resources.a", nil),
        ("$.detail[0]", nil),
        ("$.n.x", nil),
        ("$.missing", nil),
    ]

    @Test("A definite path leads to its value or to nothing", arguments: definite)
    func definitePath(path: String, value: String?) throws {
        let parsed = try JSONPath(parsing: path)
        #expect(parsed.isDefinite)
        #expect(parsed.text == path)
        #expect(parsed.values(in: try JSON(parsing: JSONPathTests.document))?.text == value)
    }

    static let indefinite: [(path: String, values: String?)] = [
        ("$.resources[*]", "[\"a\",\"b\"]"),
        ("$.detail.items[*].id", "[1,2]"),
        ("$.detail.items[0][*]", "[1,[\"x\"]]"),
        ("$..id", "[0,1,2,3]"),
        ("$..['id']", "[0,1,2,3]"),
        ("$.detail.items..id", "[1,2,3]"),
        ("$..items[*].id", "[1,2]"),
        ("$..items..id", "[1,2,3]"),
        ("$..items[1].id", "[2]"),
        ("$..[1]", "[\"b\",{\"id\":2}]"),
        ("$.detail.items[0]..[*]", "[1,[\"x\"],\"x\"]"),
        ("$..missing", "[]"),
        ("$.detail-type[*]", "[]"),
        ("$.n[*]", "[]"),
        ("$.detail.items[*].missing", "[]"),
        ("$.missing[*]", nil),
        ("$.missing..id", nil),
    ]

    @Test("A path with [*] or .. leads to an array, unless its definite part leads nowhere", arguments: indefinite)
    func indefinitePath(path: String, values: String?) throws {
        let parsed = try JSONPath(parsing: path)
        #expect(!parsed.isDefinite)
        #expect(parsed.values(in: try JSON(parsing: JSONPathTests.document))?.text == values)
    }

    @Test func theRootAloneIsTheDocument() throws {
        for document: JSON in [["a": 1], "text", nil, [1, 2]] {
            #expect(try JSONPath(parsing: "$").values(in: document) == document)
        }
    }

    @Test func matchesComeInTheOrderOfTheText() throws {
        let document = try JSON(parsing: #"{"id":[{"id":1}],"z":{"id":2},"a":{"b":{"id":3},"id":4}}"#)
        // The member of a value comes before the members inside its children.
        #expect(try JSONPath(parsing: "$..id").values(in: document)?.text == #"[[{"id":1}],1,2,4,3]"#)
    }

    static let refusals: [(path: String, code: JSONPathError.Code, message: String, column: Int)] = [
        ("", .root, "a path begins with '$'", 1),
        ("detail.id", .root, "a path begins with '$'", 1),
        (" $", .root, "a path begins with '$'", 1),
        ("$detail", .step, "expected '.' or '['", 2),
        ("$ ", .step, "expected '.' or '['", 2),
        ("$.", .step, "expected a name after '.'", 3),
        ("$.é.", .step, "expected a name after '.'", 5),
        ("$..", .step, "expected a name after '.'", 4),
        ("$...a", .step, "expected a name after '.'", 4),
        ("$.[0]", .step, "expected a name after '.'", 3),
        ("$.a b", .step, "' ' must be written in brackets and quotes, as in ['name']", 4),
        ("$.*", .step, "'*' must be written in brackets and quotes, as in ['name']", 3),
        ("$[", .step, "expected an index from 0, '*' or a name in quotes", 3),
        ("$[]", .step, "expected an index from 0, '*' or a name in quotes", 3),
        ("$[-1]", .step, "expected an index from 0, '*' or a name in quotes", 3),
        ("$[name]", .step, "expected an index from 0, '*' or a name in quotes", 3),
        ("$[99999999999999999999]", .step, "expected an index from 0, '*' or a name in quotes", 3),
        ("$[0", .step, "expected ']'", 4),
        ("$[0:2]", .step, "expected ']'", 4),
        ("$['a'", .step, "expected ']'", 6),
        ("$['a", .step, "the quoted name is not closed", 3),
        ("$['a\\", .step, "the quoted name is not closed", 3),
        ("$[?(@.a)]", .step, "expected an index from 0, '*' or a name in quotes", 3),
        ("$..a..b..c", .deepScan, "a path may hold '..' twice at most", 8),
    ]

    @Test("Refused, with the column", arguments: refusals)
    func refuses(path: String, code: JSONPathError.Code, message: String, column: Int) {
        #expect(throws: JSONPathError(code, message, column: column)) { try JSONPath(parsing: path) }
    }
}
