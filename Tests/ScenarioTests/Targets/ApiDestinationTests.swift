import Core
import Foundation
import Testing

@Suite("API destinations and a receiver that fails on purpose")
struct ApiDestinationTests {
    @Test("boto3 sets them up; requests, retries, dead letters, OAuth and rates are as the service has them")
    func boto3() throws {
        try Scenario.run { scenario in
            let endpoint = try scenario.startHTTPServer()
            let outcome = try scenario.python("api_destinations.py", endpoint, within: 150)
            #expect(outcome.output.split(separator: "\n").count == 10, "\(outcome.output)")
        }
    }
}
