import Core
import Testing

@Suite struct NodeTests {
    static let text = """
        {
          "détail": {"état": ["läuft", {"x": 1}], "y": 2},
          "a": [10, [20,
            30]],
          "a": {"b": null}
        }
        """

    @Test("Positions of paths", arguments: [
        // A member's position is its key's.
        (["détail"], 2, 3), (["détail", "état"], 2, 14), (["détail", "y"], 2, 43),
        // An element's is its own.
        (["détail", "état", "0"], 2, 23), (["détail", "état", "1"], 2, 32), (["détail", "état", "1", "x"], 2, 33),
        // The last of a repeated key counts.
        (["a"], 5, 3), (["a", "b"], 5, 9),
        // A path that leads nowhere is as far as it leads.
        ([], 1, 1), (["none"], 1, 1), (["détail", "none"], 2, 13), (["détail", "état", "2"], 2, 22),
        (["détail", "état", "x"], 2, 22), (["détail", "état", "-1"], 2, 22), (["a", "b", "c"], 5, 14),
    ] as [([String], Int, Int)])
    func positions(path: [String], line: Int, column: Int) throws {
        let node = try Node(parsingJSON: NodeTests.text)
        #expect(node.position(of: path) == TextPosition(line: line, column: column))
    }

    @Test func everyValueKnowsWhereItStands() throws {
        let node = try Node(parsingJSON: NodeTests.text)
        let first = try #require(node.members?[1].value)
        #expect(first.position == TextPosition(line: 3, column: 8))
        #expect(first.elements?[0].position == TextPosition(line: 3, column: 9))
        #expect(first.elements?[1].elements?[0].position == TextPosition(line: 3, column: 14))
        #expect(first.elements?[1].elements?[1].position == TextPosition(line: 4, column: 5))
    }

    @Test func withoutPositionsItIsTheSameValue() throws {
        #expect(try Node(parsingJSON: NodeTests.text).json == JSON(parsing: NodeTests.text))
    }
}
