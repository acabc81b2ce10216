import Core
import Foundation
import Testing

@Suite("Parameter Store, and the documents that refer to it")
struct ParameterClientTests {
    @Test("boto3, aws-cli and opsbus keep parameters; documents get their values, and secrets stand nowhere in clear")
    func clients() throws {
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer()
            let node = try scenario.onlineNode()
            try scenario.python("parameters.py", endpoint, node, within: 120)
            let put = try scenario.opsbus(
                "parameters", "put", "/db/password", "-", "--type", "SecureString", input: "other-0815\n")
            #expect(put.output == "version 1\n")
            #expect(try scenario.opsbus("parameters", "get", "/db/password", "--decrypt").output == "other-0815\n")
            #expect(try scenario.opsbus("parameters", "list", "/web").output.contains("/web/hosts"))
            #expect(try scenario.opsbus("parameters", "history", "/web/greeting").output.contains("first"))
            let deleted = try scenario.opsbus("parameters", "delete", "/db/password", "/db/nothing")
            #expect(deleted.exitCode == 1)
            #expect(deleted.output == "/db/password deleted\n")
            #expect(deleted.errorOutput.contains("there is no parameter /db/nothing"))
            for secret in ["pass-4711", "other-0815"] { #expect(try scenario.files(with: secret) == []) }
        }
    }
}

extension Scenario {
    /// The files of the data directory that hold a text, by name.
    fileprivate func files(with text: String) throws -> [String] {
        let wanted = Data(text.utf8)
        let all = FileManager.default.enumerator(
            at: directory.appendingPathComponent("data"), includingPropertiesForKeys: [.isRegularFileKey])
        #expect(all != nil)
        return (all?.compactMap { $0 as? URL } ?? []).filter { url in
            (try? url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true
                && (try? Data(contentsOf: url))?.range(of: wanted) != nil
        }.map(\.lastPathComponent)
    }
}
