import Bus
import Core
import Glibc

@main
struct Publish {
    static func main() async throws {
        let client = try BusClient(
            endpoint: endpoint("OPSBUS_REQUESTS", BusConfiguration.defaultRequestsEndpoint),
            streamEndpoint: endpoint("OPSBUS_STREAM", BusConfiguration.defaultStreamEndpoint))
        let subscription = try client.subscribe(to: ["event/default/example.swift/"], from: .after(0, epoch: nil))

        let answer = try await client.putEvents([entry("first"), entry("second")])
        print("put \(answer["Entries"]?.array?.count ?? 0) events")

        var received = 0
        for try await message in subscription {
            print("received \(message.body["detail"]?["name"]?.string ?? "?") on \(message.topic)")
            received += 1
            if received == 2 { break }
        }
        await client.close()
    }

    private static func entry(_ name: String) -> JSON {
        let detail: JSON = ["name": .string(name)]
        return ["Source": "example.swift", "DetailType": "Greeting", "Detail": .string(detail.text)]
    }

    private static func endpoint(_ variable: String, _ standard: String) -> String {
        getenv(variable).map { String(cString: $0) } ?? standard
    }
}
