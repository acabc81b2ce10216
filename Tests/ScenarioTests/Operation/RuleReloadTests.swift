import Core
import Foundation
import Testing

@Suite("Rule files change under a running server")
struct RuleReloadTests {
    private func rule(source: String, group: String) -> String {
        """
        Name: watched
        EventPattern:
          source: [\(source)]
        Targets:
          - {Id: log, Arn: "arn:aws:logs:::log-group:\(group)"}
        """
    }

    private func put(_ scenario: Scenario, _ source: String) throws {
        let put = try scenario.opsbus("events", "put", "-s", source, "-t", "t", "-d", "{}")
        guard put.exitCode == 0 else { throw ScenarioError(put.errorOutput) }
    }

    @Test("A broken file leaves its last good version in force and is reported by line and column; mending it helps")
    func broken() throws {
        try Scenario.run { scenario in
            try scenario.write(rule(source: "one", group: "/one"), to: "rules/watched.yaml")
            let server = try scenario.startServer("--rules", "rules")
            try put(scenario, "one")
            try eventually("the rule works") { try scenario.logged("/one").count == 1 }

            // Broken as YAML, then as a pattern, then as a rule.
            var handled = 1
            let faults = [
                (rule(source: "one", group: "/one") + "\n  - [\n", #"rules/watched\.yaml:\d+:\d+: "#),
                (rule(source: "{anything-butt: x}", group: "/one"), #"rules/watched\.yaml:3:\d+: .*anything-butt"#),
                ("Name: watched\nEventPatern: {source: [one]}\n", #"rules/watched\.yaml:\d+:\d+: "#),
            ]
            for (text, place) in faults {
                let before = server.errorOutput.count
                try scenario.write(text, to: "rules/watched.yaml")
                try eventually("\(place) is reported") {
                    server.errorOutput.dropFirst(before).range(of: place, options: .regularExpression) != nil
                }
                try put(scenario, "one")
                handled += 1
                try eventually("the last good version works") { try scenario.logged("/one").count == handled }
                let check = try scenario.opsbus("rules", "check", "rules")
                #expect(check.exitCode == 1, "\(check.output)")
                #expect(
                    (check.output + check.errorOutput).range(of: place, options: .regularExpression) != nil,
                    "\(check.output)\(check.errorOutput)")
            }

            try scenario.write(rule(source: "two", group: "/two"), to: "rules/watched.yaml")
            try eventually("the new version is in force") {
                try put(scenario, "two")
                return try !scenario.logged("/two").isEmpty
            }
            try put(scenario, "one")
            // An event put later that has been handled shows that the one before was.
            let count = try scenario.logged("/two").count
            try put(scenario, "two")
            try eventually("the later event is handled") { try scenario.logged("/two").count > count }
            #expect(try scenario.logged("/one").count == handled, "the old version is no longer in force")
        }
    }

    @Test("Files that come and go bring and take their rules, and a broken one stops no other")
    func comeAndGo() throws {
        try Scenario.run { scenario in
            func names() throws -> [String] {
                try (scenario.call("events:ListRules")["Rules"]?.array ?? []).compactMap { $0["Name"]?.string }.sorted()
            }
            try scenario.write(rule(source: "one", group: "/one"), to: "rules/watched.yaml")
            try scenario.write("Name: [\n", to: "rules/broken.yaml")
            let server = try scenario.startServer("--rules", "rules")
            #expect(server.errorOutput.contains("rules/broken.yaml:"), "\(server.errorOutput)")
            #expect(try names() == ["watched"])
            let second = rule(source: "one", group: "/one").replacingOccurrences(of: "watched", with: "second")
            try scenario.write(second, to: "rules/deeper/second.yaml")
            try eventually("the second rule is there") { try names() == ["second", "watched"] }
            try FileManager.default.removeItem(atPath: scenario.path("rules/watched.yaml"))
            try eventually("the first rule is gone") { try names() == ["second"] }
        }
    }
}
